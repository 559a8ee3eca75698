package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// peerRendering is a line of testdata/peer.py.
type peerRendering struct {
	Recipe   string           `json:"recipe"`
	Target   string           `json:"target"`
	Rendered []map[string]any `json:"rendered"`
}

// TestConformanceRenderOnly holds `forge build --render-only` against rattler-build's, key by key, on the
// recipes of testdata/peer and those of the corpus. Different on purpose, and not compared:
// the order of outputs that do not need each other, and with it subpackages, which are those that came
// before; the machine's folders, channels, virtual packages and time (Forge's are constant or come from the
// sources); system_tools; a compression level that was not asked for. A script file that is not there is
// an error in Forge, where the peer finds out when it builds.
func TestConformanceRenderOnly(t *testing.T) {
	python := peerPython(t)
	files := peerRecipes(t)
	var ask bytes.Buffer
	// From Linux Forge's compilers for Windows are MinGW's, and the peer has to be told so (docs/rattler-build.md).
	variants := map[string]string{"win-64": "c_compiler: [gcc]\ncxx_compiler: [gxx]\n"}
	for _, target := range []string{"linux-64", "osx-arm64", "win-64"} {
		for _, f := range files {
			line, _ := json.Marshal(map[string]string{"recipe": f, "target": target, "variants": variants[target]})
			ask.Write(append(line, '\n'))
		}
	}
	c := exec.Command(python, "testdata/peer.py")
	c.Stdin = &ask
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s testdata/peer.py: %v", python, err)
	}
	total, equal, missing, refused := 0, 0, 0, 0
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var want peerRendering
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		if want.Rendered == nil {
			refused++
			continue
		}
		total++
		got, message := renderOnly(t, want.Recipe, want.Target)
		switch d := cmp.Diff(withoutMachine(want.Rendered), withoutMachine(got)); {
		case strings.Contains(message, "[missing-file]"):
			missing++
		case d == "":
			equal++
		default:
			t.Errorf("%s for %s: (-rattler-build +forge)\n%s%s", want.Recipe, want.Target, d, message)
		}
	}
	t.Logf("--render-only: %d of %d equal in every key; %d name a script the corpus left out; %d more the peer refuses", equal, total, missing, refused)
}

// renderOnly runs the command with nothing of the caller's.
func renderOnly(t *testing.T, recipe, target string) ([]map[string]any, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	home := t.TempDir()
	getenv := func(name string) (string, bool) {
		if name == "HOME" || strings.HasPrefix(name, "FORGE_") {
			return home, true
		}
		return "", false
	}
	run(context.Background(), []string{"build", "--render-only", "--allow-unhashed", "--target-platform", target, "--build-platform", "linux-64", recipe},
		getenv, strings.NewReader(""), &stdout, &stderr)
	var list []map[string]any
	if err := json.Unmarshal(stdout.Bytes(), &list); err != nil {
		t.Errorf("%s: stdout is not JSON alone: %v\n%s", recipe, err, stderr.String())
	}
	return list, stderr.String()
}

// withoutMachine takes out what is different on purpose.
func withoutMachine(list []map[string]any) []map[string]any {
	for _, o := range list {
		c := o["build_configuration"].(map[string]any)
		for _, k := range []string{"timestamp", "directories", "channels", "subpackages"} {
			delete(c, k)
		}
		for _, k := range []string{"host_platform", "build_platform"} {
			delete(c[k].(map[string]any), "virtual_packages")
		}
		delete(c["packaging_settings"].(map[string]any), "compression_level")
		delete(o, "system_tools")
	}
	slices.SortFunc(list, func(a, b map[string]any) int {
		return strings.Compare(fmt.Sprint(a["build_configuration"], a["recipe"]), fmt.Sprint(b["build_configuration"], b["recipe"]))
	})
	return list
}

// peerPython is a Python that has py-rattler-build: FORGE_PEER_PYTHON, or the one on the PATH.
func peerPython(t *testing.T) string {
	t.Helper()
	python := os.Getenv("FORGE_PEER_PYTHON")
	if python == "" {
		python = "python3"
	}
	if exec.Command(python, "-c", "import rattler_build").Run() != nil {
		t.Skip("no Python with py-rattler-build here (FORGE_PEER_PYTHON names one)")
	}
	return python
}

// peerRecipes are those of testdata/peer and, where the corpus is at hand, rattler-build's own.
func peerRecipes(t *testing.T) []string {
	t.Helper()
	roots := []string{"testdata/peer"}
	for _, dir := range []string{os.Getenv("FORGE_SHARED"), "../../../shared"} {
		if corpus := filepath.Join(dir, "corpus/rattler-build"); dir != "" && len(roots) == 1 {
			if _, err := os.Stat(corpus); err == nil {
				roots = append(roots, corpus)
			}
		}
	}
	var out []string
	for _, root := range roots {
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Name() == "recipe.yaml" {
				path, err = filepath.Abs(path)
				out = append(out, path)
			}
			return err
		})
	}
	if len(out) == 0 {
		t.Skip("no recipes")
	}
	return out
}
