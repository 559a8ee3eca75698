package platforms

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The banner is found wherever it lies, also across the pieces that are read.
func TestBannerVersion(t *testing.T) {
	const banner = "GNU C Library (Debian GLIBC 2.36-9+deb12u10) stable release version 2.36.\nCopyright"
	for name, c := range map[string]struct{ text, want string }{
		"alone":          {banner, "2.36"},
		"at the end":     {strings.Repeat("x", 200<<10) + banner, "2.36"},
		"at the start":   {banner + strings.Repeat("x", 200<<10), "2.36"},
		"after another":  {"GNU C Library is\n" + banner, "2.36"},
		"musl":           {"musl libc (x86_64)\nVersion 1.2.3", ""},
		"no number":      {"GNU C Library version x", ""},
		"on other lines": {"GNU C Library\n version 2.36", ""},
		"empty":          {"", ""},
	} {
		file := filepath.Join(t.TempDir(), "libc.so.6")
		if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := bannerVersion(file); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	for shift := range 2 * len(banner) {
		file := filepath.Join(t.TempDir(), "libc.so.6")
		if err := os.WriteFile(file, []byte(strings.Repeat("x", 64<<10)+banner+strings.Repeat("x", 64<<10-shift)), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := bannerVersion(file); got != "2.36" {
			t.Fatalf("%d bytes from the edge of a piece: %q", shift, got)
		}
	}
}
