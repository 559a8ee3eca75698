package engine

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"forge/recipes"
	"forge/sandbox"
)

// prepare makes spec the run of scripts in the site: their files, the command that starts them and, where
// no script can export it, their environment.
func (s *site) prepare(spec *sandbox.Spec, scripts []recipes.Script, env map[string]string, origin string) error {
	if err := checkScripts(scripts, s.at.windows); err != nil {
		return err
	}
	if !s.at.windows {
		spec.Argv = []string{"/bin/bash", s.at.root + "/conda_build.sh"}
		return s.show(spec, append(scriptFiles(scripts, env, s.at, origin, ""), s.beside...))
	}
	spec.Argv = []string{env["ComSpec"], "/d", "/c", s.at.root + `\conda_build.bat`}
	spec.Env = list(env)
	if err := os.MkdirAll(env["LOCALAPPDATA"], 0o755); err != nil {
		return err
	}
	hooks, err := s.activations()
	if err != nil {
		return err
	}
	if isTest(env) {
		slices.Reverse(hooks)
	}
	hooks[0].calls = append(slices.Clone(s.calls), hooks[0].calls...)
	return s.show(spec, append(batchFiles(scripts, env, hooks, s.at, origin), s.beside...))
}

// activations lists the batch files that activate the prefixes, host first, as conda does.
func (s *site) activations() ([]activation, error) {
	var all []activation
	for _, p := range []struct{ dir, at string }{{s.prefix, s.at.prefix}, {s.build, s.at.build}} {
		names, err := filepath.Glob(filepath.Join(p.dir, "etc", "conda", "activate.d", "*.bat"))
		if err != nil {
			return nil, err
		}
		a := activation{prefix: p.at}
		for _, name := range names {
			a.calls = append(a.calls, p.at+`\etc\conda\activate.d\`+filepath.Base(name))
		}
		all = append(all, a)
	}
	return all, nil
}

// scriptFiles are the files through which a list of scripts is run: /forge/conda_build.sh sources
// /forge/build_env.sh and then runs each script in a subshell of its own (the last needs none), stopping at the
// first that fails. A failing line is written to the log in the form failedLine reads; then, if it is not empty, is a
// command that runs there, with the script's standard input as descriptor 9.
func scriptFiles(scripts []recipes.Script, env map[string]string, at layout, origin, then string) []sandbox.File {
	prefixes := []string{at.prefix, at.build}
	switch {
	case env["BUILD_PREFIX"] == at.prefix: // merged
		prefixes = prefixes[:1]
	case isTest(env):
		slices.Reverse(prefixes)
	}
	files := []sandbox.File{{Path: at.root + "/build_env.sh", Data: environmentScript(env, prefixes)}}
	var main strings.Builder
	main.WriteString("#!/bin/bash\n" +
		"# Runs the scripts of the recipe. To step in: source " + at.root + "/build_env.sh\n" +
		"set -e\n" + untraced + ". " + shellQuote(at.root) + "/build_env.sh\n")
	if then != "" {
		main.WriteString("exec 9<&0 < /dev/null\n")
	}
	for i, s := range scripts {
		name := fmt.Sprintf("%s/script_%d%s", at.root, i, extension(s.Interpreter))
		files = append(files, sandbox.File{Path: name, Data: s.Text + "\n"})
		text := scriptSetup(s) + runLine(s, shellQuote(name), origin, then)
		if then != "" || i < len(scripts)-1 {
			text = "(\n" + text + ")\n"
		}
		main.WriteString(text)
	}
	return append(files, sandbox.File{Path: at.root + "/conda_build.sh", Data: main.String()})
}

// isTest tells the environment of a test: in it the package's own prefix is what is active in the end.
func isTest(env map[string]string) bool { return env["CONDA_BUILD_STATE"] == "TEST" }

// environmentScript exports env and activates the prefixes as conda does: for a build host first, then build.
func environmentScript(env map[string]string, prefixes []string) string {
	var b strings.Builder
	for _, name := range sortedKeys(env) {
		fmt.Fprintf(&b, "export %s=%s\n", name, shellQuote(env[name]))
	}
	for _, p := range prefixes {
		fmt.Fprintf(&b, "export CONDA_PREFIX=%[1]s\n"+
			"for forge_f in %[1]s/etc/conda/activate.d/*.sh; do if [ -r \"$forge_f\" ]; then . \"$forge_f\"; fi; done\n"+
			"unset forge_f\n", shellQuote(p))
	}
	return b.String()
}

func scriptSetup(s recipes.Script) string {
	var b strings.Builder
	if s.Cwd != "" {
		fmt.Fprintf(&b, "cd %s\n", shellQuote(path.Join(".", s.Cwd)))
	}
	for _, name := range sortedKeys(s.Env) {
		fmt.Fprintf(&b, "export %s=%s\n", name, variablesQuote(s.Env[name]))
	}
	return b.String()
}

// untraced and traced stand around what bash -x is not to show: nobody who traces a script wants to read how its
// variables were set.
const (
	untraced = "{ forge_x=${-//[^x]/}; set +x; } 2>/dev/null\n"
	traced   = "if [ -n \"$forge_x\" ]; then set -x; fi\n"
)

// failMark begins the log lines that name a failing line.
const failMark = "forge: failed at "

// runLine runs one script file with its interpreter. Where the script shows its commands (set -x), what the trap does
// is not shown with them.
func runLine(s recipes.Script, name, origin, then string) string {
	program := interpreter(s.Interpreter)
	for _, a := range s.Arguments {
		program += " " + shellQuote(a)
	}
	switch s.Interpreter {
	case "", "bash", "sh":
		if len(s.Arguments) > 0 {
			break
		}
		where, offset := origin, s.FirstLine-1
		if s.File != "" {
			where, offset = s.File, 0
		}
		return fmt.Sprintf("set -eE\ntrap '{ forge_rc=$?; forge_x=${-//[^x]/}; set +x; } 2>/dev/null; echo \"%s\"%s\":$((LINENO + %d)): exit $forge_rc: $BASH_COMMAND\" >&2%s; [ -z \"$forge_x\" ] || set -x' ERR\n%s. %s\n",
			failMark, strings.ReplaceAll(shellQuote(where), "'", `'\''`), max(offset, 0), onFailure(then), traced, name)
	}
	if then != "" {
		return traced + program + " " + name + " || { forge_rc=$?; " + then + "; }\n"
	}
	return traced + program + " " + name + "\n"
}

func interpreter(name string) string {
	switch name {
	case "python":
		return "python"
	case "nodejs", "node":
		return "node"
	case "rscript", "r":
		return "Rscript"
	case "nushell", "nu":
		return "nu"
	case "powershell", "pwsh":
		return "pwsh"
	}
	return shellQuote(name)
}

func extension(interpreter string) string {
	switch interpreter {
	case "python":
		return ".py"
	case "perl":
		return ".pl"
	case "ruby":
		return ".rb"
	case "nodejs", "node":
		return ".js"
	case "rscript", "r":
		return ".R"
	case "nushell", "nu":
		return ".nu"
	case "powershell", "pwsh":
		return ".ps1"
	}
	return ".sh"
}

// shellQuote makes s one word for a POSIX shell, whatever it holds.
// variablesQuote quotes all of s but its variables, $NAME and ${NAME}: conda-build and rattler-build write what a
// recipe sets between double quotes, and what only the build knows ({{ SRC_DIR }}) is a variable by then.
func variablesQuote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, c := range []byte(s) {
		if strings.IndexByte("\\\"`", c) >= 0 || c == '$' && !startsVariable(s[i+1:]) {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String() + "\""
}

// startsVariable tells whether s, what follows a dollar, is the name of a variable, in braces or not.
func startsVariable(s string) bool {
	if inner, ok := strings.CutPrefix(s, "{"); ok {
		name, _, closed := strings.Cut(inner, "}")
		return closed && name != "" && strings.IndexFunc(name, func(r rune) bool { return !nameRune(r) }) < 0 && !strings.ContainsRune("0123456789", rune(name[0]))
	}
	return s != "" && nameRune(rune(s[0])) && (s[0] < '0' || s[0] > '9')
}

func nameRune(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
