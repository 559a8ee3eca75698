package archive

import (
	"bufio"
	"errors"
	"io"
)

// uncompress reads the LZW of compress(1), which differs from compress/lzw's: codes grow to 16 bits,
// come in groups of eight of one width, and the group in hand is dropped when the width changes.
type uncompress struct {
	r        *bufio.Reader
	maxBits  uint
	block    bool // code 256 clears the table
	bits     uint
	group    []byte // codes of the width in hand
	at, left int    // next bit of group, and bits in it
	next     int    // next free code
	prev     int    // code before, -1 after a clear
	first    byte   // first byte of the string before
	prefix   [1 << 16]uint16
	suffix   [1 << 16]byte
	out      []byte
	err      error
}

var errLZW = errors.New("decompress Z: damaged")

func newUncompress(r *bufio.Reader) (*uncompress, error) {
	var head [3]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || head[0] != 0x1f || head[1] != 0x9d {
		return nil, errLZW
	}
	u := &uncompress{r: r, maxBits: uint(head[2] & 0x1f), block: head[2]&0x80 != 0, bits: 9, prev: -1}
	if u.maxBits < 9 || u.maxBits > 16 || head[2]&0x60 != 0 {
		return nil, errLZW
	}
	u.next = u.start()
	for i := range 256 {
		u.suffix[i] = byte(i)
	}
	return u, nil
}

func (u *uncompress) start() int {
	if u.block {
		return 257
	}
	return 256
}

func (u *uncompress) Read(p []byte) (int, error) {
	for len(u.out) == 0 && u.err == nil {
		u.err = u.step()
	}
	if len(u.out) == 0 {
		return 0, u.err
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

// code reads the next code of the present width.
func (u *uncompress) code() (int, error) {
	if u.left-u.at < int(u.bits) {
		buf := make([]byte, u.bits) // eight codes of bits bits are bits bytes
		n, err := io.ReadFull(u.r, buf)
		if n == 0 {
			return 0, io.EOF
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			return 0, err
		}
		u.group, u.at, u.left = buf[:n], 0, n*8
		if u.left < int(u.bits) {
			return 0, errLZW
		}
	}
	v := 0
	for i := range int(u.bits) {
		bit := u.at + i
		v |= int(u.group[bit/8]>>(bit%8)&1) << i
	}
	u.at += int(u.bits)
	return v, nil
}

func (u *uncompress) widen(bits uint) {
	u.bits = bits
	u.group, u.at, u.left = nil, 0, 0
}

func (u *uncompress) step() error {
	if u.next >= 1<<u.bits && u.bits < u.maxBits {
		u.widen(u.bits + 1)
	}
	c, err := u.code()
	if err != nil {
		return err
	}
	if u.block && c == 256 {
		u.next, u.prev = u.start(), -1
		u.widen(9)
		return nil
	}
	if u.prev < 0 && c > 255 || c > u.next || c == u.next && u.prev < 0 || u.block && c == 256 {
		return errLZW
	}
	in := c
	var rev []byte
	if c == u.next { // the string before, and its own first byte
		rev = append(rev, u.first)
		in = u.prev
	}
	for in > 255 {
		rev = append(rev, u.suffix[in])
		in = int(u.prefix[in])
	}
	u.first = byte(in)
	rev = append(rev, u.first)
	for i, j := 0, len(rev)-1; i < j; i, j = i+1, j-1 {
		rev[i], rev[j] = rev[j], rev[i]
	}
	u.out = rev
	if u.prev >= 0 && u.next < 1<<u.maxBits {
		u.prefix[u.next], u.suffix[u.next] = uint16(u.prev), u.first
		u.next++
	}
	u.prev = c
	return nil
}
