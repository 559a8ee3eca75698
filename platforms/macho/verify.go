package macho

import (
	"bytes"
	"crypto/sha1" // what old signatures are made of
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"slices"
)

// Magic numbers, slots and flags of a signature (cs_blobs.h).
const (
	magicSuperBlob    = 0xfade0cc0
	magicDirectory    = 0xfade0c02
	magicRequirements = 0xfade0c01

	slotDirectory       = 0
	slotRequirements    = 2
	slotEntitlements    = 5
	slotDEREntitlements = 7
	slotAlternate       = 0x1000 // five directories with other hashes begin here
	slotAlternateEnd    = 0x1005

	flagAdHoc        = 0x2
	flagLinkerSigned = 0x20000

	hashSHA1      = 1
	hashSHA256    = 2
	hashSHA256Cut = 3
	hashSHA384    = 4

	maxBlobs = 64
)

// Signature is what a file's code signature says.
type Signature struct {
	Identifier   string
	AdHoc        bool // nobody vouches for it
	LinkerSigned bool // made by a linker: tools sign anew without being asked
	Entitlements bool
	// Bad are the pages, counted from 0, whose hash is another than the signature says, and names of blobs
	// of the signature of which that holds; empty for a signature that the system takes.
	Bad []string
}

// blob is a part of a signature with its head.
type blob struct {
	slot uint32
	data []byte
}

// Verify tells whether the pages of every signed slice have the hashes that its signature says, and every
// slice for ARM64 is signed. Whether anybody vouches for the signature is not asked.
func Verify(b []byte) error {
	infos, err := Parse(b)
	if err != nil {
		return err
	}
	for _, info := range infos {
		switch {
		case info.Signature == nil && info.CPU == CPUARM64 && info.Type.loads():
			return malformed("it is for ARM64 and not signed")
		case info.Signature != nil && len(info.Signature.Bad) > 0:
			return malformed("the signature does not hold for %s and %d more", info.Signature.Bad[0], len(info.Signature.Bad)-1)
		}
	}
	return nil
}

// blobs are the parts of the file's signature.
func (m *image) blobs() ([]blob, error) {
	c := m.cmds[m.signed]
	at, size := uint64(m.order.Uint32(c.raw[8:])), uint64(m.order.Uint32(c.raw[12:]))
	if at+size > uint64(len(m.b)) || at < uint64(m.headerSize()+m.used) {
		return nil, malformed("the signature lies outside the file")
	}
	b := m.b[at : at+size]
	o := binary.BigEndian
	if len(b) < 12 || o.Uint32(b) != magicSuperBlob {
		return nil, malformed("the signature is none")
	}
	length, count := o.Uint32(b[4:]), o.Uint32(b[8:])
	if uint64(length) > size || length < 12 || count > maxBlobs || 12+8*count > length {
		return nil, malformed("the signature is cut short")
	}
	b = b[:length]
	var all []blob
	for i := range int(count) {
		slot, off := o.Uint32(b[12+8*i:]), o.Uint32(b[16+8*i:])
		if uint64(off)+8 > uint64(length) || uint64(off)+uint64(o.Uint32(b[off+4:])) > uint64(length) || o.Uint32(b[off+4:]) < 8 {
			return nil, malformed("part %d of the signature is cut short", i)
		}
		if slices.ContainsFunc(all, func(b blob) bool { return b.slot == slot }) {
			return nil, malformed("the signature has two parts of kind %#x", slot)
		}
		all = append(all, blob{slot, b[off : off+o.Uint32(b[off+4:])]})
	}
	return all, nil
}

// signature reads and checks the file's signature.
func (m *image) signature() (*Signature, error) {
	all, err := m.blobs()
	if err != nil {
		return nil, err
	}
	s := &Signature{}
	found := false
	for _, b := range all {
		s.Entitlements = s.Entitlements || b.slot == slotEntitlements || b.slot == slotDEREntitlements
		if b.slot != slotDirectory && (b.slot < slotAlternate || b.slot >= slotAlternateEnd) {
			continue
		}
		d, err := m.readDirectory(b.data)
		if err != nil {
			return nil, err
		}
		if b.slot == slotDirectory {
			found = true
			s.Identifier, s.AdHoc, s.LinkerSigned = d.identifier, d.flags&flagAdHoc != 0, d.flags&flagLinkerSigned != 0
		}
		s.Bad = append(s.Bad, d.check(all)...)
	}
	if !found {
		return nil, malformed("the signature has no code directory")
	}
	return s, nil
}

