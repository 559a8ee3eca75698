// Package macho reads the programs and libraries of macOS, rewrites the paths that their loader follows, and
// signs them ad hoc.
//
// Layout and names follow Apple's open headers: mach-o/loader.h, mach-o/fat.h and, for the signature,
// kern/cs_blobs.h.
package macho

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrNotMachO is returned, wrapped, for what does not begin as a Mach-O file.
var ErrNotMachO = errors.New("not a Mach-O file")

// The first four bytes of a file, read in big-endian order.
const (
	magic32   = 0xfeedface
	magic64   = 0xfeedfacf
	cigam32   = 0xcefaedfe
	cigam64   = 0xcffaedfe
	magicFat  = 0xcafebabe
	magicFat2 = 0xcafebabf // with 64-bit offsets
)

// CPU types (mach/machine.h).
const (
	CPUI386  = 7
	CPUX8664 = 7 | cpuABI64
	CPUARM64 = 12 | cpuABI64

	cpuABI64 = 0x01000000
)

// Type is what a file is for.
type Type uint32

// The types of file that the loader takes; all others are left alone.
const (
	Executable Type = 2 // MH_EXECUTE
	Dylib      Type = 6 // MH_DYLIB
	Dylinker   Type = 7 // MH_DYLINKER
	Bundle     Type = 8 // MH_BUNDLE, opened with dlopen
)

func (t Type) loads() bool { return t == Executable || t == Dylib || t == Dylinker || t == Bundle }

// Load commands.
const (
	lcSegment       = 0x1
	lcLoadDylib     = 0xc
	lcIDDylib       = 0xd
	lcSegment64     = 0x19
	lcCodeSignature = 0x1d
	lcLazyLoad      = 0x20
	lcMinMacOS      = 0x24
	lcMinIPhone     = 0x25
	lcMinTV         = 0x2f
	lcMinWatch      = 0x30
	lcBuildVersion  = 0x32
	lcRequired      = 0x80000000 // set in those that the loader must know
	lcLoadWeak      = 0x18 | lcRequired
	lcRPath         = 0x1c | lcRequired
	lcReexport      = 0x1f | lcRequired
	lcUpward        = 0x23 | lcRequired
)

// Bounds on what a file may claim of itself.
const (
	maxSlices   = 30 // below 45, where the same magic begins a Java class
	maxCommands = 1 << 16
	maxName     = 4096
)

// Is tells by its first eight bytes whether a file is Mach-O, for one processor or several.
func Is(head []byte) bool {
	if len(head) < 8 {
		return false
	}
	switch binary.BigEndian.Uint32(head) {
	case magic32, magic64, cigam32, cigam64:
		return true
	case magicFat, magicFat2:
		n := binary.BigEndian.Uint32(head[4:])
		return n > 0 && n <= maxSlices
	}
	return false
}

// image is what a file holds for one processor, with its load commands taken apart.
type image struct {
	b      []byte // the slice alone
	order  binary.ByteOrder
	wide   bool // 64-bit header
	cpu    uint32
	sub    uint32
	typ    Type
	cmds   []command
	used   int // bytes of load commands, as the header says
	limit  int // where the first content behind them begins
	link   int // index of the segment __LINKEDIT among cmds, -1 for none
	text   int // index of the segment __TEXT among cmds, -1 for none
	signed int // index of LC_CODE_SIGNATURE among cmds, -1 for none
}

// command is one load command, with its head.
type command struct {
	kind uint32
	raw  []byte
}

func (m *image) headerSize() int {
	if m.wide {
		return 32
	}
	return 28
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("mach-o: "+format, args...)
}

// parse reads a file for one processor.
func parse(b []byte) (*image, error) {
	if len(b) < 28 {
		return nil, malformed("header is cut short")
	}
	m := &image{b: b, order: binary.LittleEndian, link: -1, text: -1, signed: -1}
	switch binary.BigEndian.Uint32(b) {
	case magic32:
		m.order = binary.BigEndian
	case magic64:
		m.order, m.wide = binary.BigEndian, true
	case cigam32:
	case cigam64:
		m.wide = true
	default:
		return nil, ErrNotMachO
	}
	if len(b) < m.headerSize() {
		return nil, malformed("header is cut short")
	}
	m.cpu, m.sub, m.typ = m.order.Uint32(b[4:]), m.order.Uint32(b[8:]), Type(m.order.Uint32(b[12:]))
	count, size := m.order.Uint32(b[16:]), m.order.Uint32(b[20:])
	if count > maxCommands || uint64(size) > uint64(len(b)-m.headerSize()) {
		return nil, malformed("%d load commands of %d bytes do not fit in the file", count, size)
	}
	m.used = int(size)
	return m, m.readCommands(int(count))
}

