package packages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckWindowsName(t *testing.T) {
	for name, good := range map[string]bool{
		"bin/tool.exe": true, "aux": false, "include/aux.h": false, "AUX.tar.gz": false, "auxiliary": true, "com1": false, "com0": true,
		"com10": true, "COM¹": false, "lpt9.txt": false, "a/nul /b": false, "CONOUT$": false, "a.": false, "a ": false, "a:b": false,
		"what?": false, ".hidden": true, "a..b": true, "console": true,
	} {
		if err := CheckWindowsName(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestCollectForWindows: the three ways a prefix is written there become one placeholder.
func TestCollectForWindows(t *testing.T) {
	root := t.TempDir()
	const prefix = `C:\f\tmp\s-1\h_env`
	for name, text := range map[string]string{
		"a.cmake": `set(A "C:/f/tmp/s-1/h_env/Library")`,
		"b.py":    `x = "C:\\f\\tmp\\s-1\\h_env\\Library"`,
		"c.bat":   `set A=C:\f\tmp\s-1\h_env\Library & set B=C:/f/tmp/s-1/h_env`,
		"d.txt":   "nothing",
		"e.exe":   "MZ\x00" + prefix,
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, warnings, err := Collect(root, prefix, []string{"a.cmake", "b.py", "c.bat", "d.txt", "e.exe"}, CollectOptions{Windows: true, Placeholder: "/forge/h_env"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range files {
		got[f.Path] = string(f.FileMode) + " " + f.Prefix + " " + string(f.Data)
	}
	want := map[string]string{
		"a.cmake": `text /forge/h_env set(A "/forge/h_env/Library")`,
		"b.py":    `text /forge/h_env x = "/forge/h_env\\Library"`,
		"c.bat":   `text /forge/h_env set A=/forge/h_env\Library & set B=/forge/h_env`,
		"d.txt":   "  ", "e.exe": "  ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "e.exe") {
		t.Error(warnings)
	}
	if _, _, err = Collect(root, prefix, []string{"aux.txt"}, CollectOptions{Windows: true}); err == nil || !strings.Contains(err.Error(), "device") {
		t.Error(err)
	}
}