// directory is a CodeDirectory taken apart.
type directory struct {
	identifier string
	flags      uint32
	code       []byte
	page       int // bytes; 0 for one page of all
	sum        func([]byte) []byte
	hashes     [][]byte // of the pages
	special    [][]byte // of the blobs, by slot - 1
}

func (m *image) readDirectory(b []byte) (d directory, err error) {
	o := binary.BigEndian
	if len(b) < 44 || o.Uint32(b) != magicDirectory {
		return d, malformed("the code directory is none")
	}
	version, size, bits := o.Uint32(b[8:]), int(b[36]), b[39]
	hashes, ident := uint64(o.Uint32(b[16:])), uint64(o.Uint32(b[20:]))
	special, pages, limit := uint64(o.Uint32(b[24:])), uint64(o.Uint32(b[28:])), uint64(o.Uint32(b[32:]))
	if version >= 0x20300 && len(b) >= 64 && o.Uint64(b[56:]) > 0 {
		limit = o.Uint64(b[56:])
	}
	d.flags = o.Uint32(b[12:])
	var length int
	if d.sum, length = hashOf(b[37]); d.sum == nil || length != size {
		return d, malformed("the code directory has hashes of a kind %d that is not known", b[37])
	}
	sum := uint64(size)
	if ident >= uint64(len(b)) || special > 32 || hashes < special*sum || hashes > uint64(len(b)) || pages > (uint64(len(b))-hashes)/sum || bits > 30 {
		return d, malformed("the code directory is cut short")
	}
	if at := uint64(m.order.Uint32(m.cmds[m.signed].raw[8:])); limit > at {
		return d, malformed("the signature is for more than what lies in front of it")
	}
	d.identifier, d.code = text(b[ident:]), m.b[:limit]
	if bits > 0 {
		d.page = 1 << bits
	}
	for i := range pages {
		d.hashes = append(d.hashes, b[hashes+i*sum:hashes+(i+1)*sum])
	}
	for i := range special {
		d.special = append(d.special, b[hashes-(i+1)*sum:hashes-i*sum])
	}
	return d, nil
}

// hashOf is a kind of hash and its bytes.
func hashOf(kind byte) (func([]byte) []byte, int) {
	switch kind {
	case hashSHA1:
		return func(b []byte) []byte { h := sha1.Sum(b); return h[:] }, sha1.Size
	case hashSHA256:
		return func(b []byte) []byte { h := sha256.Sum256(b); return h[:] }, sha256.Size
	case hashSHA256Cut:
		return func(b []byte) []byte { h := sha256.Sum256(b); return h[:20] }, 20
	case hashSHA384:
		return func(b []byte) []byte { h := sha512.Sum384(b); return h[:] }, sha512.Size384
	}
	return nil, 0
}

// check hashes everything that the directory has a hash of.
func (d directory) check(all []blob) (bad []string) {
	page := d.page
	if page == 0 {
		page = max(len(d.code), 1)
	}
	chunks := slices.Collect(slices.Chunk(d.code, page))
	if len(chunks) != len(d.hashes) {
		return []string{fmt.Sprintf("the number of pages, which is %d and not %d", len(chunks), len(d.hashes))}
	}
	for i, c := range chunks {
		if !bytes.Equal(d.sum(c), d.hashes[i]) {
			bad = append(bad, fmt.Sprintf("page %d", i))
		}
	}
	none := make([]byte, len(d.sum(nil)))
	for i, want := range d.special {
		slot := uint32(i + 1)
		at := slices.IndexFunc(all, func(b blob) bool { return b.slot == slot })
		if at >= 0 && !bytes.Equal(d.sum(all[at].data), want) || at < 0 && slot != 1 && slot != 3 && slot != 4 && !bytes.Equal(none, want) {
			bad = append(bad, fmt.Sprintf("slot %d", slot))
		}
	}
	return bad
}
