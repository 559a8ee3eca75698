package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// TestDependenciesAreExplained wants a word in docs/dependencies.md for each direct dependency, and no
// word for one that is gone.
func TestDependenciesAreExplained(t *testing.T) {
	root := filepath.Join("..", "..")
	data, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	direct := map[string]bool{}
	for _, r := range mod.Require {
		if !r.Indirect {
			direct[r.Mod.Path] = true
		}
	}
	told := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 || !strings.Contains(cells[1], ".") {
			continue
		}
		for _, name := range strings.Split(cells[1], ",") {
			told[strings.TrimSpace(name)] = true
		}
	}
	for name := range direct {
		if !told[name] {
			t.Errorf("%s has no line in docs/dependencies.md", name)
		}
	}
	for name := range told {
		if !direct[name] {
			t.Errorf("docs/dependencies.md explains %s, which is no direct dependency", name)
		}
	}
}
