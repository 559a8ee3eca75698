package archive

import (
	"archive/tar"
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/mholt/archiver/v4"
)

// member is one entry of an archive as it says of itself, its name not yet judged.
type member struct {
	name   string
	kind   kind
	exec   bool
	mtime  time.Time
	target string
	body   io.Reader // of a file; valid until the next member
}

type kind byte

const (
	kindFile kind = 'f'
	kindDir  kind = 'd'
	kindLink kind = 'l' // symbolic
	kindHard kind = 'h' // target is the name of an earlier member
)

// walker counts what passes and stops what is too much.
type walker struct {
	ctx    context.Context
	limits Limits
	packed int64 // bytes of the archive read so far, or its size
	info   Info
	top    map[string]kind
	fn     func(*member) error
}

// walk gives every member of the archive to fn, in order, and reads it to its end.
func walk(ctx context.Context, src, name string, limits Limits, fn func(*member) error) (info Info, err error) {
	// Decoders of rare formats are not ours; one that does not cope with a damaged file must not end us.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the archive is damaged: %v", r)
		}
	}()
	f, err := os.Open(src)
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	format, err := detect(f, name)
	if err != nil {
		return Info{}, err
	}
	w := &walker{ctx: ctx, limits: limits.orDefault(), fn: fn, top: map[string]kind{}}
	w.info.Format = format.String()
	if st, err := f.Stat(); err == nil && format.container != "tar" {
		w.packed = st.Size()
	}
	switch format.container {
	case "tar":
		err = w.tar(f, format.compression)
	case "zip":
		err = w.zip(f)
	case "7z":
		err = w.handled(archiver.SevenZip{}, f)
	default:
		err = w.handled(archiver.Rar{}, f)
	}
	if len(w.top) == 1 {
		for name, k := range w.top {
			if k == kindDir {
				w.info.Top = name
			}
		}
	}
	return w.info, err
}

// member counts m and hands it on.
func (w *walker) member(m *member) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if w.info.Entries++; w.info.Entries > w.limits.Entries {
		return fmt.Errorf("more than %d entries", w.limits.Entries)
	}
	m.mtime = m.mtime.UTC().Truncate(time.Second)
	if m.mtime.After(w.info.Newest) && m.mtime.Unix() > dosEpoch {
		w.info.Newest = m.mtime
	}
	w.atTop(m)
	if m.kind == kindFile {
		m.body = &counted{w, m.body}
	}
	if err := w.fn(m); err != nil {
		return err
	}
	if m.kind != kindFile {
		return nil
	}
	_, err := io.Copy(io.Discard, m.body) // checksums come at the end
	return err
}

// dosEpoch is 1980-01-01, the earliest time a zip can say.
const dosEpoch = 315532800

func (w *walker) atTop(m *member) {
	first, rest, _ := strings.Cut(strings.TrimLeft(path.Clean("/"+m.name), "/"), "/")
	if first == "" {
		return
	}
	if rest != "" || m.kind == kindDir {
		if w.top[first] == 0 {
			w.top[first] = kindDir
		}
		return
	}
	w.top[first] = m.kind
}

// counted is a file's body under the limits.
type counted struct {
	w *walker
	r io.Reader
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.w.info.Bytes += int64(n)
	if much := c.w.tooMuch(c.w.info.Bytes); much != nil {
		return n, much
	}
	return n, err
}

func (w *walker) tooMuch(n int64) error {
	if n > w.limits.Bytes {
		return fmt.Errorf("unpacks to more than %d bytes", w.limits.Bytes)
	}
	if n > ratioFrom && w.packed > 0 && n/w.packed > w.limits.Ratio {
		return fmt.Errorf("unpacks to more than %d times its size", w.limits.Ratio)
	}
	return nil
}

// packedReader counts the archive's own bytes.
type packedReader struct {
	w *walker
	r io.Reader
}

func (p packedReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.w.packed += int64(n)
	return n, err
}

// tarStream is the unpacked tar under the limits; it remembers the last block, which tells a whole
// archive from one that was cut between two members.
type tarStream struct {
	w    *walker
	r    io.Reader
	n    int64
	last [tarBlock]byte
}

func (t *tarStream) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.n += int64(n)
	if n >= tarBlock {
		copy(t.last[:], p[n-tarBlock:n])
	} else if n > 0 {
		copy(t.last[:], t.last[n:])
		copy(t.last[tarBlock-n:], p[:n])
	}
	if much := t.w.tooMuch(t.n / 2); much != nil { // headers and padding may double the bytes
		return n, much
	}
	return n, err
}

func (w *walker) tar(f io.Reader, compression string) error {
	packed := bufio.NewReaderSize(packedReader{w, f}, 64<<10)
	r, closer, err := decompress(packed, compression)
	if err != nil {
		return err
	}
	defer closer()
	stream := &tarStream{w: w, r: r}
	if err := w.handled(archiver.Tar{}, stream); err != nil {
		return err
	}
	if stream.last != [tarBlock]byte{} {
		return fmt.Errorf("the tar has no end: %w", io.ErrUnexpectedEOF)
	}
	// The rest holds padding and the compression's checksum.
	for _, rest := range []io.Reader{stream, packed} {
		if err := onlyZeros(rest); err != io.EOF {
			return err
		}
	}
	return nil
}

// handled reads by mholt/archiver, which checks nothing.
func (w *walker) handled(x archiver.Extractor, r io.Reader) error {
	var ours error
	err := x.Extract(w.ctx, r, func(_ context.Context, f archiver.FileInfo) error {
		ours = w.handle(f)
		return ours
	})
	if ours != nil {
		return ours // without archiver's words around it
	}
	return err
}

func (w *walker) handle(f archiver.FileInfo) error {
	m, err := memberOf(f)
	if err != nil {
		return err
	}
	if m.kind == kindFile {
		body, err := f.Open()
		if err != nil {
			return err
		}
		defer body.Close()
		m.body = body
	}
	return w.member(m)
}

func memberOf(f archiver.FileInfo) (*member, error) {
	m := &member{name: f.NameInArchive, mtime: f.ModTime(), target: f.LinkTarget}
	if h, ok := f.Header.(*tar.Header); ok {
		return m, m.fromTar(h)
	}
	mode := f.Mode()
	switch {
	case mode.IsDir():
		m.kind = kindDir
	case mode.IsRegular():
		m.kind, m.exec = kindFile, mode&0o100 != 0
	case mode&fs.ModeSymlink != 0:
		return m, m.readTarget(f.Open)
	default:
		return nil, fmt.Errorf("%q is a %s; only files, folders and links are unpacked", m.name, mode.Type())
	}
	return m, nil
}

func (m *member) readTarget(open func() (fs.File, error)) error {
	m.kind = kindLink
	if m.target != "" {
		return nil
	}
	body, err := open()
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxPath+1))
	m.target = string(text)
	return err
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
