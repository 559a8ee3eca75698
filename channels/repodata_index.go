package channels

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sort"
	"strings"
)

// nameIndex says where in a repodata.json the records of each name are. It is one block of bytes, the
// same in memory and in the cache:
//
//	magic, checksum of the rest, identity of the text, base URL, number of names and records,
//	name offsets, first record of each name, records (offset, length), the names themselves
type nameIndex struct {
	data     []byte
	identity string // of the text it was made from
	baseURL  string // where the files are, if not beside the repodata (CEP 15)
	names    int
	records  int
	offsets  []byte // names+1 of 4 bytes, into text
	firsts   []byte // names+1 of 4 bytes, into entries
	entries  []byte // records of 12 bytes: where a record with its key begins, and its length
	text     []byte
}

const indexMagic = "forge repodata index 1\n"

var errBadIndex = errors.New("damaged index")

// rawEntry is a record as it was met.
type rawEntry struct {
	name   uint32
	length uint32
	offset uint64
}

// indexer collects what is found on the way through a repodata.json.
type indexer struct {
	*scanner
	ids     map[string]uint32
	list    []string
	last    string
	lastID  uint32
	entries []rawEntry
	baseURL string
}

// buildIndex scans a repodata.json. The sections packages and packages.conda are indexed, info is
// read, everything else is passed over.
func buildIndex(r io.Reader, identity string) (*nameIndex, error) {
	x := &indexer{scanner: newScanner(r), ids: map[string]uint32{}}
	err := x.object(func(_ int64, key []byte) error {
		switch string(key) {
		case "packages", "packages.conda":
			return x.section()
		case "info":
			return x.info()
		}
		return x.skip()
	})
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.New("the file ends in the middle")
	}
	if err != nil {
		return nil, err
	}
	return x.encode(identity), nil
}

func (x *indexer) section() error {
	return x.object(func(start int64, key []byte) error {
		id, err := x.nameOf(key)
		if err != nil {
			return err
		}
		if b, err := x.next(); err != nil || b != '{' {
			return errors.Join(err, x.fault("the record is no object"))
		}
		if err := x.skip(); err != nil {
			return err
		}
		length := x.offset() - start
		if length > maxValue || len(x.entries) >= maxRecords {
			return x.fault("a record of %d bytes, the %dth", length, len(x.entries)+1)
		}
		x.entries = append(x.entries, rawEntry{id, uint32(length), uint64(start)})
		return nil
	})
}

// nameOf takes the package's name from a file name, NAME-VERSION-BUILD.EXT.
func (x *indexer) nameOf(key []byte) (uint32, error) {
	i := bytes.LastIndexByte(key, '-')
	if i >= 0 {
		i = bytes.LastIndexByte(key[:i], '-')
	}
	if i <= 0 {
		return 0, x.fault("file name %.80q is not NAME-VERSION-BUILD", key)
	}
	if string(key[:i]) == x.last {
		return x.lastID, nil
	}
	id, ok := x.ids[string(key[:i])]
	if !ok {
		id = uint32(len(x.list))
		x.list = append(x.list, string(key[:i]))
		x.ids[x.list[id]] = id
	}
	x.last, x.lastID = x.list[id], id
	return id, nil
}

func (x *indexer) info() error {
	if _, err := x.next(); err != nil {
		return err
	}
	begin := x.offset()
	var info struct {
		BaseURL string `json:"base_url"`
	}
	if err := x.skip(); err != nil {
		return err
	}
	// A value that the window still holds; a longer one is not an info block.
	if n := int(x.offset() - begin); n <= x.start {
		if err := json.Unmarshal(x.buf[x.start-n:x.start], &info); err != nil {
			return x.fault("info: %v", err)
		}
	}
	x.baseURL = strings.TrimSuffix(info.BaseURL, "/")
	return nil
}

// encode sorts by name and writes the block.
func (x *indexer) encode(identity string) *nameIndex {
	order := make([]uint32, len(x.list)) // names in order
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return strings.Compare(x.list[a], x.list[b]) })
	counts := make([]uint32, len(x.list))
	for _, e := range x.entries {
		counts[e.name]++
	}
	var b []byte
	b = append(b, indexMagic...)
	b = append(b, 0, 0, 0, 0)
	for _, s := range []string{identity, x.baseURL} {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(x.list)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(x.entries)))
	off := uint32(0)
	for _, id := range order {
		b = binary.LittleEndian.AppendUint32(b, off)
		off += uint32(len(x.list[id]))
	}
	b = binary.LittleEndian.AppendUint32(b, off)
	first := uint32(0)
	at := make([]uint32, len(x.list))
	for _, id := range order {
		b = binary.LittleEndian.AppendUint32(b, first)
		at[id] = first
		first += counts[id]
	}
	b = binary.LittleEndian.AppendUint32(b, first)
	table := make([]byte, 12*len(x.entries))
	for _, e := range x.entries {
		slot := table[12*at[e.name]:]
		binary.LittleEndian.PutUint64(slot, e.offset)
		binary.LittleEndian.PutUint32(slot[8:], e.length)
		at[e.name]++
	}
	b = append(b, table...)
	for _, id := range order {
		b = append(b, x.list[id]...)
	}
	binary.LittleEndian.PutUint32(b[len(indexMagic):], checksum(b[len(indexMagic)+4:]))
	n, _ := decodeIndex(b)
	return n
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// decodeIndex reads a block; a damaged one is an error.
func decodeIndex(b []byte) (*nameIndex, error) {
	n := &nameIndex{data: b}
	rest, ok := bytes.CutPrefix(b, []byte(indexMagic))
	if !ok || len(rest) < 4 || binary.LittleEndian.Uint32(rest) != checksum(rest[4:]) {
		return nil, errBadIndex
	}
	rest = rest[4:]
	take := func(size int) []byte {
		if size < 0 || size > len(rest) {
			ok = false
			return make([]byte, 8)
		}
		out := rest[:size]
		rest = rest[size:]
		return out
	}
	number := func() int { return int(binary.LittleEndian.Uint32(take(4))) }
	n.identity = string(take(number()))
	n.baseURL = string(take(number()))
	n.names, n.records = number(), number()
	n.offsets, n.firsts = take(4*(n.names+1)), take(4*(n.names+1))
	n.entries = take(12 * n.records)
	n.text = rest
	if !ok {
		return nil, errBadIndex
	}
	return n, nil
}

func (n *nameIndex) name(i int) string {
	return string(n.text[binary.LittleEndian.Uint32(n.offsets[4*i:]):binary.LittleEndian.Uint32(n.offsets[4*i+4:])])
}

// find returns the records of a name.
func (n *nameIndex) find(name string) []rawEntry {
	i := sort.Search(n.names, func(i int) bool { return n.name(i) >= name })
	if i == n.names || n.name(i) != name {
		return nil
	}
	first, last := binary.LittleEndian.Uint32(n.firsts[4*i:]), binary.LittleEndian.Uint32(n.firsts[4*i+4:])
	out := make([]rawEntry, 0, last-first)
	for e := n.entries[12*first : 12*last]; len(e) > 0; e = e[12:] {
		out = append(out, rawEntry{offset: binary.LittleEndian.Uint64(e), length: binary.LittleEndian.Uint32(e[8:])})
	}
	return out
}

// String says how much there is.
func (n *nameIndex) String() string { return fmt.Sprintf("%d records of %d names", n.records, n.names) }
