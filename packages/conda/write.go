package conda

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"slices"

	"forge/digest"
	"forge/internal/archive"
	"forge/packages"
)

// metadata is the member metadata.json of a .conda, to the byte as conda-build and rattler-build have it.
const metadata = `{"conda_pkg_format_version":2}`

// Write implements packages.Format. Members lie in the order rattler-build 0.73 gives them.
func (f format) Write(ctx context.Context, m *packages.Manifest, w io.Writer) error {
	info, err := infoMembers(m)
	if err != nil {
		return fmt.Errorf("package %s: %w", &m.Record, err)
	}
	files, err := sortedFiles(m.Files)
	if err != nil {
		return fmt.Errorf("package %s: %w", &m.Record, err)
	}
	if f.kind == V1 {
		err = f.writeTar(w, m.Epoch, func(t *archive.Tar) error {
			if err := addInfo(t, info); err != nil {
				return err
			}
			return addFiles(ctx, t, files)
		})
	} else {
		err = f.writeZip(ctx, m, info, files, w)
	}
	if err != nil {
		return fmt.Errorf("package %s: %w", &m.Record, err)
	}
	return nil
}

func (f format) writeZip(ctx context.Context, m *packages.Manifest, info map[string][]byte, files []packages.File, w io.Writer) error {
	z := archive.NewZip(w, m.Epoch)
	if err := z.File("metadata.json", int64(len(metadata)), crc32.ChecksumIEEE([]byte(metadata)), bytes.NewReader([]byte(metadata))); err != nil {
		return err
	}
	stem := m.Record.String()
	err := f.zipTar(z, "pkg-"+stem+".tar.zst", m.Epoch, func(t *archive.Tar) error { return addFiles(ctx, t, files) })
	if err != nil {
		return err
	}
	err = f.zipTar(z, "info-"+stem+".tar.zst", m.Epoch, func(t *archive.Tar) error { return addInfo(t, info) })
	if err != nil {
		return err
	}
	return z.Close()
}

// zipTar adds a compressed tar as a stored member. It is kept aside first, as a stored member's size and
// checksum stand before it.
func (f format) zipTar(z *archive.Zip, name string, epoch int64, fill func(*archive.Tar) error) error {
	var tmp spool
	defer tmp.Close()
	crc := crc32.NewIEEE()
	if err := f.writeTar(io.MultiWriter(&tmp, crc), epoch, fill); err != nil {
		return err
	}
	all, err := tmp.Reader()
	if err != nil {
		return err
	}
	return z.File(name, tmp.size, crc.Sum32(), all)
}

func (f format) writeTar(w io.Writer, epoch int64, fill func(*archive.Tar) error) error {
	c, err := f.compress(w)
	if err != nil {
		return err
	}
	t := archive.NewTar(c, epoch)
	if err := fill(t); err != nil {
		c.Close()
		return err
	}
	if err := t.Close(); err != nil {
		c.Close()
		return err
	}
	return c.Close()
}

func addInfo(t *archive.Tar, info map[string][]byte) error {
	for _, name := range slices.SortedFunc(maps.Keys(info), packages.ComparePaths) {
		b := info[name]
		if err := t.File("info/"+name, false, int64(len(b)), bytes.NewReader(b)); err != nil {
			return err
		}
	}
	return nil
}

// sortedFiles checks the payload's paths and sorts them.
func sortedFiles(list []packages.File) ([]packages.File, error) {
	files := slices.Clone(list)
	slices.SortStableFunc(files, func(a, b packages.File) int { return packages.ComparePaths(a.Path, b.Path) })
	for i, f := range files {
		if err := packages.CheckPath(f.Path); err != nil {
			return nil, err
		}
		if f.Path == "info" || len(f.Path) > 5 && f.Path[:5] == "info/" {
			return nil, fmt.Errorf("the payload holds %q, a name kept for the package's own data", f.Path)
		}
		if i > 0 && files[i-1].Path == f.Path {
			return nil, fmt.Errorf("the payload holds %q twice", f.Path)
		}
	}
	return files, nil
}

func addFiles(ctx context.Context, t *archive.Tar, files []packages.File) error {
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := addFile(t, f); err != nil {
			return err
		}
	}
	return nil
}

func addFile(t *archive.Tar, f packages.File) error {
	switch f.Kind {
	case digest.Symlink:
		return t.Symlink(f.Path, f.Target)
	case digest.Dir:
		return t.Dir(f.Path)
	case digest.File, digest.Exec:
	default:
		return fmt.Errorf("%q is of unknown kind %q", f.Path, f.Kind)
	}
	var body io.Reader = bytes.NewReader(f.Data)
	if f.Source != "" {
		src, err := os.Open(f.Source)
		if err != nil {
			return err
		}
		defer src.Close()
		body = src
	}
	h := sha256.New()
	if err := t.File(f.Path, f.Kind == digest.Exec, f.Size, io.TeeReader(body, h)); err != nil {
		return err
	}
	if got, _ := digest.FromSum(h.Sum(nil)); got != f.Sum {
		return fmt.Errorf("%q changed while it was packed: sha256 is %s, was %s", f.Path, got.Hex(), f.Sum.Hex())
	}
	return nil
}
