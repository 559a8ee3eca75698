package engine

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"forge/digest"
	"forge/packages"
)

// pack puts into the store, as it comes, the tar that fill writes: what one action leaves for another.
func (j *job) pack(fill func(*tar.Writer) error) (digest.Digest, error) {
	read, write := io.Pipe()
	go func() { write.CloseWithError(packInto(write, fill)) }()
	sum, _, err := j.tools.Store.Put(read)
	read.CloseWithError(err)
	return sum, err
}

func packInto(w io.Writer, fill func(*tar.Writer) error) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	if err := fill(t); err != nil {
		return err
	}
	return errors.Join(t.Close(), z.Close())
}

// packData writes a file of that content.
func (j *job) packData(t *tar.Writer, name string, mode int64, data []byte) error {
	h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode, Size: int64(len(data)), ModTime: time.Unix(j.epoch(), 0), Format: tar.FormatPAX}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err := t.Write(data)
	return err
}

// packOne writes one file, link or folder; sockets and the like are left out.
func packOne(t *tar.Writer, file, name string) error {
	info, err := os.Lstat(file)
	if err != nil {
		return err
	}
	target := ""
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		if target, err = os.Readlink(file); err != nil {
			return err
		}
	case !info.Mode().IsRegular() && !info.IsDir():
		return nil
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	h.Name, h.Format = name, tar.FormatPAX
	h.Uid, h.Gid, h.Uname, h.Gname = 0, 0, "", ""
	if !info.Mode().IsRegular() {
		return t.WriteHeader(h)
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := errors.Join(packages.CheckSparse(f), t.WriteHeader(h)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err = io.Copy(t, f)
	return err
}

// eachPacked hands out the members of what pack put into the store.
func (j *job) eachPacked(ctx context.Context, sum digest.Digest, member func(h *tar.Header, r io.Reader) error) error {
	if err := j.whole(sum); err != nil {
		return err
	}
	f, err := os.Open(j.tools.Store.Path(sum, false))
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		return err
	}
	defer z.Close()
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if err := member(h, t); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

// layOut lays out in dir what pack put into the store. Scripts wrote the names and links, so all goes through an
// os.Root of dir. Before each member, place may give it another name, or say that it is not laid out.
func (j *job) layOut(ctx context.Context, sum digest.Digest, dir string, place func(root *os.Root, h *tar.Header) (take bool, err error)) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var folders []*tar.Header
	err = j.eachPacked(ctx, sum, func(h *tar.Header, r io.Reader) error {
		take, err := place(root, h)
		if err != nil || !take {
			return err
		}
		if h.Typeflag == tar.TypeDir {
			folders = append(folders, h)
		}
		return unpackOne(root, r, h)
	})
	if err != nil {
		return err
	}
	for _, h := range slices.Backward(folders) { // at last: what comes into a folder changes its time
		if err := root.Chtimes(h.Name, h.ModTime, h.ModTime); err != nil {
			return err
		}
	}
	return nil
}

func unpackOne(root *os.Root, r io.Reader, h *tar.Header) error {
	name := strings.TrimSuffix(h.Name, "/")
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, name)
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(h.Mode).Perm()|0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	// The mode at last: the file is to be written first, and the caller's umask is not the script's.
	err = errors.Join(err, f.Close(), root.Chtimes(name, h.ModTime, h.ModTime))
	if err == nil {
		err = root.Chmod(name, fs.FileMode(h.Mode).Perm())
	}
	return err
}
