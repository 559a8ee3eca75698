package engine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forge/recipes"
	"forge/sandbox"
)

// TestBatchQuoting: how cmd.exe is given a text that means something to it.
func TestBatchQuoting(t *testing.T) {
	for word, want := range map[string]struct{ quote, escape, set string }{
		`a & calc`:       {`"a & calc"`, `a ^& calc`, `set "A=a & calc"`},
		`a" & calc "`:    {`"a"" & calc """`, `a^" ^& calc ^"`, `set A=a^" ^& calc ^"`},
		`%PATH%`:         {`"%%PATH%%"`, `%%PATH%%`, `set "A=%%PATH%%"`},
		`%~dp0 %%i %`:    {`"%%~dp0 %%%%i %%"`, `%%~dp0 %%%%i %%`, `set "A=%%~dp0 %%%%i %%"`},
		`^& | < > ( ) !`: {`"^& | < > ( ) !"`, `^^^& ^| ^< ^> ^( ^) ^!`, `set "A=^& | < > ( ) !"`},
		`C:\a b\`:        {`"C:\a b\"`, `C:\a b\`, `set "A=C:\a b\"`},
		`x"`:             {`"x"""`, `x^"`, `set A=x^"`},
	} {
		got := struct{ quote, escape, set string }{batchQuote(word), batchEscape(word), strings.TrimSuffix(batchSet("A", word), "\n")}
		if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); diff != "" {
			t.Errorf("%s: %s", word, diff)
		}
	}
}

// TestBatchRefusals: a line of a batch file ends where it ends, in quotes too.
func TestBatchRefusals(t *testing.T) {
	const word = "a\r\ncalc"
	for name, s := range map[string]recipes.Script{
		"interpreter": {Interpreter: word}, "cwd": {Cwd: word}, "file": {File: word}, "value": {Env: map[string]string{"A": word}},
		"name": {Env: map[string]string{`A" & calc & "`: "x"}}, "name of two lines": {Env: map[string]string{word: "x"}},
	} {
		if err := checkScripts([]recipes.Script{s}, true); err == nil {
			t.Errorf("%s with a line break or a quote is taken", name)
		}
	}
	if _, err := patchScript(layout{windows: true}, []recipes.Source{{Patches: []string{word}}}); err == nil {
		t.Error("a patch with a line break in its name is taken")
	}
	for kind, test := range map[string]recipes.Test{
		"python": {Python: &recipes.PythonTest{Imports: []string{`os"&calc&"`}}}, "python line": {Python: &recipes.PythonTest{Imports: []string{word}}},
		"python code": {Python: &recipes.PythonTest{Imports: []string{"os; os.system('calc')"}}},
		"perl":        {Perl: &recipes.ListTest{Names: []string{"strict; system(1)"}}}, "r": {R: &recipes.ListTest{Names: []string{"a);system(1"}}},
		"ruby": {Ruby: &recipes.ListTest{Names: []string{"a'; system 'x"}}},
	} {
		if checkNames(test) == nil {
			t.Errorf("%s: what is no name is taken", kind)
		}
	}
	for _, sound := range []recipes.Test{{Python: &recipes.PythonTest{Imports: []string{"a.b_c", "numpy as np"}}}, {Perl: &recipes.ListTest{Names: []string{"Foo::Bar", "Foo 1.2"}}},
		{R: &recipes.ListTest{Names: []string{"data.table"}}}, {Ruby: &recipes.ListTest{Names: []string{"net/http"}}}} {
		if err := checkNames(sound); err != nil {
			t.Error(err)
		}
	}
}

