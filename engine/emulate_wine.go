package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"forge/recipes"
	"forge/sandbox"
)

// wineTool is the external that runs programs of Windows on Linux, and wineProgram the program in it.
const (
	wineTool    = "wine"
	wineProgram = "/usr/lib/wine/wine64"
)

// asWindows is the layout as programs of Windows see it under Wine, whose drive Z: is the whole root.
func (l layout) asWindows() layout {
	at := func(p string) string { return `Z:` + strings.ReplaceAll(p, "/", `\`) }
	return layout{root: at(l.root), work: at(l.work), prefix: at(l.prefix), build: at(l.build), recipe: at(l.recipe), extra: at(l.extra), windows: true}
}

// fromWindows is a path of that drive as the sandbox knows it.
func fromWindows(p string) string {
	return strings.ReplaceAll(strings.TrimPrefix(p, "Z:"), `\`, "/")
}

// wineTest runs one test's batch file with the cmd.exe of Wine. Its folder for the registry and the
// system's files is fresh each time. That Wine ran the test is in the log and in the test's key.
func (r *runner) wineTest(ctx context.Context, a *Action, plan TestPlan, s *site, log *logFile, e *emulation) (sandbox.Result, error) {
	externals, err := r.externalsOf(ctx, plan.Run, plan.Build)
	if err != nil {
		return sandbox.Result{}, err
	}
	spec, err := r.spec(ctx, s, e.with(externals))
	if err != nil {
		return sandbox.Result{}, err
	}
	view := s.at.asWindows()
	env := testEnv(a.Output, plan, view)
	for name, value := range map[string]string{"ComSpec": `C:\windows\system32\cmd.exe`, "SystemRoot": `C:\windows`, "SystemDrive": "C:", "windir": `C:\windows`} {
		env[name] = value
	}
	env["PATH"] += `C:\windows\system32;C:\windows`
	seen := *s
	seen.at = view
	hooks, err := seen.activations()
	if err != nil {
		return sandbox.Result{}, err
	}
	scripts := []recipes.Script{testScript(r.req.testsOf(a.Output)[plan.Index], true)}
	if err := checkScripts(scripts, true); err != nil {
		return sandbox.Result{}, err
	}
	files := batchFiles(scripts, env, hooks, view, filepath.Base(a.Output.Recipe.File))
	for i := range files {
		files[i].Path = fromWindows(files[i].Path)
	}
	if err := s.show(&spec, files); err != nil {
		return sandbox.Result{}, err
	}
	home := filepath.Join(s.dir, "wine")
	if err := os.Mkdir(home, 0o755); err != nil {
		return sandbox.Result{}, err
	}
	const prefix = insideRoot + "/wine"
	spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: home, Target: prefix, Writable: true})
	spec.Env = append(spec.Env, "WINEPREFIX="+prefix, "HOME="+prefix, "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree=;mshtml=")
	spec.Argv = []string{"/bin/sh", "-c", `wine=$1; shift; "$wine" wineboot -i >/dev/null 2>&1; exec "$wine" cmd /d /c "$@"`,
		"sh", wineProgram, view.root + `\conda_build.bat`}
	spec.Dir = r.testDir(s.at, a, plan)
	if err := writeFiles(s.work, plan.files); err != nil {
		return sandbox.Result{}, err
	}
	fmt.Fprintf(log, "forge: test %d for %s is run by Wine %s\n", plan.Index, a.Output.HostPlatform, e.loaded.Record.Version)
	spec.Started = func(pid int) { r.report(Event{Kind: EventProcess, Action: a, PID: pid}) }
	spec.Stdout, spec.Stderr = log, log
	return r.tools.Runner.Run(ctx, spec)
}
