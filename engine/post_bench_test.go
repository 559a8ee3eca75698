package engine

import (
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"forge/packages"
	"forge/platforms"
	"forge/recipes"
)

// benchPrefix is the folder that bench/post.py made, and the files in it.
func benchPrefix(b *testing.B) (dir string, paths []string) {
	dir = os.Getenv("FORGE_BENCH_PREFIX")
	if dir == "" {
		b.Skip("FORGE_BENCH_PREFIX names no folder; .ci/bench-post makes one")
	}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			p, err = filepath.Rel(dir, p)
			paths = append(paths, p)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return dir, paths
}

// BenchmarkPostFloor reads every file of a prefix once and hashes it.
func BenchmarkPostFloor(b *testing.B) {
	dir, paths := benchPrefix(b)
	buf := make([]byte, 256<<10)
	for b.Loop() {
		for _, p := range paths {
			f, err := os.Open(filepath.Join(dir, p))
			if err != nil {
				b.Fatal(err)
			}
			h := sha256.New()
			_, err = io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{f}, buf)
			if err != nil {
				b.Fatal(err)
			}
			h.Sum(nil)
			f.Close()
		}
	}
}

// BenchmarkPostProcess does to a prefix what a build does between its script and the archive.
func BenchmarkPostProcess(b *testing.B) { benchPost(b, false) }

// BenchmarkPostProcessISA reads the instructions, too.
func BenchmarkPostProcessISA(b *testing.B) { benchPost(b, true) }

func benchPost(b *testing.B, code bool) {
	dir, paths := benchPrefix(b)
	o := &recipes.Output{Name: "bench", TargetPlatform: platforms.Host()}
	o.Build.Linking.Relocate = true
	j := &job{a: &Action{Output: o}, site: &site{prefix: dir, at: layout{prefix: Placeholder()}}}
	for b.Loop() {
		n, err := j.newInspector(nil)
		if err != nil {
			b.Fatal(err)
		}
		if !code {
			n.level = nil
		}
		files, _, err := packages.Collect(dir, Placeholder(), paths, packages.CollectOptions{Inspect: n.file})
		if err != nil {
			b.Fatal(err)
		}
		if len(files) != len(paths) || len(n.binaries()) == 0 {
			b.Fatalf("%d of %d files, %d of them binaries", len(files), len(paths), len(n.seen))
		}
	}
}
