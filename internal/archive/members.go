package archive

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/bodgit/sevenzip"
	"github.com/nwaples/rardecode/v2"
)

// tarMembers reads the members of a tar.
func (w *walker) tarMembers(r io.Reader) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeXGlobalHeader { // of git's tarballs: no member
			continue
		}
		m := &member{name: h.Name, mtime: h.ModTime, target: h.Linkname}
		if err := m.fromTar(h); err != nil {
			return err
		}
		if m.kind == kindFile {
			m.body = t
		}
		if err := w.member(m); err != nil {
			return err
		}
	}
}

func (m *member) fromTar(h *tar.Header) error {
	switch h.Typeflag {
	case tar.TypeReg, 0, tar.TypeGNUSparse, tar.TypeCont: // 0 is what old tars say of a file
		m.kind, m.exec = kindFile, h.Mode&0o100 != 0
		if strings.HasSuffix(h.Name, "/") { // old tars have no type for folders
			m.kind = kindDir
		}
	case tar.TypeDir:
		m.kind = kindDir
	case tar.TypeSymlink:
		m.kind = kindLink
	case tar.TypeLink:
		m.kind = kindHard
	default:
		return fmt.Errorf("%q has tar type %q; only files, folders and links are unpacked", h.Name, h.Typeflag)
	}
	return nil
}

func (w *walker) sevenZip(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	z, err := sevenzip.NewReader(f, info.Size())
	if err != nil {
		return err
	}
	for _, entry := range z.File {
		if err := w.packedMember(entry.Name, entry.Mode(), entry.Modified, entry.Open); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) rar(r io.Reader) error {
	z, err := rardecode.NewReader(r)
	if err != nil {
		return err
	}
	for {
		h, err := z.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		open := func() (io.ReadCloser, error) { return io.NopCloser(z), nil }
		if err := w.packedMember(h.Name, h.Mode(), h.ModificationTime, open); err != nil {
			return err
		}
	}
}

// packedMember is a member of an archive whose symbolic links have their target as content.
func (w *walker) packedMember(name string, mode fs.FileMode, mtime time.Time, open func() (io.ReadCloser, error)) error {
	m := &member{name: name, mtime: mtime}
	switch {
	case mode.IsDir():
		m.kind = kindDir
		return w.member(m)
	case mode.IsRegular():
		m.kind, m.exec = kindFile, mode&0o100 != 0
	case mode&fs.ModeSymlink != 0:
		m.kind = kindLink
	default:
		return fmt.Errorf("entry %q is a %s; only files, folders and links are unpacked", name, mode.Type())
	}
	body, err := open()
	if err != nil {
		return fmt.Errorf("entry %q: %w", name, err)
	}
	defer body.Close()
	if m.kind == kindFile {
		m.body = body
		return w.member(m)
	}
	text, err := io.ReadAll(io.LimitReader(body, maxPath+1))
	if err != nil {
		return err
	}
	m.target = string(text)
	return w.member(m)
}
