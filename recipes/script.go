package recipes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"forge/internal/diag"
	"forge/platforms"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

const maxScript = 8 << 20

// readScript reads a file of the recipe's folder; a path that leads out of it, also by links, is refused.
func readScript(dir, name string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	info, err := root.Stat(filepath.FromSlash(name))
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("read %s: it is not a file", name)
	}
	if info.Size() > maxScript {
		return "", fmt.Errorf("read %s: it has %d bytes, more than the %d a script may have", name, info.Size(), maxScript)
	}
	data, err := root.ReadFile(filepath.FromSlash(name))
	return strings.ReplaceAll(string(data), "\r\n", "\n"), err
}

// scriptNames are the files that a name given in a recipe may mean, best first.
func scriptNames(name string, p platforms.Platform) []string {
	if filepath.Ext(name) != "" {
		return []string{name}
	}
	if p.IsWindows() {
		return []string{name + ".bat", name + ".ps1"}
	}
	return []string{name + ".sh"}
}

func (d *folder) find(name string, p platforms.Platform) (file, text string, err error) {
	err = fs.ErrNotExist
	for _, file = range scriptNames(name, p) {
		if text, err = d.read(file); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return file, text, err
		}
	}
	return "", "", err
}

// defaultScript is build.sh, on Windows build.bat, if there is one.
func (d *folder) defaultScript(p platforms.Platform) ([]Script, error) {
	file, text, err := d.find("build", p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return []Script{{Text: text, File: file, FirstLine: 1, Interpreter: interpreterOf(file)}}, err
}

// interpreterOf is who runs a script, by the file's extension; empty for the platform's own.
func interpreterOf(file string) string {
	return map[string]string{".py": "python", ".rb": "ruby", ".js": "nodejs", ".pl": "perl", ".r": "rscript",
		".sh": "bash", ".bash": "bash", ".bat": "cmd", ".cmd": "cmd", ".ps1": "powershell", ".nu": "nushell"}[strings.ToLower(filepath.Ext(file))]
}

// scripts reads build.script or a test's script: a text, a list of lines, or a mapping. def is what a
// script without content stands for.
func (f *frame) scripts(n *yaml.Node, p platforms.Platform, def []Script) []Script {
	if n == nil {
		return def
	}
	s := Script{Pos: f.doc.Pos(n)}
	content, file := n, (*yaml.Node)(nil)
	if n.Kind == yaml.MappingNode && yamlx.Get(n, "if") == nil {
		s.Interpreter, s.Cwd = f.text(yamlx.Get(n, "interpreter")), f.text(yamlx.Get(n, "cwd"))
		s.Env = f.scriptEnv(yamlx.Get(n, "env"))
		s.Secrets = f.texts(yamlx.Get(n, "secrets"))
		content, file = yamlx.Get(n, "content"), yamlx.Get(n, "file")
	}
	switch {
	case file != nil:
		return f.fileScript(s, file, p)
	case content == nil:
		if len(def) == 0 {
			return nil
		}
		d := def[0]
		d.Env, d.Secrets, d.Cwd, d.Pos, d.words = s.Env, s.Secrets, s.Cwd, s.Pos, &scriptWords{mapping: true, interpreter: s.Interpreter}
		if s.Interpreter != "" {
			d.Interpreter = s.Interpreter
		}
		return []Script{d}
	}
	plain := n.Kind == yaml.ScalarNode || n.Kind == yaml.SequenceNode
	return f.inlineScript(s, content, p, plain)
}

func (f *frame) scriptEnv(n *yaml.Node) map[string]string {
	var env map[string]string
	for k, v := range yamlx.Pairs(n) {
		s := f.text(v)
		if strings.ContainsAny(s, "\n\r") {
			f.errorf(v, "bad-value", "the value of %s has more than one line", k.Value)
		}
		if s == "" {
			continue
		}
		if env == nil {
			env = map[string]string{}
		}
		env[k.Value] = s
	}
	return env
}

func (f *frame) fileScript(s Script, file *yaml.Node, p platforms.Platform) []Script {
	name := f.text(file)
	s.words = &scriptWords{mapping: true, interpreter: s.Interpreter, file: name}
	if f.opts.noScripts {
		s.File = name
		return []Script{s}
	}
	found, text, err := f.files.find(name, p)
	if err != nil {
		f.errorf(file, "missing-file", "the script %q cannot be read: %v", name, plainError(err))
		return nil
	}
	s.File, s.Text, s.FirstLine = found, text, 1
	if s.Interpreter == "" {
		s.Interpreter = interpreterOf(found)
	}
	return []Script{s}
}

func plainError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// inlineScript is commands written in the recipe. One single line that names a file of the recipe's
// folder stands for that file, where the script has no further settings (plain).
func (f *frame) inlineScript(s Script, content *yaml.Node, p platforms.Platform, plain bool) []Script {
	items := f.items(content)
	var lines, said []string
	for _, n := range items {
		if n.Value == "" {
			continue
		}
		lines, said = append(lines, f.scriptText(n, p)), append(said, n.Value)
		if s.FirstLine == 0 {
			s.FirstLine = firstLine(n)
		}
	}
	s.words = &scriptWords{mapping: !plain, interpreter: s.Interpreter, lines: said}
	if len(lines) == 1 && plain && !strings.Contains(lines[0], "\n") {
		if file, text, err := f.files.find(lines[0], p); err == nil {
			s.File, s.Text, s.FirstLine, s.Interpreter = file, text, 1, interpreterOf(file)
			return []Script{s}
		}
	}
	if len(lines) == 0 {
		return nil
	}
	if p.IsWindows() && len(lines) > 1 && (s.Interpreter == "" || s.Interpreter == "cmd") {
		for i, l := range lines {
			lines[i] = l + batchCheck
		}
	}
	s.Text = strings.Join(lines, "\n")
	return []Script{s}
}

// batchCheck follows every command of a list on Windows, as conda-build and rattler-build have it: cmd.exe
// goes on after one that failed. A crash is a negative code, which `if errorlevel 1` does not see.
const batchCheck = "\nif %errorlevel% neq 0 exit 1"

// firstLine is where a scalar's text begins: after the mark of a block.
func firstLine(n *yaml.Node) int {
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return n.Line + 1
	}
	return n.Line
}

