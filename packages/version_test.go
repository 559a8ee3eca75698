package packages

import (
	"bufio"
	"cmp"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// shared opens a file of the vectors, or skips the test where they are not on the machine.
func shared(t testing.TB, name string) *os.File {
	t.Helper()
	root := cmp.Or(os.Getenv("FORGE_SHARED"), filepath.Join("..", "..", "shared"))
	if _, err := os.Stat(root); err != nil {
		root = filepath.Join("..", "..", "..", "shared")
	}
	f, err := os.Open(filepath.Join(root, "vectors", name))
	if err != nil {
		t.Skipf("vectors are not here: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestConformanceVersionOrder(t *testing.T) {
	sc := bufio.NewScanner(shared(t, "rattler-build/specs/version-order.tsv"))
	var last Version
	lastRank, n := -1, 0
	for sc.Scan() {
		rank, text, _ := strings.Cut(sc.Text(), "\t")
		r, _ := strconv.Atoi(rank)
		v, err := ParseVersion(text)
		if err != nil {
			t.Fatal(err)
		}
		if n++; lastRank >= 0 && cmp.Compare(lastRank, r) != last.Compare(v) {
			t.Errorf("%s (%d) and %s (%d): Compare = %d", last, lastRank, v, r, last.Compare(v))
		}
		last, lastRank = v, r
	}
	t.Logf("%d versions in order", n)
}

// TestConformanceVersionParse holds the components to the dumps of conda's own parser.
func TestConformanceVersionParse(t *testing.T) {
	sc := bufio.NewScanner(shared(t, "rattler/test-data/parsed_versions.txt"))
	n := 0
	var buf [64]component
	for sc.Scan() {
		line := sc.Text()
		text, want, ok := strings.Cut(line, "=")
		if strings.HasPrefix(line, "#") || !ok {
			continue
		}
		v, err := ParseVersion(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		parts, local, _ := splitVersion(buf[:0], v.text)
		if got := dump(parts); got != want {
			t.Errorf("%s: got %s + %s, want %s", text, got, dump(local), want)
		}
		n++
	}
	t.Logf("%d versions parsed", n)
}

func dump(parts []component) string {
	var segs []string
	for len(parts) > 0 {
		var seg []component
		seg, parts = segment(parts)
		var cs []string
		for _, c := range seg {
			switch c.kind {
			case kindPost:
				cs = append(cs, "inf")
			case kindDev:
				cs = append(cs, "'DEV'")
			case kindNumber:
				cs = append(cs, cmp.Or(c.text, "0"))
			default:
				cs = append(cs, "'"+c.text+"'")
			}
		}
		segs = append(segs, "["+strings.Join(cs, ", ")+"]")
	}
	return "[" + strings.Join(segs, ", ") + "]"
}

// FuzzVersion holds the keys to the plain comparison of components.
func FuzzVersion(f *testing.F) {
	for _, s := range []string{"1.0", "1!2.post1", "0.0.a", "1a0b0.0.0+3.dev", "1.0.1_", "0.0a0.0.0b", "000.0a.0.0"} {
		f.Add(s, "1.0.0.a0b")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		v, err := ParseVersion(a)
		w, err2 := ParseVersion(b)
		if err != nil || err2 != nil {
			return
		}
		p1, l1, _ := splitVersion(nil, v.text)
		p2, l2, _ := splitVersion(nil, w.text)
		want := compareParts(p1, p2)
		if want == 0 {
			want = compareParts(l1, l2)
		}
		if got := v.Compare(w); got != cmp.Compare(want, 0) {
			t.Errorf("%q and %q: key says %d, components %d", a, b, got, want)
		}
		n, err := ParseVersion(v.Normal())
		if err != nil || !n.Equal(v) {
			t.Errorf("%q: normal form %q is %v, %v", a, v.Normal(), n, err)
		}
		if !v.HasPrefix(v) {
			t.Errorf("%q does not begin with itself", a)
		}
	})
}

// compareParts orders two lists of segments, the shorter filled up with zeros.
func compareParts(a, b []component) int {
	for len(a) > 0 || len(b) > 0 {
		var sa, sb []component
		sa, a = segment(a)
		sb, b = segment(b)
		if c := compareSegment(sa, sb); c != 0 {
			return c
		}
	}
	return 0
}
