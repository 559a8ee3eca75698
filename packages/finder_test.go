package packages

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzFinder holds the finder to bytes.Contains.
func FuzzFinder(f *testing.F) {
	long := "/forge/h_env" + strings.Repeat("_placehold", 24)
	f.Add(long, "x"+long+"y", uint16(0))
	f.Add(long, strings.Repeat("_placehold", 60), uint16(7))
	f.Add(long, long[:200]+long, uint16(300))
	f.Add("/opt/h", "a/opt/h", uint16(1))
	f.Add(strings.Repeat("a", 20), strings.Repeat("a", 19)+"b"+strings.Repeat("a", 20), uint16(0))
	f.Add("", "x", uint16(0))
	f.Fuzz(func(t *testing.T, want, text string, at uint16) {
		for _, b := range []string{text, text[:min(int(at), len(text))] + want + text[min(int(at), len(text)):]} {
			got := newFinder(want).in([]byte(b))
			if expect := want != "" && bytes.Contains([]byte(b), []byte(want)); got != expect {
				t.Fatalf("%q in %q: %v", want, b, got)
			}
		}
	})
}