func (m *image) readCommands(count int) error {
	rest := m.b[m.headerSize() : m.headerSize()+m.used]
	m.limit = len(m.b)
	for i := range count {
		if len(rest) < 8 {
			return malformed("load command %d is cut short", i)
		}
		kind, size := m.order.Uint32(rest), m.order.Uint32(rest[4:])
		if size < 8 || size%4 != 0 || uint64(size) > uint64(len(rest)) {
			return malformed("load command %d has %d bytes", i, size)
		}
		c := command{kind, rest[:size:size]}
		if err := m.note(i, c); err != nil {
			return err
		}
		m.cmds = append(m.cmds, c)
		rest = rest[size:]
	}
	return nil
}

// note keeps what is needed of a command for finding the way in the file.
func (m *image) note(i int, c command) error {
	switch c.kind {
	case lcSegment, lcSegment64:
		s, err := m.segment(c)
		if err != nil {
			return malformed("load command %d: %w", i, err)
		}
		m.begins(s.fileoff, s.filesize)
		for _, at := range s.sections {
			m.begins(at, 1)
		}
		switch s.name {
		case "__LINKEDIT":
			m.link = i
		case "__TEXT":
			m.text = i
		}
	case lcCodeSignature:
		if len(c.raw) < 16 || m.signed >= 0 {
			return malformed("load command %d: a signature that cannot be", i)
		}
		m.signed = i
	}
	return nil
}

// begins notes that content begins at a place; that at 0 is the header itself.
func (m *image) begins(at, size uint64) {
	if at > 0 && size > 0 && at < uint64(m.limit) {
		m.limit = int(at)
	}
}

// segment is a segment_command or segment_command_64.
type segment struct {
	name                              string
	vmaddr, vmsize, fileoff, filesize uint64
	sections                          []uint64 // where in the file their content begins
}

func (m *image) segment(c command) (s segment, err error) {
	wide := c.kind == lcSegment64
	head, section := 56, 68
	if wide {
		head, section = 72, 80
	}
	if len(c.raw) < head {
		return s, errors.New("segment is cut short")
	}
	s.name = text(c.raw[8:24])
	var count uint32
	if o := m.order; wide {
		s.vmaddr, s.vmsize = o.Uint64(c.raw[24:]), o.Uint64(c.raw[32:])
		s.fileoff, s.filesize = o.Uint64(c.raw[40:]), o.Uint64(c.raw[48:])
		count = o.Uint32(c.raw[64:])
	} else {
		s.vmaddr, s.vmsize = uint64(o.Uint32(c.raw[24:])), uint64(o.Uint32(c.raw[28:]))
		s.fileoff, s.filesize = uint64(o.Uint32(c.raw[32:])), uint64(o.Uint32(c.raw[36:]))
		count = o.Uint32(c.raw[48:])
	}
	if uint64(count)*uint64(section) > uint64(len(c.raw)-head) {
		return s, fmt.Errorf("%d sections do not fit in it", count)
	}
	for i := range int(count) {
		at := c.raw[head+i*section:]
		if wide {
			s.sections = append(s.sections, uint64(m.order.Uint32(at[48:])))
		} else {
			s.sections = append(s.sections, uint64(m.order.Uint32(at[40:])))
		}
	}
	return s, nil
}

// putSegment writes sizes back into a segment's command.
func (m *image) putSegment(c command, vmsize, filesize uint64) {
	if c.kind == lcSegment64 {
		m.order.PutUint64(c.raw[32:], vmsize)
		m.order.PutUint64(c.raw[48:], filesize)
		return
	}
	m.order.PutUint32(c.raw[28:], uint32(vmsize))
	m.order.PutUint32(c.raw[36:], uint32(filesize))
}

// text is a string that ends at the first NUL or with its field.
func text(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
