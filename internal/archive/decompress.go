package archive

import (
	"bufio"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/mholt/archiver/v4"
	"github.com/ulikunitz/xz/lzma"
)

// maxWindow bounds what a zstd or lzma stream may make us allocate; zstd --long=27 is the most the
// command line takes without being told.
const maxWindow = 128 << 20

var errGarbage = errors.New("data follows the end of the archive")

// decompress opens a stream of the named compression. The closer frees what the decoder holds.
func decompress(r *bufio.Reader, compression string) (io.Reader, func(), error) {
	nothing := func() {}
	switch compression {
	case "":
		return r, nothing, nil
	case "gz":
		g, err := gzip.NewReader(r)
		if err != nil {
			return nil, nil, fmt.Errorf("decompress gz: %w", err)
		}
		g.Multistream(false)
		return &gzipMembers{r: r, g: g}, func() { g.Close() }, nil
	case "bz2":
		return bzip2.NewReader(r), nothing, nil
	case "zst":
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, fmt.Errorf("decompress zst: %w", err)
		}
		return d, d.Close, nil
	case "lzma":
		d, err := newLzma(r)
		return d, nothing, err
	case "Z":
		d, err := newUncompress(r)
		return d, nothing, err
	case "xz":
		return opened(archiver.Xz{}, r)
	case "lz":
		d, err := newLzip(r)
		return d, nothing, err
	}
	return nil, nil, fmt.Errorf("compression %q: %w", compression, ErrFormat)
}

// newLzma looks at the header first: the decoder would allocate any dictionary it asks for.
func newLzma(r *bufio.Reader) (io.Reader, error) {
	head, err := r.Peek(13)
	if err != nil {
		return nil, fmt.Errorf("decompress lzma: %w", io.ErrUnexpectedEOF)
	}
	if dict := binary.LittleEndian.Uint32(head[1:]); dict > maxWindow {
		return nil, errors.New("decompress lzma: the dictionary is larger than is allowed")
	}
	d, err := lzma.ReaderConfig{DictCap: lzma.MinDictCap}.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("decompress lzma: %w", err)
	}
	return d, nil
}

func opened(d archiver.Decompressor, r io.Reader) (io.Reader, func(), error) {
	rc, err := d.OpenReader(r)
	if err != nil {
		return nil, nil, fmt.Errorf("decompress: %w", err)
	}
	return rc, func() { rc.Close() }, nil
}

// gzipMembers reads all members of a gzip file. Zeros after the last one are padding, as gzip(1)
// has it; anything else is an error.
type gzipMembers struct {
	r *bufio.Reader
	g *gzip.Reader
}

func (m *gzipMembers) Read(p []byte) (int, error) {
	for {
		n, err := m.g.Read(p)
		if err != io.EOF || n > 0 {
			if err == io.EOF {
				err = nil
			}
			return n, err
		}
		next, err := m.r.Peek(1)
		if err != nil {
			return 0, err // io.EOF: the end
		}
		if next[0] == 0 {
			return 0, onlyZeros(m.r)
		}
		if err := m.g.Reset(m.r); err != nil {
			return 0, errGarbage
		}
		m.g.Multistream(false)
	}
}

// onlyZeros reads r to its end and returns io.EOF, or errGarbage where there was anything else.
func onlyZeros(r io.Reader) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		for _, c := range buf[:n] {
			if c != 0 {
				return errGarbage
			}
		}
		if err != nil {
			return err
		}
	}
}
