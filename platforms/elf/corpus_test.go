package elf

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCorpus rewrites every dynamic file of the folders FORGE_ELF_CORPUS names, shorter, longer and without a
// path, and leaves them in FORGE_ELF_OUT, if that is set, for other programs to be tried on.
func TestCorpus(t *testing.T) {
	long := []string{"$ORIGIN/../lib", "/" + strings.Repeat("long", 60)}
	files, grown := 0, int64(0)
	corpus(t, func(p string, b []byte, info *Info) {
		if !info.Dynamic {
			return
		}
		files++
		out, touched, err := setRunPath(bytes.Clone(b), long)
		if err != nil {
			t.Errorf("%s: %v", p, err)
			return
		}
		if !bytes.Equal(patched(b, out, touched), out) {
			t.Errorf("%s: differs in more than is told", p)
		}
		grown += int64(len(out) - len(b))
		if to := os.Getenv("FORGE_ELF_OUT"); to != "" {
			os.MkdirAll(filepath.Join(to, filepath.Dir(p)), 0o755)
			os.WriteFile(filepath.Join(to, p), out, 0o755)
		}
		if _, _, err := setRunPath(out, nil); err != nil {
			t.Errorf("%s: taken out again: %v", p, err)
		}
	})
	t.Logf("%d files, grown by %d bytes", files, grown)
}

// patched is old with the touched parts of fresh.
func patched(old, fresh []byte, touched []Range) []byte {
	b := append(bytes.Clone(old), make([]byte, max(0, len(fresh)-len(old)))...)
	for _, r := range touched {
		copy(b[r.Off:r.Off+r.Len], fresh[r.Off:])
	}
	return b
}

// setRunPath makes entries the search path of a file in memory.
func setRunPath(b []byte, entries []string) ([]byte, []Range, error) {
	f, err := Open(b)
	if err != nil || !f.Info.Dynamic {
		return b, nil, err
	}
	return f.image.setEntries(entries)
}

// relocateFile relocates a file on this machine.
func relocateFile(name string, r Relocation) (Change, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return Change{}, err
	}
	f, err := Open(b)
	if err != nil {
		return Change{}, err
	}
	out, c, err := f.Relocate(r)
	if err != nil {
		return c, err
	}
	return c, ReplaceFile(name, out)
}
