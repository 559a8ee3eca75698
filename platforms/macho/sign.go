package macho

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Sign returns b with every slice signed ad hoc that has to be: those that carry a signature, and those for
// ARM64, which no Mac runs without one. name is the file's own; it becomes the identifier. Entitlements are
// kept, nothing else of an old signature is. b stays as it is. Files that the loader does not take come back
// unchanged.
func Sign(b []byte, name string) ([]byte, error) {
	return each(b, func(m *image) error {
		if !m.typ.loads() {
			return nil
		}
		return m.sign(name)
	})
}

const (
	pageBits     = 12 // of the pages that are hashed; Apple's linker uses it on every processor
	directoryLen = 88 // a CodeDirectory of version 0x20400
)

func (m *image) sign(name string) error {
	if m.signed < 0 && m.cpu != CPUARM64 {
		return nil
	}
	if name == "" || len(name) > maxName || strings.IndexByte(name, 0) >= 0 {
		return fmt.Errorf("%q cannot be the identifier of a signature", name)
	}
	var kept []blob
	if m.signed >= 0 {
		old, err := m.blobs()
		if err != nil {
			return err
		}
		kept = entitlementsOf(old)
	}
	code := len(m.b)
	if m.signed >= 0 {
		code = int(m.order.Uint32(m.cmds[m.signed].raw[8:]))
	}
	at, space, err := m.signaturePlace(signatureSize(code, name, kept))
	if err != nil {
		return err
	}
	sig := m.newSignature(name, m.b[:at], kept)
	if uint64(len(sig)) > uint64(space) {
		return malformed("the signature of %d bytes does not fit in %d", len(sig), space)
	}
	clear(m.b[at : at+space])
	copy(m.b[at:], sig)
	return nil
}

