package channels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"sort"
)

// nameIndex says where in a repodata.json the records of each name are. It is one block of bytes, the
// same in memory and in the cache:
//
//	magic, checksum of the rest, identity of the text, base URL, number of names and blocks,
//	first byte of each block, blocks
//
// Names are sorted, and a block has blockNames of them. A name is written as the number of bytes it shares with the
// one before it in its block, the rest of it, and its records; all numbers are varints. So 400,000 names
// with their records take 6 MB: every page of fresh memory and of a fresh file costs more time than to
// decode what is on it.
type nameIndex struct {
	data     []byte
	identity string // of the text it was made from
	baseURL  string // where the files are, if not beside the repodata (CEP 15)
	names    int
	starts   []byte // blocks of 4 bytes, into blocks
	blocks   []byte
}

const (
	indexMagic = "forge repodata index 3\n"
	blockNames = 16
)

var errBadIndex = errors.New("damaged index")

// rawEntry is where a record with its key begins, how long it is, and what its key lacks.
type rawEntry struct {
	offset uint64
	length uint32
	keys   keyKind
}

// keyKind is what the keys of a section look like.
type keyKind uint32

const (
	plain     keyKind = iota // file names
	bareConda                // file names without .conda (repodata revision 3)
	bareBz2                  // file names without .tar.bz2
)

// extension is what the key lacks.
func (k keyKind) extension() string { return [4]string{"", ".conda", ".tar.bz2", ""}[k&3] }

// append writes the entry: the kind stands in the two lowest bits of the length.
func (e rawEntry) append(b []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, e.offset), uint64(e.length)<<2|uint64(e.keys))
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// indexWriter writes the blocks of an index, name by name.
type indexWriter struct {
	names  int
	starts []byte
	blocks []byte
	last   []byte
}

// add writes a name, which is greater than all before, and its entries.
func (w *indexWriter) add(name []byte, entries ...[]byte) {
	shared := 0
	if w.names%blockNames == 0 {
		w.starts = binary.LittleEndian.AppendUint32(w.starts, uint32(len(w.blocks)))
	} else {
		shared = sharedPrefix(w.last, name)
	}
	size := 0
	for _, e := range entries {
		size += len(e)
	}
	w.blocks = binary.AppendUvarint(w.blocks, uint64(shared))
	w.blocks = binary.AppendUvarint(w.blocks, uint64(len(name)-shared))
	w.blocks = append(w.blocks, name[shared:]...)
	w.blocks = binary.AppendUvarint(w.blocks, uint64(size))
	for _, e := range entries {
		w.blocks = append(w.blocks, e...)
	}
	w.last = name
	w.names++
}

func sharedPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// index puts the parts together.
func (w *indexWriter) index(identity, baseURL string) (*nameIndex, error) {
	if len(w.blocks) > math.MaxUint32 {
		return nil, fmt.Errorf("an index of %d bytes", len(w.blocks))
	}
	b := make([]byte, 0, len(indexMagic)+len(identity)+len(baseURL)+len(w.starts)+len(w.blocks)+32)
	b = append(append(b, indexMagic...), 0, 0, 0, 0)
	for _, s := range []string{identity, baseURL} {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(w.names))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(w.starts)/4))
	b = append(append(b, w.starts...), w.blocks...)
	binary.LittleEndian.PutUint32(b[len(indexMagic):], checksum(b[len(indexMagic)+4:]))
	return decodeIndex(b)
}

// decodeIndex reads a block; a damaged one is an error.
func decodeIndex(b []byte) (*nameIndex, error) {
	n := &nameIndex{data: b}
	rest, ok := bytes.CutPrefix(b, []byte(indexMagic))
	if !ok || len(rest) < 4 || binary.LittleEndian.Uint32(rest) != checksum(rest[4:]) {
		return nil, errBadIndex
	}
	r := &indexReader{rest: rest[4:]}
	n.identity = string(r.take(r.fixed()))
	n.baseURL = string(r.take(r.fixed()))
	n.names = int(r.fixed())
	n.starts = r.take(4 * r.fixed())
	n.blocks = r.rest
	if r.bad || (n.names+blockNames-1)/blockNames != len(n.starts)/4 {
		return nil, errBadIndex
	}
	return n, nil
}

// indexReader reads an index from front to end. Behind its end, or where a number is none, all it reads
// is empty and bad is set.
type indexReader struct {
	rest []byte
	name []byte // the last one
	bad  bool
}

func (r *indexReader) take(size uint64) []byte {
	if size > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	out := r.rest[:size]
	r.rest = r.rest[size:]
	return out
}

func (r *indexReader) fixed() uint64 {
	if b := r.take(4); b != nil {
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return 0
}

func (r *indexReader) varint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// next reads a name, which is valid until the next one, and returns its entries; nil is the end.
func (r *indexReader) next() []byte {
	shared := r.varint()
	suffix := r.take(r.varint())
	entries := r.take(r.varint())
	if r.bad || shared > uint64(len(r.name)) {
		r.bad = true
		return nil
	}
	r.name = append(r.name[:shared], suffix...)
	return entries
}

// block returns a reader that begins at a block.
func (n *nameIndex) block(i int) *indexReader {
	r := &indexReader{rest: n.blocks}
	r.take(uint64(binary.LittleEndian.Uint32(n.starts[4*i:])))
	return r
}

// list returns all names, sorted; they share one text.
func (n *nameIndex) list() []string {
	var text []byte
	ends := make([]int, 0, n.names)
	r := &indexReader{rest: n.blocks}
	for range n.names {
		r.next()
		text = append(text, r.name...)
		ends = append(ends, len(text))
	}
	all, begin := string(text), 0
	out := make([]string, n.names)
	for i, end := range ends {
		out[i], begin = all[begin:end], end
	}
	return out
}

// find returns the records of a name.
func (n *nameIndex) find(name string) []rawEntry {
	i := sort.Search(len(n.starts)/4, func(i int) bool {
		r := n.block(i)
		r.next()
		return string(r.name) > name
	})
	if i == 0 {
		return nil
	}
	r := n.block(i - 1)
	for range blockNames {
		entries := r.next()
		if entries == nil || string(r.name) > name {
			return nil
		}
		if string(r.name) == name {
			return readEntries(entries)
		}
	}
	return nil
}

func readEntries(b []byte) (out []rawEntry) {
	for r := (&indexReader{rest: b}); len(r.rest) > 0; {
		offset, length := r.varint(), r.varint()
		if !r.bad {
			out = append(out, rawEntry{offset, uint32(length >> 2), keyKind(length & 3)})
		}
	}
	return out
}
