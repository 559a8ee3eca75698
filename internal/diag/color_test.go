package diag

import "testing"

func TestWithoutColor(t *testing.T) {
	for in, want := range map[string]string{"a": "a", "\x1b[1;31mred\x1b[0m.": "red.", "\x1b[Kx": "x", "\x1b[2Jx": "\x1b[2Jx", "\x1b[": "\x1b["} {
		if got := WithoutColor(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
