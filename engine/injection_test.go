package engine

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"forge/platforms/elf"
	"forge/recipes"
)

// hostileWords end a word, a text or a line in a shell, or have one expanded, and then make a file called pwned.
func hostileWords() []string {
	return []string{
		`$(touch pwned)`, "`touch pwned`", `'; touch pwned; '`, `"; touch pwned; "`, `; touch pwned;`, "a\ntouch pwned\n",
		`a | touch pwned`, `a & touch pwned #`, `'"$(touch pwned)"'`, `\'; touch pwned #`, `a || touch pwned`, `$(touch pwned`, `<(touch pwned)`,
		`${x:-$(touch pwned)}`, `a[$(touch pwned)]`, "\ttouch pwned", `!touch pwned`, `-e touch pwned`, `%d$(touch pwned)`,
	}
}

// TestShellInjection puts hostile texts wherever a recipe's word becomes part of a shell's line (melange 84f3b45, bd13253),
// and has bash run that. The control is the same line with the word put in as it is.
func TestShellInjection(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here")
	}
	script := func(s recipes.Script, origin string, env map[string]string) func(root string) (string, error) {
		return func(root string) (string, error) {
			at := layout{root: root, work: root, prefix: root, build: root, recipe: root}
			if err := checkScripts([]recipes.Script{s}, false); err != nil {
				return "", err
			}
			for _, f := range scriptFiles([]recipes.Script{s, {Text: "true"}}, env, at, origin, "") {
				if err := os.WriteFile(f.Path, []byte(f.Data), 0o755); err != nil {
					return "", err
				}
			}
			return ". ./conda_build.sh", nil
		}
	}
	for _, place := range []struct {
		name  string
		ours  func(word string) func(root string) (string, error)
		naive string // WORD stands for the word
	}{
		{"value of the environment", func(w string) func(string) (string, error) {
			return script(recipes.Script{Text: "true", Env: map[string]string{"A": w}}, "recipe.yaml", nil)
		}, "export A=WORD\n"},
		{"value in double quotes", func(w string) func(string) (string, error) {
			return script(recipes.Script{Text: `test -n "$B$A"`}, "recipe.yaml", map[string]string{"A": w, "B": w})
		}, "export A=\"WORD\"\n"},
		{"name in the environment", func(w string) func(string) (string, error) {
			return script(recipes.Script{Text: "true", Env: map[string]string{w: "1"}}, "recipe.yaml", nil)
		}, "export WORD=1\n"},
		{"folder to start in", func(w string) func(string) (string, error) {
			return script(recipes.Script{Text: "true", Cwd: w}, "recipe.yaml", nil)
		}, "cd WORD\n"},
		{"name of a script that fails", func(w string) func(string) (string, error) {
			return script(recipes.Script{Text: "false", File: w}, "recipe.yaml", nil)
		}, "trap 'echo \"failed at WORD\"' ERR\nfalse\n"},
		{"name of the recipe of one", func(w string) func(string) (string, error) {
			return script(recipes.Script{Text: "false"}, w, nil)
		}, "echo \"failed at WORD\"\n"},
		{"interpreter", func(w string) func(string) (string, error) {
			return script(recipes.Script{Text: "x", Interpreter: w}, "recipe.yaml", nil)
		}, "WORD script_0.sh\n"},
		{"patch", func(w string) func(string) (string, error) {
			return func(root string) (string, error) {
				return patchScript(layout{work: root, recipe: root}, []recipes.Source{{Patches: []string{w}}})
			}
		}, "patch -p1 --dry-run -i WORD\n"},
		{"folder of a source", func(w string) func(string) (string, error) {
			return func(root string) (string, error) {
				return patchScript(layout{work: root, recipe: root}, []recipes.Source{{Patches: []string{"a.patch"}, TargetDirectory: w}})
			}
		}, "cd WORD\n"},
		{"import", func(w string) func(string) (string, error) {
			return func(string) (string, error) {
				return "python() { :; }; " + pythonTest(&recipes.PythonTest{Imports: []string{w}}, 1).Text, nil
			}
		}, "python() { :; }; python -c \"import WORD\"\n"},
		{"program under an emulator", func(w string) func(string) (string, error) {
			return func(root string) (string, error) {
				name := strings.ReplaceAll(w, "/", "")
				program, err := os.ReadFile("/bin/true")
				if err != nil {
					return "", err
				}
				if err := os.WriteFile(filepath.Join(root, name), program, 0o755); err != nil {
					return "", err
				}
				about, err := elf.Read(filepath.Join(root, name))
				if err != nil {
					return "", err
				}
				e := &emulation{argv: []string{"/bin/echo"}, machine: about.Machine}
				if err := e.wrap(root, []string{name}); err != nil {
					return "", err
				}
				return "./program", os.Rename(filepath.Join(root, name), filepath.Join(root, "program"))
			}
		}, "/bin/echo \"./.WORD.emulated\"\n"},
	} {
		t.Run(strings.ReplaceAll(place.name, " ", "-"), func(t *testing.T) {
			if runtime.GOOS != "linux" && strings.Contains(place.name, "emulator") {
				t.Skip("Linux only")
			}
			works := 0
			for _, w := range hostileWords() {
				root := t.TempDir()
				if text, refused := place.ours(w)(root); refused == nil {
					if out, pwned := runShell(t, bash, root, text); pwned {
						t.Errorf("%q was run by\n%s\n%s", w, text, out)
					}
				}
				if _, pwned := runShell(t, bash, t.TempDir(), strings.ReplaceAll(place.naive, "WORD", w)); pwned {
					works++
				}
			}
			if works < 4 {
				t.Errorf("only %d of the words do harm where they are put in as they are", works)
			}
		})
	}
}

// runShell runs text in root and tells whether a file called pwned came to be anywhere below.
func runShell(t *testing.T, bash, root, text string) (out string, pwned bool) {
	t.Helper()
	cmd := exec.Command(bash, "-c", text)
	cmd.Dir, cmd.Env = root, []string{"PATH=/usr/bin:/bin"}
	b, _ := cmd.CombinedOutput() // most fail, as they should
	found, err := filepath.Glob(filepath.Join(root, "*", "pwned"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Lstat(filepath.Join(root, "pwned"))
	return string(b), err == nil || len(found) > 0
}
