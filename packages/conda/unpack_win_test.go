package conda

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forge/packages"

	"github.com/google/go-cmp/cmp"
)

// TestUnpackOnWindows: the prefix of a Windows machine has other folders, programs for entry points, and is
// written with slashes.
func TestUnpackOnWindows(t *testing.T) {
	list := testPackages(t)
	i := slices.IndexFunc(list, func(m *packages.Manifest) bool { return m.Record.Name == "np" })
	dir := channel(t, V2, list[i])
	p := open(t, filepath.Join(dir, "noarch", list[i].Record.String()+extV2))
	into := t.TempDir()
	got, err := p.Unpack(context.Background(), into, `C:\some\env`, "3.13", nil)
	want := []string{"Lib/site-packages/npkg-1.0.dist-info/INSTALLER", "Lib/site-packages/npkg/__init__.py", "Lib/site-packages/npkg/where.txt",
		"Scripts/np-run-script.py", "Scripts/np-run.exe", "Scripts/np-tool"}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Fatal(err, d)
	}
	text, err := os.ReadFile(filepath.Join(into, "Lib", "site-packages", "npkg", "where.txt"))
	if err != nil || strings.Contains(string(text), `\`) || !strings.Contains(string(text), "C:/some/env") {
		t.Errorf("%v: %q", err, text)
	}
}