// entitlementsOf are the blobs of a signature that say what the program may do, and the empty set of
// requirements that goes with them.
func entitlementsOf(old []blob) []blob {
	var kept []blob
	for _, b := range old {
		if b.slot == slotEntitlements || b.slot == slotDEREntitlements {
			kept = append(kept, b)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	empty := binary.BigEndian.AppendUint32(nil, magicRequirements)
	empty = binary.BigEndian.AppendUint32(empty, 12)
	empty = binary.BigEndian.AppendUint32(empty, 0)
	kept = append(kept, blob{slotRequirements, empty})
	slices.SortFunc(kept, func(a, b blob) int { return int(a.slot) - int(b.slot) })
	return kept
}

// signaturePlace makes room for a signature of that many bytes, as the last thing in the file. An old one's
// place is taken where it is large enough, so that nothing else changes.
func (m *image) signaturePlace(size int) (at, space int, err error) {
	if m.signed >= 0 {
		c := m.cmds[m.signed]
		at, space := m.order.Uint32(c.raw[8:]), m.order.Uint32(c.raw[12:])
		if uint64(at)+uint64(space) > uint64(len(m.b)) {
			return 0, 0, malformed("the signature lies outside the file")
		}
		if size <= int(space) {
			return int(at), int(space), nil
		}
		if int(at)+int(space) != len(m.b) {
			return 0, 0, malformed("the signature cannot grow: %d bytes lie behind it", len(m.b)-int(at)-int(space))
		}
		m.b = m.b[:at]
		return m.growSignature(size)
	}
	return m.growSignature(size)
}

// growSignature appends room for a signature to the file, within __LINKEDIT.
func (m *image) growSignature(size int) (at, space int, err error) {
	if m.link < 0 {
		return 0, 0, malformed("there is no segment __LINKEDIT that could hold a signature")
	}
	link, err := m.segment(m.cmds[m.link])
	if err != nil {
		return 0, 0, err
	}
	end := link.fileoff + link.filesize
	if m.signed < 0 && end != uint64(len(m.b)) || link.fileoff > uint64(len(m.b)) {
		return 0, 0, malformed("__LINKEDIT does not end the file, so no signature can be added")
	}
	for _, c := range m.cmds {
		if s, err := m.segment(c); (c.kind == lcSegment || c.kind == lcSegment64) && err == nil && s.vmaddr > link.vmaddr {
			return 0, 0, malformed("the segment %s lies behind __LINKEDIT, which cannot grow", s.name)
		}
	}
	at, space = roundUp(len(m.b), 16), roundUp(size, 16)
	m.b = append(m.b, make([]byte, at+space-len(m.b))...)
	if uint64(len(m.b)) > 1<<32-1 {
		return 0, 0, malformed("the file has more than 4 GiB")
	}
	raw := make([]byte, 16)
	for i, v := range []uint32{lcCodeSignature, 16, uint32(at), uint32(space)} {
		m.order.PutUint32(raw[4*i:], v)
	}
	cmds := slices.Clone(m.cmds)
	for i, c := range cmds {
		cmds[i].raw = slices.Clone(c.raw)
	}
	if m.signed >= 0 {
		cmds[m.signed].raw = raw
	} else {
		cmds = append(cmds, command{lcCodeSignature, raw})
	}
	filesize := uint64(len(m.b)) - link.fileoff
	page := 0x1000
	if m.cpu == CPUARM64 {
		page = 0x4000
	}
	m.putSegment(cmds[m.link], max(link.vmsize, uint64(roundUp(int(filesize), page))), filesize)
	return at, space, m.putCommands(cmds)
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// layout of a signature: the index, the directory, the other blobs.
func signatureHead(kept []blob) int { return roundUp(12+8*(1+len(kept)), 8) }

// signatureSize is the most that a signature of that many bytes of code takes.
func signatureSize(code int, name string, kept []blob) int {
	pages := (roundUp(code, 16) + 1<<pageBits - 1) >> pageBits
	size := signatureHead(kept) + directoryLen + roundUp(len(name)+1, 16) + sha256.Size*(pages+specials(kept))
	for _, b := range kept {
		size += roundUp(len(b.data), 4)
	}
	return size
}

// specials is how many slots the directory has for other blobs.
func specials(kept []blob) int {
	if len(kept) == 0 {
		return 0
	}
	return int(kept[len(kept)-1].slot)
}

// newSignature is an embedded signature of code: a superblob with the directory, as linkers write it, and
// what was kept.
func (m *image) newSignature(name string, code []byte, kept []blob) []byte {
	directory := m.directory(name, code, kept)
	o := binary.BigEndian
	head := signatureHead(kept)
	sig := make([]byte, head)
	o.PutUint32(sig, magicSuperBlob)
	o.PutUint32(sig[8:], uint32(1+len(kept)))
	for i, b := range append([]blob{{slotDirectory, directory}}, kept...) {
		o.PutUint32(sig[12+8*i:], b.slot)
		o.PutUint32(sig[16+8*i:], uint32(len(sig)))
		sig = append(sig, b.data...)
		sig = append(sig, make([]byte, roundUp(len(sig), 4)-len(sig))...)
	}
	o.PutUint32(sig[4:], uint32(len(sig)))
	return sig
}

// directory is a CodeDirectory of version 0x20400 with the hashes of all pages.
func (m *image) directory(name string, code []byte, kept []blob) []byte {
	pages := (len(code) + 1<<pageBits - 1) >> pageBits
	hashes := directoryLen + roundUp(len(name)+1, 16) + sha256.Size*specials(kept)
	d := make([]byte, hashes, hashes+sha256.Size*pages)
	put := func(at int, v uint32) { binary.BigEndian.PutUint32(d[at:], v) }
	put(0, magicDirectory)
	put(4, uint32(hashes+sha256.Size*pages))
	put(8, 0x20400)
	flags := uint32(flagAdHoc)
	if len(kept) == 0 {
		flags |= flagLinkerSigned // as a linker's, so that other tools may sign anew without asking
	}
	put(12, flags)
	put(16, uint32(hashes))
	put(20, directoryLen) // the identifier
	put(24, uint32(specials(kept)))
	put(28, uint32(pages))
	put(32, uint32(len(code)))
	d[36], d[37], d[39] = sha256.Size, hashSHA256, pageBits
	if m.text >= 0 {
		if s, err := m.segment(m.cmds[m.text]); err == nil {
			binary.BigEndian.PutUint64(d[64:], s.fileoff)
			binary.BigEndian.PutUint64(d[72:], s.filesize)
		}
	}
	if m.typ == Executable {
		d[87] = 1 // CS_EXECSEG_MAIN_BINARY
	}
	copy(d[directoryLen:], name)
	for _, b := range kept {
		sum := sha256.Sum256(b.data)
		copy(d[hashes-sha256.Size*int(b.slot):], sum[:])
	}
	for page := range slices.Chunk(code, 1<<pageBits) {
		sum := sha256.Sum256(page)
		d = append(d, sum[:]...)
	}
	return d
}
