package channels

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// endless yields head, then n bytes of filler, then tail, without holding them.
func endless(head string, n int64, filler, tail string) io.Reader {
	return io.MultiReader(strings.NewReader(head), io.LimitReader(repeated(filler), n), strings.NewReader(tail))
}

// repeated is a reader of one text over and over.
type repeated string

func (r repeated) Read(p []byte) (int, error) {
	n := 0
	for n+len(r) <= len(p) {
		n += copy(p[n:], r)
	}
	if n == 0 {
		n = copy(p, r)
	}
	return n, nil
}

// within runs f and holds it to bounds on CPU time and on the heap, in bytes.
func within(t *testing.T, cpu time.Duration, memory uint64, f func()) {
	t.Helper()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, peak := m.HeapInuse, uint64(0)
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	begin := cpuTime()
	f()
	took := time.Duration(cpuTime() - begin)
	close(done)
	<-stopped
	used := peak - min(peak, before)
	if took > cpu || used > memory {
		t.Errorf("took %v of CPU and %d MB; the bounds are %v and %d MB", took, used>>20, cpu, memory>>20)
	}
	t.Logf("%v, %d MB", took.Round(time.Millisecond), used>>20)
}

// TestHostileSize: what is far too big is refused within 10 s of CPU and 512 MB (docs/resolver.md), whatever
// its own size: most cases are texts of a gigabyte, which is never held.
func TestHostileSize(t *testing.T) {
	if testing.Short() {
		t.Skip("reads gigabytes")
	}
	const gigabyte = 1 << 30
	record := `{"packages":{"a-1-0.conda":{"name":"a","version":"1","build":"0","depends":[`
	for name, text := range map[string]io.Reader{
		"string":           endless(`{"packages":{"a-1-0.conda":{"name":"`, gigabyte, "x", `"}}}`),
		"string in a list": endless(record+`"`, gigabyte, "x", `"]}}}`),
		"escapes":          endless(record+`"`, gigabyte, `\n`, `"]}}}`),
		"list":             endless(record+`"x"`, gigabyte, `,"x"`, `]}}}`),
		"key":              endless(`{"packages":{"`, gigabyte, "x", `":{}}}`),
		"key of the file":  endless(`{"`, gigabyte, "x", `":{}}`),
		"white space":      endless(`{"packages":`, gigabyte, " ", `7}`),
		"brackets":         endless(`{"x":`, gigabyte, "[", `}`),
		"braces":           endless(`{"x":`, gigabyte, `{"a":`, `}`),
		"number":           endless(`{"x":`, gigabyte, "1", ""), /* and the file ends */
		"info":             endless(`{"info":{"base_url":"`, gigabyte, "x", `"}}`),
		"many equal keys":  endless(`{"packages":{"a-1-0.conda":{}`, gigabyte, `,"a-1-0.conda":{}`, `}]`),
		"other names":      &manyNames{n: 8 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, 10*time.Second, 512<<20, func() {
				if _, err := buildIndex(text, 0, "x"); err == nil || len(err.Error()) > 500 {
					t.Errorf("got %.600v", err)
				}
			})
		})
	}
}

// manyNames is a repodata.json of n packages of one record each.
type manyNames struct {
	i, n int
	rest string
}

func (m *manyNames) Read(p []byte) (int, error) {
	if m.i == 0 {
		m.rest = `{"packages":{"a-1-0.conda":{}`
	}
	var b []byte
	for b = append(b, m.rest...); len(b) < len(p) && m.i < m.n; m.i++ {
		b = fmt.Appendf(b, `,"a%d-1-0.conda":{}`, m.i)
	}
	if len(b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b)
	m.rest = string(b[n:])
	return n, nil
}

// versionsOf writes a channel with n versions of one name.
func versionsOf(t *testing.T, n int) string {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "noarch"), 0o755); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(`{"packages":{`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"a-%d-0.conda":{"name":"a","version":"%[1]d","build":"0","depends":["b >=%[1]d"]}`, i)
	}
	b.WriteString("}}")
	if err := os.WriteFile(filepath.Join(dir, "noarch", "repodata.json"), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestManyVersions: a name may have 30,000 records, many more than any has; a million is an attack, refused
// before one of them is read. The channel's other names can be had.
func TestManyVersions(t *testing.T) {
	for n, ok := range map[int]bool{30_000: true, 1_000_000: false} {
		if !ok && testing.Short() {
			continue
		}
		dir := versionsOf(t, n)
		within(t, 5*time.Second, 128<<20, func() {
			parts, err := (&Loader{}).Open(context.Background(), dir, []string{"noarch"})
			if err != nil {
				t.Fatal(err)
			}
			defer parts[0].Close()
			records, err := parts[0].Candidates("a")
			if ok && len(records) != n || !ok && (err == nil || !strings.Contains(err.Error(), "1000000 records of a; more than")) {
				t.Errorf("%d: %d records, %v", n, len(records), err)
			}
		})
	}
}
