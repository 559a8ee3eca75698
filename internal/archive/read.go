package archive

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"time"
)

// Kind is what a Member is.
type Kind = kind

// The kinds of members.
const (
	KindFile    = kindFile
	KindDir     = kindDir
	KindSymlink = kindLink
	KindHard    = kindHard // Target is the clean name of an earlier member
)

// Member is one entry of a tar, its name checked by CleanName.
type Member struct {
	Name    string
	Kind    Kind
	Exec    bool
	ModTime time.Time
	Target  string    // of a link; a symlink's is not judged
	Body    io.Reader // of a file, valid inside the call; what is left unread is skipped
}

// ReadTar gives every member of a tar to fn, in order. compression is "", "gz", "bz2", "xz", "zst", …
// as Detect has it. It refuses what Extract refuses of a tar as such: devices, damage, truncation, garbage
// at the end, more than limits.
func ReadTar(ctx context.Context, r io.Reader, compression string, limits Limits, fn func(*Member) error) error {
	w := &walker{ctx: ctx, limits: limits.orDefault(), top: map[string]kind{}}
	w.fn = func(m *member) error {
		name, err := CleanName(m.name)
		if err != nil {
			return err
		}
		out := &Member{Name: name, Kind: m.kind, Exec: m.exec, ModTime: m.mtime, Target: m.target, Body: m.body}
		if m.kind == kindHard {
			if out.Target, err = CleanName(m.target); err != nil {
				return fmt.Errorf("hard link %q: %w", name, err)
			}
		}
		return fn(out)
	}
	return w.tar(r, compression)
}

// StoredZip reads the directory of a zip whose members are all stored, not compressed, begins with its
// first member and tells one story in both its headers. Opening a member checks its CRC at the end.
func StoredZip(r io.ReaderAt, size int64) ([]*zip.File, error) {
	zr, err := zip.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, f := range zr.File {
		if f.Method != zip.Store || f.UncompressedSize64 != f.CompressedSize64 {
			return nil, fmt.Errorf("member %q is compressed; it must be stored", f.Name)
		}
		if seen[f.Name] {
			return nil, fmt.Errorf("member %q is there twice", f.Name)
		}
		seen[f.Name] = true
	}
	first, err := checkLocal(r, size, zr.File)
	if err == nil && first != 0 {
		err = fmt.Errorf("%d bytes stand before the first member", first)
	}
	return zr.File, err
}
