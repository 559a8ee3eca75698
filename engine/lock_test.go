package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const goodLock = lockHeader + `

[linux-64/app-tool-1.0-h1_0]
build external gcc_linux-64 12.2.0
host https://example.org/c/linux-64/lib-x-1.0-0.conda sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
host output zlib 1.3 h2_0
run lib-x >=1.0

[linux-64/stage staging app-tool]
host output zlib 1.3 h2_0
`

// TestLockRoundTrip: what is written is read back and written alike.
func TestLockRoundTrip(t *testing.T) {
	l, err := ParseLock("forge.lock", []byte(goodLock))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(goodLock, l.String()); d != "" {
		t.Error(d)
	}
	if got := l.Sections["linux-64/app-tool-1.0-h1_0"].Lines[1].Package(); got != "lib-x" {
		t.Errorf("the name in the address is %q", got)
	}
	for title, want := range map[string]string{
		"linux-64/app-tool-1.0-h1_0":      "linux-64/app-tool",
		"noarch/x-1-0":                    "noarch/x",
		"linux-64/stage staging app-tool": "linux-64/stage",
		"linux-64/a":                      "linux-64/a",
	} {
		if got := packageOf(title); got != want {
			t.Errorf("packageOf(%q) = %q, want %q", title, got, want)
		}
	}
}

// FuzzLock: whatever is read without an error is written so that it reads the same.
func FuzzLock(f *testing.F) {
	f.Add(goodLock)
	f.Add("# forge.lock 2: later\n[x/a-1-0]\nhost external a 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLock("forge.lock", []byte(text))
		if err != nil {
			return
		}
		again, err := ParseLock("forge.lock", []byte(l.String()))
		if err != nil {
			t.Fatalf("%q is written as %q: %v", text, l.String(), err)
		}
		if d := cmp.Diff(l.String(), again.String()); d != "" {
			t.Error(d)
		}
	})
}
