// Package policy holds statements about the code itself, enforced by its tests.
package policy

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed is who may import whom, as docs/design.md has it. Loosening it is a decision about the
// design: say why in the commit. The files are parsed in this process, because a test that asked the go
// command would be served from the test cache with a forbidden import in place.
func allowed() map[string][]string {
	return map[string][]string{
		"digest":              {},
		"internal/diag":       {},
		"internal/fsx":        {},
		"internal/plain":      {},
		"internal/archive":    {"digest", "internal/fsx", "internal/diag"},
		"internal/policy":     {},
		"platforms":           {"digest", "platforms/cpu"},
		"platforms/cpu":       {},
		"platforms/isa":       {"platforms/cpu"},
		"platforms/elf":       {"digest"},
		"platforms/macho":     {"digest"},
		"platforms/pe":        {"digest"},
		"platforms/toolchain": {"digest", "store", "packages", "platforms", "platforms/cpu", "internal/fsx"},
		"packages":            {"digest", "platforms", "internal/diag"},
		// A client that puts another prefix into a signed Mach-O file has to sign it anew.
		"packages/conda":       {"packages", "digest", "internal/archive", "internal/fsx", "platforms/macho"},
		"trust":                {"digest", "internal/fsx"},
		"store":                {"digest", "internal/fsx"},
		"recipes":              {"packages", "platforms", "platforms/cpu", "digest", "internal/diag", "recipes/internal/..."},
		"recipes/internal/...": {"internal/diag", "packages", "platforms", "recipes/internal/..."},
		"resolver":             {"packages", "platforms", "resolver/..."},
		"resolver/...":         {"packages", "platforms", "resolver", "resolver/..."},
		"sandbox":              {"platforms", "digest", "internal/fsx", "sandbox/..."},
		"sandbox/...":          {"platforms", "digest", "internal/fsx", "sandbox", "sandbox/..."},
		"sources":              {"recipes", "store", "digest", "internal/archive", "internal/diag", "internal/fsx"},
		"provenance":           {"packages", "digest"},
		"channels":             {"packages", "trust", "digest", "internal/fsx", "resolver"},
		"engine": {"channels", "digest", "internal/diag", "internal/fsx", "internal/plain", "packages", "platforms", "platforms/cpu", "platforms/elf", "platforms/isa", "platforms/macho", "platforms/pe",
			"platforms/toolchain", "provenance", "recipes", "resolver", "sandbox", "sources", "store", "trust"},
		"lsp":       {"recipes", "internal/diag"},
		"cmd/forge": {"..."},
		"bench":     {"..."},
		// An instance that only tests have.
		"internal/sigstoretest": {},
	}
}

// reserved are standard packages that only the named rooms may import.
func reserved() map[string][]string {
	return map[string][]string{
		"net/http": {"sources", "channels"},
		"os/exec":  {"sandbox", "sources", "platforms/toolchain", "cmd/forge"},
	}
}

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	walk(t, func(pkg, file, imported string) {
		seen[pkg] = true
		if room, ours := strings.CutPrefix(imported, "forge/"); ours && !permits(pkg, room) {
			t.Errorf("%s: %s may not import %s", file, pkg, room)
		}
		if rooms, ok := reserved()[imported]; ok && !slices.ContainsFunc(rooms, func(r string) bool { return pkg == r || strings.HasPrefix(pkg, r+"/") }) {
			t.Errorf("%s: only %s may import %s", file, strings.Join(rooms, ", "), imported)
		}
	})
	if len(seen) < 10 {
		t.Fatalf("only %d packages were read: the walk is broken", len(seen))
	}
}

// TestPolicyCanFail makes sure that the rules refuse something.
func TestPolicyCanFail(t *testing.T) {
	for _, c := range []struct{ pkg, room string }{{"resolver", "store"}, {"recipes", "sources"}, {"packages", "engine"}, {"engine", "packages/conda"}} {
		if permits(c.pkg, c.room) {
			t.Errorf("%s may import %s", c.pkg, c.room)
		}
	}
}

func permits(pkg, room string) bool {
	rules, ok := allowed()[pkg]
	if !ok {
		for p := pkg; p != "." && !ok; p = path.Dir(p) {
			rules, ok = allowed()[p+"/..."]
		}
	}
	return slices.ContainsFunc(rules, func(r string) bool {
		if r == "..." || r == room || room == pkg {
			return true
		}
		prefix, wide := strings.CutSuffix(r, "...")
		return wide && strings.HasPrefix(room, prefix)
	})
}

// walk visits every import of every Go file that is not a test.
func walk(t *testing.T, visit func(pkg, file, imported string)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "output" || strings.HasPrefix(d.Name(), ".") && d.Name() != ".." && path != root) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			visit(filepath.ToSlash(rel), path, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
