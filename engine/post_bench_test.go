//go:build unix

package engine

import (
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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

// cpuTime is what the process has used, user and system.
func cpuTime(b *testing.B) time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// reportCPU runs work once for each round and reports its CPU time alone: neither the start of the process
// nor the walk that finds the files is part of it.
func reportCPU(b *testing.B, work func()) {
	start := cpuTime(b)
	for b.Loop() {
		work()
	}
	b.ReportMetric(float64((cpuTime(b)-start).Microseconds())/float64(b.N), "cpu-us/op")
}

// BenchmarkPostFloor reads every file of a prefix once and hashes it, with the fewest system calls (open,
// read, close) and allocations, and a buffer that stays in the core's own cache. Reading through mmap costs
// more here, with MAP_POPULATE or without, and so do larger and smaller buffers.
func BenchmarkPostFloor(b *testing.B) {
	dir, paths := benchPrefix(b)
	buf := make([]byte, 256<<10)
	h := sha256.New()
	var sum [sha256.Size]byte
	reportCPU(b, func() {
		for _, p := range paths {
			fd, err := unix.Open(dir+"/"+p, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				b.Fatal(err)
			}
			h.Reset()
			for n := len(buf); n == len(buf); {
				if n, err = unix.Read(fd, buf); err != nil {
					b.Fatal(err)
				}
				h.Write(buf[:n])
			}
			h.Sum(sum[:0])
			unix.Close(fd)
		}
	})
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
	reportCPU(b, func() {
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
	})
}
