package packages

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestLauncherIsItsSource makes the launcher again from its source.
func TestLauncherIsItsSource(t *testing.T) {
	if _, err := exec.LookPath("x86_64-w64-mingw32-gcc"); err != nil {
		t.Skip("no x86_64-w64-mingw32-gcc here (Debian: gcc-mingw-w64-x86-64)")
	}
	version, err := exec.Command("x86_64-w64-mingw32-gcc", "-dumpfullversion").Output()
	if err != nil || !bytes.HasPrefix(version, []byte("12.")) {
		t.Skipf("launcher.exe was made with GCC 12, this is %s", version)
	}
	out := filepath.Join(t.TempDir(), "launcher.exe")
	if text, err := exec.Command("sh", "launcher/build", out).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, windowsLauncher) {
		t.Error("launcher/build makes another launcher.exe than the one that is shipped")
	}
}

func TestEntryPointsOnWindows(t *testing.T) {
	files, err := EntryPointFiles([]string{"tool = pkg.cli:main"}, `C:\p`, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 || files[0].Path != "Scripts/tool-script.py" || files[1].Path != "Scripts/tool.exe" {
		t.Fatalf("%+v", files)
	}
	if !bytes.Contains(files[0].Data, []byte("from pkg.cli import main")) || !bytes.HasPrefix(files[1].Data, []byte("MZ")) {
		t.Error("their content is not what it should be")
	}
}
