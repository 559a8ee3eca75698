package expr

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestBenchWorker is not a test: bench/render.py drives it. For each line it reads, it reads and renders
// (`new`) or only renders (`again`) the templates of the vectors, and answers with CPU seconds.
func TestBenchWorker(t *testing.T) {
	if os.Getenv("FORGE_BENCH_WORKER") == "" {
		t.Skip("only for bench/render.py")
	}
	dir := shared(t)
	env := vectorEnv(t, dir)
	files, _ := filepath.Glob(filepath.Join(dir, "in", "*"))
	d := &Dialect{}
	var sources []string
	var parsed []*Template
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		tpl, err := d.Parse(string(src))
		if err != nil {
			t.Fatal(err)
		}
		sources, parsed = append(sources, string(src)), append(parsed, tpl)
	}
	for s := bufio.NewScanner(os.Stdin); s.Scan(); {
		runtime.GC()
		start := cpu()
		for i, src := range sources {
			tpl := parsed[i]
			if s.Text() == "new" {
				tpl, _ = d.Parse(src)
			}
			if _, _, err := tpl.RenderLines(env); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Printf("{\"cpu\": %g, \"templates\": %d}\n", cpu()-start, len(sources))
	}
}

// cpu is the CPU time of this process so far in seconds.
func cpu() float64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return float64(t.Sec) + float64(t.Nsec)/1e9
}
