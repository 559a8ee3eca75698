package toolchain

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/platforms"
)

// The trees here are made up after Microsoft's description of Visual Studio's folders: no Visual Studio was
// at hand. The Windows job of .github/workflows asks the real vswhere.

func studioTree(t *testing.T) string {
	t.Helper()
	root, err := os.MkdirTemp("", "forge-studio-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	write := func(name, text string) {
		at := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for folder, toolset := range map[string]string{
		"Program Files/Microsoft Visual Studio/2022/Community":        "14.44.35207",
		"Program Files/Microsoft Visual Studio/2022/BuildTools":       "14.9.1",
		"Program Files (x86)/Microsoft Visual Studio/2019/Enterprise": "14.29.30133",
	} {
		write(folder+"/VC/Auxiliary/Build/Microsoft.VCToolsVersion.default.txt", toolset+"\r\n")
		write(folder+"/VC/Auxiliary/Build/vcvars64.bat", "rem")
		for _, name := range []string{"cl.exe", "link.exe", "lib.exe", "c1.dll", "c1xx.dll", "c2.dll"} {
			write(folder+"/VC/Tools/MSVC/"+toolset+"/bin/Hostx64/x64/"+name, name+toolset)
		}
	}
	write("Program Files/Microsoft Visual Studio/2022/Preview/VC/Auxiliary/Build/Microsoft.VCToolsVersion.default.txt", `..\..\evil`)
	for _, name := range []string{"cmd.exe", "ucrtbase.dll", "vcruntime140.dll"} {
		write("Windows/System32/"+name, name)
	}
	return root
}

// vswhereAnswer is what `vswhere -products * -format json` prints, cut down to what is read.
func vswhereAnswer(t *testing.T, root string) []byte {
	t.Helper()
	at := func(p string) string {
		if drive := filepath.VolumeName(root); drive != "" {
			return filepath.Join(root, filepath.FromSlash(p))
		}
		return `C:\` + strings.ReplaceAll(p, "/", `\`)
	}
	b, err := json.Marshal([]map[string]string{
		{"installationPath": at("Program Files/Microsoft Visual Studio/2022/BuildTools"), "installationVersion": "17.1.0"},
		{"installationPath": at("Program Files/Microsoft Visual Studio/2022/Community"), "installationVersion": "17.14.36109.1"},
		{"installationPath": at("Program Files (x86)/Microsoft Visual Studio/2019/Enterprise"), "installationVersion": "16.11.34"},
		{"installationPath": at("Program Files/Microsoft Visual Studio/2022/Preview"), "installationVersion": "17.15.0"},
		{"installationPath": at("Program Files/gone"), "installationVersion": "17.0"},
		{"installationPath": `..\..\outside`, "installationVersion": "17.0"},
		{"installationPath": at("Program Files/Microsoft Visual Studio/2022/Community"), "installationVersion": "9.0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVisualStudio(t *testing.T) {
	root := studioTree(t)
	list, err := parseVswhere(root, vswhereAnswer(t, root))
	if err != nil {
		t.Fatal(err)
	}
	h := &windowsHost{root: root, system: "Windows/System32", version: "10.0.20348", studios: func() ([]studio, error) { return list, nil }}
	win, err := platforms.Parse("win-64")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range windowsCatalog(win) {
		version, programs, ok, err := h.find(c)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if !ok {
			continue
		}
		got[c.name] = version
		for _, p := range programs {
			if _, err := os.Stat(p); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		parts, err := h.parts(c)
		if err != nil || len(parts) != 1 {
			t.Fatalf("%s: %v, %v", c.name, parts, err)
		}
		for _, p := range parts[0].paths {
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(p))); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
	want := map[string]string{Base: "10.0.20348", "ucrt": "10.0.20348", "vc14_runtime": "14.44.35207", "vs2019_win-64": "14.29.30133", "vs2022_win-64": "14.44.35207"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	env, calls := h.activation(tool{name: "vs2022_win-64", windows: winMSVC + "2022"})
	if env["CMAKE_GENERATOR"] != "Visual Studio 17 2022" || env["VS_YEAR"] != "2022" || env["VS_VERSION"] != "17.0" {
		t.Error(env)
	}
	if !slices.Equal(calls, []string{filepath.Join(root, filepath.FromSlash("Program Files/Microsoft Visual Studio/2022/Community/VC/Auxiliary/Build/vcvars64.bat"))}) {
		t.Error(calls)
	}
}

// TestVswhereWhole reads an answer with all that vswhere says of an installation, of which one is unfinished.
func TestVswhereWhole(t *testing.T) {
	if filepath.VolumeName(os.TempDir()) != "" {
		t.Skip("the answer's drive is not the folder of this test")
	}
	answer, err := os.ReadFile("testdata/vswhere.json")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	const toolset = "14.44.35207"
	for _, folder := range []string{"Program Files/Microsoft Visual Studio/2022/Enterprise", "Program Files (x86)/Microsoft Visual Studio/2022/BuildTools"} {
		for name, text := range map[string]string{"VC/Auxiliary/Build/Microsoft.VCToolsVersion.default.txt": toolset + "\r\n", "VC/Tools/MSVC/" + toolset + "/bin/Hostx64/x64/cl.exe": ""} {
			at := filepath.Join(root, folder, name)
			if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(at, []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := []studio{{"Program Files/Microsoft Visual Studio/2022/Enterprise", "17", toolset}}
	for _, bom := range []string{"", "\ufeff"} {
		got, err := parseVswhere(root, append([]byte(bom), answer...))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
}

func TestVswhereAnswers(t *testing.T) {
	if list, err := parseVswhere("/", []byte("[]")); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := parseVswhere("/", []byte("not json")); err == nil {
		t.Error("an answer that is no JSON was taken")
	}
	if filepath.VolumeName(`C:\`) != "" {
		return // on Windows itself a path lies below the drive that root names
	}
	for p, want := range map[string]bool{`C:\a\b`: true, `a/b`: true, `..\a`: false, ``: false, `C:\`: false, `C:\a\..\b`: false} {
		if _, ok := belowRoot("/", p); ok != want {
			t.Errorf("%q: %t", p, ok)
		}
	}
}

// TestWindowsMachine asks the machine itself, where that is Windows.
func TestWindowsMachine(t *testing.T) {
	if !platforms.Host().IsWindows() {
		t.Skip("this machine does not run Windows")
	}
	f := New(Config{})
	base, err := f.Find(t.Context(), Base)
	if err != nil || base == nil {
		t.Fatalf("%v, %v", base, err)
	}
	t.Logf("Windows %s, shell %v", base.Record.Version, base.Programs)
	found := false
	for _, name := range f.Names() {
		e, err := f.Find(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if e != nil && strings.HasPrefix(name, "vs20") {
			found = true
			t.Logf("%s %s calls %v", name, e.Record.Version, e.Calls)
		}
	}
	if !found {
		t.Log("no Visual Studio here")
	}
}
