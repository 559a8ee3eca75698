package archive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// lzipMembers reads the members of a lzip file (RFC draft-diaz-lzip): LZMA streams of fixed properties
// with a header and trailer of their own. (The reader in archiver's choice panics on a cut file.)
type lzipMembers struct {
	in   *countedBytes
	lz   *lzma.Reader
	crc  hash.Hash32
	size uint64
}

var errLzip = errors.New("decompress lz: damaged")

func newLzip(r *bufio.Reader) (*lzipMembers, error) {
	m := &lzipMembers{in: &countedBytes{r: r}}
	return m, m.member()
}

// member reads a header and starts the stream behind it.
func (m *lzipMembers) member() error {
	m.in.n = 0
	var head [6]byte
	for i := range head {
		c, err := m.in.ReadByte()
		if err != nil {
			return errLzip
		}
		head[i] = c
	}
	if string(head[:4]) != "LZIP" || head[4] != 1 {
		return errLzip
	}
	dict := uint32(1) << (head[5] & 0x1f)
	dict -= dict / 16 * uint32(head[5]>>5)
	if dict < 4<<10 || dict > maxWindow {
		return errors.New("decompress lz: the dictionary is larger than is allowed")
	}
	// The header of a .lzma file: lc=3 lp=0 pb=2, the dictionary, and a size that is not known.
	lead := binary.LittleEndian.AppendUint32([]byte{0x5d}, dict)
	m.in.lead = append(lead, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	lz, err := lzma.ReaderConfig{DictCap: lzma.MinDictCap}.NewReader(m.in)
	if err != nil {
		return errLzip
	}
	m.lz, m.crc, m.size = lz, crc32.NewIEEE(), 0
	return nil
}

func (m *lzipMembers) Read(p []byte) (int, error) {
	for {
		n, err := m.lz.Read(p)
		m.crc.Write(p[:n])
		m.size += uint64(n)
		if n > 0 && (err == nil || err == io.EOF) {
			return n, nil
		}
		if err != io.EOF {
			return n, err
		}
		if err := m.trailer(); err != nil {
			return 0, err
		}
		if _, err := m.in.r.Peek(1); err != nil {
			return 0, err // io.EOF: the end
		}
		if head, _ := m.in.r.Peek(4); string(head) != "LZIP" {
			return 0, errGarbage
		}
		if err := m.member(); err != nil {
			return 0, err
		}
	}
}

func (m *lzipMembers) trailer() error {
	var b [20]byte
	for i := range b {
		c, err := m.in.ReadByte()
		if err != nil {
			return io.ErrUnexpectedEOF
		}
		b[i] = c
	}
	le := binary.LittleEndian
	if le.Uint32(b[:]) != m.crc.Sum32() || le.Uint64(b[4:]) != m.size || le.Uint64(b[12:]) != m.in.n {
		return errLzip
	}
	return nil
}

// countedBytes gives lead, then counts what it gives of r. It is read byte by byte, so nothing behind the
// stream is taken.
type countedBytes struct {
	lead []byte
	r    *bufio.Reader
	n    uint64
}

func (c *countedBytes) ReadByte() (byte, error) {
	if len(c.lead) > 0 {
		b := c.lead[0]
		c.lead = c.lead[1:]
		return b, nil
	}
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

func (c *countedBytes) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := c.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}