// TestBatchInjection has the cmd.exe of Wine run batch files with hostile texts wherever a recipe's word comes in.
func TestBatchInjection(t *testing.T) {
	wine, err := exec.LookPath("/usr/lib/wine/wine64")
	if err != nil || os.Getenv("FORGE_TEST_ALL") == "" {
		t.Skip("needs Wine and minutes; FORGE_TEST_ALL=1 runs it")
	}
	dir, err := os.MkdirTemp("", "fb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	cmd := func(args ...string) {
		c := exec.Command(wine, args...)
		c.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + dir, "WINEPREFIX=" + dir + "/wine", "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree=;mshtml=;winemenubuilder.exe=",
			"EVIL=& echo 1 > pwned"}
		c.Dir, c.WaitDelay = dir, 10*time.Second
		if out, err := c.CombinedOutput(); err != nil {
			t.Logf("%s: %v\n%s", args, err, out)
		}
	}
	words := []string{`& echo 1 > pwned`, `a" & echo 1 > pwned & rem "`, `a" & echo 1 > pwned`, `%EVIL%`, `a | echo 1 > pwned`, `a > pwned`, `^" & echo 1 > pwned & rem ^"`}
	// One cmd.exe starts all the others, each in a folder of its own.
	var all strings.Builder
	n := 0
	place := func() layout {
		n++
		return layout{root: fmt.Sprintf(`Z:%s\%d`, strings.ReplaceAll(dir, "/", `\`), n), windows: true}
	}
	add := func(at layout, files []sandbox.File) string {
		folder := fromWindows(at.root)
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if err := os.WriteFile(fromWindows(f.Path), []byte(f.Data), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprintf(&all, "cd /d %s\n\"%%ComSpec%%\" /d /c %s\\conda_build.bat > out.txt 2>&1\n", at.root, at.root)
		return folder
	}
	batch := func(at layout, text string) []sandbox.File {
		return []sandbox.File{{Path: at.root + `\conda_build.bat`, Data: crlf("@echo off\n" + text + "\n")}}
	}
	env := map[string]string{"ComSpec": `C:\windows\system32\cmd.exe`}
	scripts := func(at layout, s recipes.Script, origin string) []sandbox.File {
		return batchFiles([]recipes.Script{s}, env, nil, at, origin)
	}
	type attempt struct{ place, word, ours, naive string }
	var attempts []attempt
	for _, p := range []struct {
		name, naive string
		ours        func(at layout, word string) []sandbox.File
	}{
		{"value", `set A=WORD`, func(at layout, w string) []sandbox.File {
			return scripts(at, recipes.Script{Text: "exit 0", Env: map[string]string{"A": w}}, "r")
		}},
		{"environment", `set "A=WORD"`, func(at layout, w string) []sandbox.File {
			return batchFiles([]recipes.Script{{Text: "exit 0"}}, map[string]string{"ComSpec": env["ComSpec"], "A": w}, nil, at, "r")
		}},
		{"cwd", `cd /d WORD`, func(at layout, w string) []sandbox.File {
			return scripts(at, recipes.Script{Text: "exit 0", Cwd: w}, "r")
		}},
		{"file", `echo failed at WORD`, func(at layout, w string) []sandbox.File {
			return scripts(at, recipes.Script{Text: "exit 3", File: w}, "r")
		}},
		{"recipe", `echo failed at WORD`, func(at layout, w string) []sandbox.File { return scripts(at, recipes.Script{Text: "exit 3"}, w) }},
		{"interpreter", `WORD script_0.sh`, func(at layout, w string) []sandbox.File {
			return scripts(at, recipes.Script{Text: "x", Interpreter: w}, "r")
		}},
		{"patch", `echo applying patch WORD`, func(at layout, w string) []sandbox.File { return batch(at, patchBatch(at, "", w)) }},
		{"folder", `cd /d WORD`, func(at layout, w string) []sandbox.File { return batch(at, patchBatch(at, w, "a.patch")) }},
		{"import", `echo import WORD`, func(at layout, w string) []sandbox.File {
			return batch(at, pythonBatch(&recipes.PythonTest{Imports: []string{w}}).Text)
		}},
	} {
		for _, w := range words {
			ours, naive := place(), place()
			attempts = append(attempts, attempt{p.name, w, add(ours, p.ours(ours, w)), add(naive, batch(naive, strings.ReplaceAll(p.naive, "WORD", w)))})
		}
	}
	// And what is set is what was meant.
	values := map[string]string{}
	for _, w := range []string{`say "x" & more`, `50% ^ !x!`, `a"b`, `(x) <y> | z`} {
		at := place()
		values[w] = add(at, scripts(at, recipes.Script{Text: "@echo off\nset>got.txt\nexit 0", Env: map[string]string{"A": w}}, "r"))
	}
	if err := os.WriteFile(filepath.Join(dir, "all.bat"), []byte(crlf("@echo off\n"+all.String())), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd("wineboot", "-i")
	cmd("cmd", "/d", "/c", `Z:`+strings.ReplaceAll(dir, "/", `\`)+`\all.bat`)
	cmd("wineboot", "-k")
	waiting := exec.Command("/usr/lib/wine/wineserver", "-w") // it writes its registry before it ends
	waiting.Env = []string{"WINEPREFIX=" + dir + "/wine"}
	waiting.Run()
	works := map[string]int{}
	for _, a := range attempts {
		out, err := os.ReadFile(filepath.Join(a.ours, "out.txt"))
		if err != nil {
			t.Fatalf("%s with %s was not run: %v", a.place, a.word, err)
		}
		if _, err := os.Lstat(filepath.Join(a.ours, "pwned")); err == nil {
			t.Errorf("%s: %s was run\n%s", a.place, a.word, out)
		}
		works[a.place] += 0
		if _, err := os.Lstat(filepath.Join(a.naive, "pwned")); err == nil {
			works[a.place]++
		}
	}
	for place, n := range works {
		t.Logf("%s: %d of %d words do harm where they are put in as they are", place, n, len(words))
		if n < 2 {
			t.Errorf("%s: only %d of the words do harm where they are put in as they are", place, n)
		}
	}
	for w, folder := range values {
		got, err := os.ReadFile(filepath.Join(folder, "got.txt"))
		if err != nil || !strings.Contains("\r\n"+string(got), "\r\nA="+w+"\r\n") {
			t.Errorf("A is %q, want %q (%v)", got, w, err)
		}
	}
}
