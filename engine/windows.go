package engine

import (
	"fmt"
	"path"
	"strings"

	"forge/digest"
	"forge/platforms/toolchain"
	"forge/recipes"
	"forge/sandbox"
)

// windowsFolders sets conda's variables for the folders of a prefix on Windows (conda-build's
// windows_vars, rattler-build's windows/env.rs). In a cross build on Unix sep is "/".
func windowsFolders(env map[string]string, prefix, sep string) {
	library := prefix + sep + "Library"
	env["SCRIPTS"] = prefix + sep + "Scripts"
	env["LIBRARY_PREFIX"] = library
	env["LIBRARY_BIN"] = library + sep + "bin"
	env["LIBRARY_INC"] = library + sep + "include"
	env["LIBRARY_LIB"] = library + sep + "lib"
}

// windowsEnv turns an environment made for Unix into that of a command on Windows. PATH has conda's
// order: build prefix, host prefix, the system.
func windowsEnv(env map[string]string, at layout, prefixes ...string) {
	for _, name := range []string{"LD_RUN_PATH", "PKG_CONFIG_PATH", "CMAKE_GENERATOR", "SHELL", "EDITOR", "TERM", "BUILD"} {
		delete(env, name)
	}
	windowsFolders(env, at.prefix, `\`)
	env["CYGWIN_PREFIX"] = cygwinPath(at.prefix)
	if env["PIP_CACHE_DIR"] != "" {
		env["PIP_CACHE_DIR"] = at.root + `\pip_cache`
	}
	home := at.root + `\home`
	env["HOME"], env["USERPROFILE"], env["USERNAME"] = home, home, buildUser
	env["APPDATA"], env["LOCALAPPDATA"] = home+`\AppData\Roaming`, home+`\AppData\Local`
	env["MSYS2_PATH_TYPE"], env["CHERE_INVOKING"] = "inherit", "1"
	env["DISTUTILS_USE_SDK"], env["MSSdk"] = "1", "1"
	system := sandbox.SystemEnv()
	for name, value := range system {
		env[name] = value
	}
	if arch := windowsTriplet(env["PROCESSOR_ARCHITECTURE"]); arch != "" && env["CONDA_BUILD_STATE"] == "BUILD" {
		env["BUILD"] = arch
	}
	var dirs []string
	for _, p := range prefixes {
		dirs = append(dirs, binFolders(p)...)
	}
	env["PATH"] = strings.Join(append(dirs, system["PATH"]), ";")
}

// binFolders are the folders of a prefix that conda puts on PATH, in its order.
func binFolders(prefix string) []string {
	return []string{prefix, prefix + `\Library\mingw-w64\bin`, prefix + `\Library\usr\bin`, prefix + `\Library\bin`, prefix + `\Scripts`, prefix + `\bin`}
}

func windowsTriplet(arch string) string {
	cpu := map[string]string{"AMD64": "amd64", "x86": "i386", "ARM64": "arm64"}[arch]
	if cpu == "" {
		return ""
	}
	return cpu + "-pc-windows-19.0.0"
}

// cygwinPath is C:\a\b as Cygwin's programs call it.
func cygwinPath(p string) string {
	p = strings.ReplaceAll(p, `\`, "/")
	if len(p) > 1 && p[1] == ':' {
		return "/cygdrive/" + strings.ToLower(p[:1]) + p[2:]
	}
	return p
}

// batchFiles are scriptFiles for cmd.exe: conda_build.bat calls build_env.bat, which sets and activates,
// and then starts each script in a cmd.exe of its own. That one's exit code is right whatever the script
// does; the code of a script that was called is not. hooks are the activation scripts, in order.
func batchFiles(scripts []recipes.Script, env map[string]string, hooks []activation, at layout, origin string) []sandbox.File {
	files := []sandbox.File{{Path: at.root + `\build_env.bat`, Data: crlf(environmentBatch(env, hooks))}}
	var main, failed strings.Builder
	main.WriteString("@echo off\n" +
		"rem Runs the scripts of the recipe. To step in: call " + batchText(at.root) + "\\build_env.bat\n" +
		"chcp 65001 >nul 2>nul\n" +
		"call " + batchQuote(at.root+`\build_env.bat`) + "\n")
	for i, s := range scripts {
		name := fmt.Sprintf(`%s\script_%d%s`, at.root, i, batchExtension(s.Interpreter))
		text := s.Text + "\n"
		if batch(s.Interpreter) {
			text = crlf(text)
		}
		files = append(files, sandbox.File{Path: name, Data: text})
		where := origin
		if s.File != "" {
			where = s.File
		}
		main.WriteString("setlocal\n" + batchSetup(s) + batchLine(s.Interpreter, name) + "\n" +
			"set \"forge_rc=%errorlevel%\"\n" +
			fmt.Sprintf("if not \"%%forge_rc%%\"==\"0\" goto failed_%d\n", i) +
			"endlocal\n")
		// Written out, since a variable is read as part of the line it stands in.
		fmt.Fprintf(&failed, ":failed_%d\necho %s%s: exit %%forge_rc%% 1>&2\nexit %%forge_rc%%\n", i, failMark, batchEscape(where))
	}
	main.WriteString("exit 0\n" + failed.String())
	return append(files, sandbox.File{Path: at.root + `\conda_build.bat`, Data: crlf(main.String())})
}

// activation is one prefix and the scripts that activate it.
type activation struct {
	prefix string
	calls  []string // paths of batch files, sorted
}

// environmentBatch sets env and activates the prefixes. A value with a quote cannot be written so that
// cmd.exe reads it back in every case: the process has it already, and the file says so.
func environmentBatch(env map[string]string, hooks []activation) string {
	var b strings.Builder
	b.WriteString("@echo off\n")
	for _, name := range sortedKeys(env) {
		if strings.ContainsAny(env[name], "\"\n\r\x1a") {
			fmt.Fprintf(&b, "rem %s is set by forge: its value has a quote or a line break\n", name)
			continue
		}
		b.WriteString(batchSet(name, env[name]))
	}
	for _, h := range hooks {
		fmt.Fprintf(&b, "set \"CONDA_PREFIX=%s\"\n", batchText(h.prefix))
		for _, call := range h.calls {
			fmt.Fprintf(&b, "call %s\n", batchQuote(call))
		}
	}
	// The compilers of Visual Studio look here (conda-build's header of bld.bat).
	b.WriteString("set \"INCLUDE=%LIBRARY_INC%;%INCLUDE%\"\nset \"LIB=%LIBRARY_LIB%;%LIB%\"\n")
	return b.String()
}

func batchSetup(s recipes.Script) string {
	var b strings.Builder
	if s.Cwd != "" {
		fmt.Fprintf(&b, "cd /d %s\n", batchQuote(strings.ReplaceAll(s.Cwd, "/", `\`)))
	}
	for _, name := range sortedKeys(s.Env) {
		b.WriteString(batchSet(name, s.Env[name]))
	}
	return b.String()
}

func batch(interpreter string) bool {
	return interpreter == "" || interpreter == "cmd"
}

func batchExtension(interpreter string) string {
	switch {
	case batch(interpreter):
		return ".bat"
	case interpreter == "bash" || interpreter == "sh":
		return ".sh"
	}
	return extension(interpreter)
}

// batchLine starts one script file with its interpreter.
func batchLine(name, file string) string {
	file = batchQuote(file)
	switch name {
	case "", "cmd":
		return `"%ComSpec%" /d /c ` + file
	case "bash", "sh":
		return name + " -e " + file
	case "powershell", "pwsh":
		return name + " -NoProfile -NonInteractive -ExecutionPolicy Bypass -File " + file
	case "python", "nodejs", "node", "rscript", "r", "nushell", "nu":
		return interpreter(name) + " " + file
	}
	return batchQuote(name) + " " + file
}

// crlf ends lines as cmd.exe needs them: with LF alone it misses labels.
func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// batchCheck ends a batch file whose last command failed: cmd.exe goes on, and a crash is a negative code.
const batchCheck = "if %errorlevel% neq 0 exit 1\n"

// pythonBatch is pythonTest for cmd.exe.
func pythonBatch(t *recipes.PythonTest) recipes.Script {
	var b strings.Builder
	for _, name := range t.Imports {
		b.WriteString("python -c " + batchQuote("import "+name) + "\n" + batchCheck)
	}
	if t.PipCheck {
		b.WriteString("python -m pip check\n" + batchCheck)
	}
	return recipes.Script{Text: b.String()}
}

// patchBatch is applyPatch for cmd.exe; patch.exe comes from the build environment (conda-forge's m2-patch).
func patchBatch(at layout, folder, patch string) string {
	dir := at.work + `\` + strings.ReplaceAll(strings.TrimPrefix(path.Join("/", folder), "/"), "/", `\`)
	file := batchQuote(at.recipe + `\` + strings.ReplaceAll(patch, "/", `\`))
	var b strings.Builder
	fmt.Fprintf(&b, "echo applying patch %s\ncd /d %s\n", batchQuote(patch), batchQuote(strings.TrimSuffix(dir, `\`)))
	label := "forge_" + digest.Of([]byte(folder + "\x00" + patch)).Hex()[:12]
	for _, strip := range []string{"1", "0", "2", "3"} {
		fmt.Fprintf(&b, "patch --binary -p%[1]s --dry-run --force --silent -i %[2]s >nul 2>nul\n"+
			"if not errorlevel 1 patch --binary -p%[1]s --force --no-backup-if-mismatch -i %[2]s\n"+
			"if not errorlevel 1 goto %[3]s\n", strip, file, label)
	}
	fmt.Fprintf(&b, "patch --binary -p1 --dry-run --force -i %s\nexit 1\n:%s\n", file, label)
	return b.String()
}

// enterBatch is the command that activates the build's environment and then runs argv, or stays open.
func (s *site) enterBatch(shell string, argv []string) []string {
	env := s.at.root + `\build_env.bat`
	if len(argv) == 0 {
		return []string{shell, "/d", "/k", env}
	}
	return append([]string{shell, "/d", "/c", "call", env, "&"}, argv...)
}

// callsOf are the batch files that activating the externals calls, each once.
func callsOf(externals []*toolchain.External) []string {
	var calls []string
	for _, e := range externals {
		calls = append(calls, e.Calls...)
	}
	return unique(calls)
}
