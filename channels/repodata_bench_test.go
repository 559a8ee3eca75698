package channels

import (
	"context"
	"os"
	"runtime"
	"testing"
)

// benchDir is a folder with a big channel: FORGE_BENCH_CHANNEL, made by ../shared/universe/deb2conda.py.
func benchDir(b *testing.B) string {
	dir := os.Getenv("FORGE_BENCH_CHANNEL")
	if dir == "" {
		b.Skip("FORGE_BENCH_CHANNEL names no channel")
	}
	return dir
}

func BenchmarkOpenCold(b *testing.B) { benchOpen(b, "") }

func BenchmarkOpenWarm(b *testing.B) {
	cache := b.TempDir()
	parts, err := (&Loader{CacheDir: cache}).Open(context.Background(), benchDir(b), []string{"linux-64", "noarch"})
	if err != nil {
		b.Fatal(err)
	}
	NewProvider(parts...).Close()
	benchOpen(b, cache)
}

func benchOpen(b *testing.B, cache string) {
	dir := benchDir(b)
	var m runtime.MemStats
	begin := cpuTime()
	for b.Loop() {
		parts, err := (&Loader{CacheDir: cache}).Open(context.Background(), dir, []string{"linux-64", "noarch"})
		if err != nil {
			b.Fatal(err)
		}
		p := NewProvider(parts...)
		if r, err := p.Candidates("zlib1g"); err != nil || len(r) == 0 {
			b.Fatal(len(r), err)
		}
		runtime.ReadMemStats(&m)
		p.Close()
	}
	b.ReportMetric(float64(cpuTime()-begin)/float64(b.N)/1e6, "cpu-ms/op")
	b.ReportMetric(float64(m.HeapInuse)/1e6, "MB-heap")
}
