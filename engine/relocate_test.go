package engine

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"forge/platforms/elf"
)

// What overwrite leaves on disk is the new content, however the file grew, and under no other name.
func TestOverwrite(t *testing.T) {
	const mib = 1 << 20
	old := bytes.Repeat([]byte{7}, mib)
	with := func(size int, at ...int) []byte {
		b := append(bytes.Clone(old), make([]byte, size-len(old))...)
		for _, i := range at {
			b[i] = 9
		}
		return b
	}
	tests := map[string]struct {
		fresh   []byte
		touched []elf.Range
	}{
		"same size":            {with(mib, 5), []elf.Range{{Off: 5, Len: 1}}},
		"longer by one":        {with(mib+1, mib), []elf.Range{{Off: mib, Len: 1}}},
		"longer by zeros":      {with(3 * mib), []elf.Range{{Off: mib, Len: 2 * mib}}},
		"zeros between":        {with(3*mib, 10, mib-1, 2*mib+3, 3*mib-1), []elf.Range{{Off: 10, Len: 1}, {Off: mib - 1, Len: 2*mib + 1}}},
		"parts out of order":   {with(2*mib, 0, 2*mib-1), []elf.Range{{Off: mib, Len: mib}, {Off: 0, Len: 1}}},
		"zeros over old bytes": {append(make([]byte, mib), make([]byte, mib)...), []elf.Range{{Off: 0, Len: 2 * mib}}},
	}
	for name, tt := range tests {
		for _, linked := range []bool{false, true} {
			file := filepath.Join(t.TempDir(), "f")
			if err := os.WriteFile(file, old, 0o755); err != nil {
				t.Fatal(err)
			}
			when := time.Unix(1e9, 0)
			os.Chtimes(file, when, when)
			if linked {
				os.Link(file, file+"2")
			}
			if err := overwrite(file, len(old), tt.fresh, tt.touched); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got, _ := os.ReadFile(file)
			info, _ := os.Stat(file)
			if !bytes.Equal(got, tt.fresh) || !info.ModTime().Equal(when) || info.Mode().Perm() != 0o755 {
				t.Errorf("%s (linked %v): not what it should be: %d bytes of %d, %v", name, linked, len(got), len(tt.fresh), info.Mode())
			}
			if other, err := os.ReadFile(file + "2"); err == nil && !bytes.Equal(other, old) {
				t.Errorf("%s: the other name's content changed", name)
			}
		}
	}
}
