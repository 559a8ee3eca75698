package engine

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/platforms"
	"forge/recipes"
)

// TestBatchFiles: what cmd.exe is given. Wine runs such files for real (.ci/wine).
func TestBatchFiles(t *testing.T) {
	at := layout{root: `C:\f\scripts`, work: `C:\f\work`, prefix: `C:\f\h_env`, build: `C:\f\build`, windows: true}
	scripts := []recipes.Script{
		{Text: "echo one\ngoto end\n:end", File: "build.bat", Interpreter: "cmd"},
		{Text: "print(1)", Interpreter: "python", Cwd: "sub/dir", Env: map[string]string{"A": "50% & more"}},
	}
	env := map[string]string{"PCT": "a%b", "QUOTED": `say "x"`}
	files := batchFiles(scripts, env, []activation{{prefix: at.prefix, calls: []string{`C:\f\h_env\etc\conda\activate.d\a.bat`}}}, at, "recipe.yaml")
	got := map[string]string{}
	for _, f := range files {
		got[strings.TrimPrefix(f.Path, `C:\f\scripts\`)] = f.Data
	}
	want := map[string]string{
		"build_env.bat": "@echo off\nset \"PCT=a%%b\"\nrem QUOTED is set by forge: its value has a quote or a line break\n" +
			"set \"CONDA_PREFIX=C:\\f\\h_env\"\ncall \"C:\\f\\h_env\\etc\\conda\\activate.d\\a.bat\"\n" +
			"set \"INCLUDE=%LIBRARY_INC%;%INCLUDE%\"\nset \"LIB=%LIBRARY_LIB%;%LIB%\"\n",
		"script_0.bat": "echo one\ngoto end\n:end\n",
		"script_1.py":  "print(1)\n",
		"conda_build.bat": "@echo off\nrem Runs the scripts of the recipe. To step in: call C:\\f\\scripts\\build_env.bat\nchcp 65001 >nul 2>nul\n" +
			"call \"C:\\f\\scripts\\build_env.bat\"\n" +
			"setlocal\n\"%ComSpec%\" /d /c \"C:\\f\\scripts\\script_0.bat\"\nset \"forge_rc=%errorlevel%\"\n" +
			"if not \"%forge_rc%\"==\"0\" goto failed_0\nendlocal\n" +
			"setlocal\ncd /d \"sub\\dir\"\nset \"A=50%% & more\"\npython \"C:\\f\\scripts\\script_1.py\"\nset \"forge_rc=%errorlevel%\"\n" +
			"if not \"%forge_rc%\"==\"0\" goto failed_1\nendlocal\n" +
			"exit 0\n:failed_0\necho forge: failed at build.bat: exit %forge_rc% 1>&2\nexit %forge_rc%\n" +
			":failed_1\necho forge: failed at recipe.yaml: exit %forge_rc% 1>&2\nexit %forge_rc%\n",
	}
	for name := range want {
		if !strings.HasSuffix(name, ".py") {
			want[name] = strings.ReplaceAll(want[name], "\n", "\r\n")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestWindowsEnvironment: conda's variables, and its order on PATH: build, host, system.
func TestWindowsEnvironment(t *testing.T) {
	win, err := platforms.Parse("win-64")
	if err != nil {
		t.Fatal(err)
	}
	at := layout{root: `C:\f\scripts`, work: `C:\f\work`, prefix: `C:\f\h_env`, build: `C:\f\build`, recipe: `C:\f\recipe`, windows: true}
	o := &recipes.Output{Name: "x", Version: "1", BuildPlatform: win, HostPlatform: win, TargetPlatform: win}
	env := scriptEnv(o, at, "3.12", 2, 0)
	for name, want := range map[string]string{
		"PREFIX": `C:\f\h_env`, "BUILD_PREFIX": `C:\f\build`, "LIBRARY_PREFIX": `C:\f\h_env\Library`, "LIBRARY_BIN": `C:\f\h_env\Library\bin`,
		"LIBRARY_INC": `C:\f\h_env\Library\include`, "LIBRARY_LIB": `C:\f\h_env\Library\lib`, "SCRIPTS": `C:\f\h_env\Scripts`,
		"SRC_DIR": `C:\f\work`, "RECIPE_DIR": `C:\f\recipe`, "CYGWIN_PREFIX": "/cygdrive/c/f/h_env", "SHLIB_EXT": ".dll",
		"PYTHON": `C:\f\h_env\python.exe`, "SP_DIR": `C:\f\h_env\Lib\site-packages`, "LD_RUN_PATH": "", "SHELL": "", "CONDA_BUILD_CROSS_COMPILATION": "0",
	} {
		if env[name] != want {
			t.Errorf("%s is %q, want %q", name, env[name], want)
		}
	}
	path := strings.Split(env["PATH"], ";")
	want := append(binFolders(`C:\f\build`), binFolders(`C:\f\h_env`)...)
	if diff := cmp.Diff(want, path[:len(want)]); diff != "" {
		t.Error(diff)
	}
}

// TestCrossEnvironment: Unix paths, the folders of Windows.
func TestCrossEnvironment(t *testing.T) {
	if filepath.Separator == '\\' {
		t.Skip("it is about a cross build on Unix")
	}
	linux, err := platforms.Parse("linux-64")
	if err != nil {
		t.Fatal(err)
	}
	win, err := platforms.Parse("win-64")
	if err != nil {
		t.Fatal(err)
	}
	env := scriptEnv(&recipes.Output{Name: "x", Version: "1", BuildPlatform: linux, HostPlatform: win, TargetPlatform: win}, insideLayout(), "", 2, 0)
	for name, want := range map[string]string{"CONDA_BUILD_CROSS_COMPILATION": "1", "SHLIB_EXT": ".dll", "target_platform": "win-64",
		"build_platform": "linux-64", "LIBRARY_BIN": Placeholder() + "/Library/bin", "SUBDIR": "win-64"} {
		if env[name] != want {
			t.Errorf("%s is %q, want %q", name, env[name], want)
		}
	}
}

func TestPlaceOnWindows(t *testing.T) {
	for prefix, good := range map[string]bool{`C:\f\tmp\s-1\h_env`: true, `C:\` + strings.Repeat("x", 120): false, `C:\50%\h_env`: false, `C:\a&b\h_env`: false} {
		if err := (layout{prefix: prefix, windows: true}).check(); (err == nil) != good {
			t.Errorf("%s: %v", prefix, err)
		}
	}
}