// scriptText fills in a line of a script. Variables of the build's environment, which only the build
// knows, become the shell's own. What cannot be filled in is left as it is, with a warning: it is an
// error only if it is run.
func (f *frame) scriptText(n *yaml.Node, p platforms.Platform) string {
	env := f.newEnv()
	env.Lookup = func(name string) (expr.Value, bool) {
		if v, ok := f.lookup(name); ok {
			return v, true
		}
		if isBuildVariable(name) {
			return shellVariable(name, p), true
		}
		return nil, false
	}
	s, err := f.try(n, env)
	if err != nil {
		d := exprDiagnostic(f.doc, n, err)
		d.Severity = diag.Warning
		f.found.add(d)
		return n.Value
	}
	return s
}

func shellVariable(name string, p platforms.Platform) string {
	if p.IsWindows() {
		return "%" + name + "%"
	}
	return "$" + name
}

// isBuildVariable names what a build script finds in its environment.
func isBuildVariable(name string) bool { return buildVariables()[name] }

var buildVariables = sync.OnceValue(func() map[string]bool {
	set := map[string]bool{}
	for _, known := range strings.Fields(`PREFIX BUILD_PREFIX SRC_DIR RECIPE_DIR BUILD_DIR PKG_NAME PKG_VERSION PKG_BUILDNUM PKG_BUILD_STRING
		PKG_HASH SUBDIR ARCH CPU_COUNT PYTHON PY_VER PY3K SP_DIR STDLIB_DIR NPY_VER R R_VER R_USER LIBRARY_PREFIX LIBRARY_BIN LIBRARY_INC LIBRARY_LIB
		SCRIPTS CYGWIN_PREFIX HOME PATH SHLIB_EXT OSX_ARCH MACOSX_DEPLOYMENT_TARGET BUILD HOST SOURCE_DATE_EPOCH CONDA_BUILD_STATE
		CONDA_BUILD_CROSS_COMPILATION CONDA_DEFAULT_ENV LD_RUN_PATH CMAKE_GENERATOR PKG_CONFIG_PATH`) {
		set[known] = true
	}
	return set
})

// steps reads build.steps: scripts that are run one after the other.
func (f *frame) steps(n *yaml.Node, p platforms.Platform) []Script {
	var out []Script
	for _, step := range n.Content {
		if c := yamlx.Get(step, "if"); c != nil && !f.truth(c) {
			continue
		}
		s := Script{Pos: f.doc.Pos(step), Interpreter: f.text(yamlx.Get(step, "interpreter")), Cwd: f.text(yamlx.Get(step, "cwd")), Env: f.scriptEnv(yamlx.Get(step, "env"))}
		out = append(out, f.inlineScript(s, yamlx.Get(step, "run"), p, false)...)
	}
	return out
}
