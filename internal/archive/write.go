package archive

import (
	"archive/tar"
	"archive/zip"
	"fmt"
	"io"
	"sort"
	"time"
)

// Tar writes a tar whose bytes are a function of what is added: uid and gid 0, no owner names, one
// mtime, modes 644 and 755, no folders. Members come in the order they are added.
type Tar struct {
	w     *tar.Writer
	mtime time.Time
}

// NewTar writes to w; mtime is in seconds since 1970.
func NewTar(w io.Writer, mtime int64) *Tar {
	return &Tar{tar.NewWriter(w), time.Unix(mtime, 0)}
}

func (t *Tar) header(name string, kind byte) *tar.Header {
	return &tar.Header{Typeflag: kind, Name: name, Mode: 0o644, ModTime: t.mtime, Format: tar.FormatUnknown}
}

// File adds a file of exactly size bytes.
func (t *Tar) File(name string, exec bool, size int64, body io.Reader) error {
	h := t.header(name, tar.TypeReg)
	h.Size = size
	if exec {
		h.Mode = 0o755
	}
	if err := t.w.WriteHeader(h); err != nil {
		return fmt.Errorf("archive %q: %w", name, err)
	}
	n, err := io.Copy(t.w, body)
	if err == nil && n != size {
		err = fmt.Errorf("has %d bytes, %d were expected: it changed while it was packed", n, size)
	}
	if err != nil {
		return fmt.Errorf("archive %q: %w", name, err)
	}
	return nil
}

// Symlink adds a symbolic link.
func (t *Tar) Symlink(name, target string) error {
	h := t.header(name, tar.TypeSymlink)
	h.Linkname, h.Mode = target, 0o777
	return t.w.WriteHeader(h)
}

// Dir adds an empty folder.
func (t *Tar) Dir(name string) error {
	h := t.header(name+"/", tar.TypeDir)
	h.Mode = 0o755
	return t.w.WriteHeader(h)
}

// Close writes the end of the archive; it does not close the writer below.
func (t *Tar) Close() error { return t.w.Close() }

// Zip writes a zip of stored members, all with one mtime.
type Zip struct {
	w     *zip.Writer
	mtime time.Time
}

// NewZip writes to w; mtime is in seconds since 1970. A zip cannot say a time before 1980: such
// become 1980-01-01.
func NewZip(w io.Writer, mtime int64) *Zip {
	return &Zip{zip.NewWriter(w), time.Unix(max(mtime, dosEpoch), 0).UTC()}
}

// File adds a member of exactly size bytes whose CRC-32 (IEEE) is crc.
func (z *Zip) File(name string, size int64, crc uint32, body io.Reader) error {
	h := &zip.FileHeader{Name: name, Method: zip.Store, CRC32: crc,
		CompressedSize64: uint64(size), UncompressedSize64: uint64(size)}
	h.SetMode(0o644)
	//lint:ignore SA1019 CreateRaw takes no other; the field Modified is for CreateHeader
	h.ModifiedDate, h.ModifiedTime = dosTime(z.mtime)
	w, err := z.w.CreateRaw(h)
	if err != nil {
		return fmt.Errorf("archive %q: %w", name, err)
	}
	n, err := io.Copy(w, body)
	if err == nil && n != size {
		err = fmt.Errorf("has %d bytes, %d were expected", n, size)
	}
	if err != nil {
		return fmt.Errorf("archive %q: %w", name, err)
	}
	return nil
}

// Close writes the directory; it does not close the writer below.
func (z *Zip) Close() error { return z.w.Close() }

// dosTime is the MS-DOS form of a time, of two seconds' precision.
func dosTime(t time.Time) (date, clock uint16) {
	date = uint16(t.Day() + int(t.Month())<<5 + (t.Year()-1980)<<9)
	clock = uint16(t.Second()/2 + t.Minute()<<5 + t.Hour()<<11)
	return date, clock
}

func sortBy[T any](list []T, less func(a, b T) bool) {
	sort.Slice(list, func(i, j int) bool { return less(list[i], list[j]) })
}
