package archive

import (
	"archive/zip"
	"fmt"
	"io/fs"
	"os"
)

// zip reads with the standard library, which checks CRC and size of every member. Before that the
// local headers are held against the directory at the end: the two may not tell different stories.
func (w *walker) zip(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	zr, err := zip.NewReader(f, st.Size())
	if err != nil {
		return err
	}
	if _, err := checkLocal(f, st.Size(), zr.File); err != nil {
		return err
	}
	for _, zf := range zr.File {
		if err := w.zipMember(zf); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) zipMember(zf *zip.File) error {
	mode := zf.Mode()
	m := &member{name: zf.Name, mtime: zf.Modified}
	switch {
	case mode.IsDir():
		m.kind = kindDir
	case mode&fs.ModeSymlink != 0:
		if err := m.readTarget(func() (fs.File, error) { return openZip(zf) }); err != nil {
			return err
		}
	case mode.IsRegular():
		body, err := zf.Open()
		if err != nil {
			return fmt.Errorf("entry %q: %w", zf.Name, err)
		}
		defer body.Close()
		m.kind, m.exec, m.body = kindFile, mode&0o100 != 0, body
	default:
		return fmt.Errorf("entry %q is a %s; only files, folders and links are unpacked", zf.Name, mode.Type())
	}
	return w.member(m)
}

type zipFile struct {
	fs.FileInfo
	read func([]byte) (int, error)
	shut func() error
}

func openZip(zf *zip.File) (fs.File, error) {
	rc, err := zf.Open()
	if err != nil {
		return nil, err
	}
	return zipFile{zf.FileInfo(), rc.Read, rc.Close}, nil
}

func (z zipFile) Stat() (fs.FileInfo, error) { return z.FileInfo, nil }
func (z zipFile) Read(p []byte) (int, error) { return z.read(p) }
func (z zipFile) Close() error               { return z.shut() }
