package channels

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
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

const indexMagic = "forge repodata index 2\n"

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

const entrySize = 12

// append writes the entry: the kind stands in the two highest bits of the length.
func (e rawEntry) append(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint64(b, e.offset), e.length|uint32(e.keys)<<30)
}

// run is a number of entries of one name, one behind the other.
type run struct{ name, length, first, count uint32 }

// indexer collects what is found on the way through a repodata.json. Files list names in order, nearly:
// so names are kept as runs in one text and sorted at the end, which needs no table of names.
type indexer struct {
	*scanner
	text    []byte // the names of the runs
	runs    []run
	entries []byte
	count   uint32
	baseURL string
}

// buildIndex scans a repodata.json. The sections packages and packages.conda are indexed, info is
// read, everything else is passed over.
func buildIndex(r io.Reader, identity string) (*nameIndex, error) {
	x := &indexer{scanner: newScanner(r)}
	err := x.object(func(_ int64, key []byte) error {
		switch string(key) {
		case "packages", "packages.conda":
			return x.section(plain)
		case "v3":
			return x.object(func(_ int64, key []byte) error {
				switch string(key) {
				case "conda":
					return x.section(bareConda)
				case "tar_bz2":
					return x.section(bareBz2)
				}
				return x.skip()
			})
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

func (x *indexer) section(keys keyKind) error {
	return x.object(func(start int64, key []byte) error {
		if err := x.addName(key); err != nil {
			return err
		}
		if b, err := x.next(); err != nil || b != '{' {
			return errors.Join(err, x.fault("the record is no object"))
		}
		if err := x.skip(); err != nil {
			return err
		}
		length := x.offset() - start
		if length > maxValue || x.count >= maxRecords || len(x.text) > math.MaxInt32 {
			return x.fault("a record of %d bytes, the %dth", length, x.count+1)
		}
		x.entries = rawEntry{uint64(start), uint32(length), keys}.append(x.entries)
		x.runs[len(x.runs)-1].count++
		x.count++
		return nil
	})
}

// addName takes the package's name from a file name, NAME-VERSION-BUILD.EXT, and begins a run where it
// is another than that of the record before.
func (x *indexer) addName(key []byte) error {
	i := bytes.LastIndexByte(key, '-')
	if i >= 0 {
		i = bytes.LastIndexByte(key[:i], '-')
	}
	if i <= 0 {
		return x.fault("file name %.80q is not NAME-VERSION-BUILD", key)
	}
	if n := len(x.runs); n > 0 && bytes.Equal(x.nameOf(x.runs[n-1]), key[:i]) {
		return nil
	}
	x.runs = append(x.runs, run{name: uint32(len(x.text)), length: uint32(i), first: x.count})
	x.text = append(x.text, key[:i]...)
	return nil
}

func (x *indexer) nameOf(r run) []byte { return x.text[r.name : r.name+r.length] }

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
	slices.SortStableFunc(x.runs, func(a, b run) int { return bytes.Compare(x.nameOf(a), x.nameOf(b)) })
	var offsets, firsts, text []byte
	offsets = make([]byte, 0, 4*len(x.runs)+4)
	firsts = make([]byte, 0, 4*len(x.runs)+4)
	text = make([]byte, 0, len(x.text))
	entries := make([]byte, 0, len(x.entries))
	names := 0
	for i, r := range x.runs {
		if i == 0 || !bytes.Equal(x.nameOf(r), x.nameOf(x.runs[i-1])) {
			offsets = binary.LittleEndian.AppendUint32(offsets, uint32(len(text)))
			firsts = binary.LittleEndian.AppendUint32(firsts, uint32(len(entries)/entrySize))
			text = append(text, x.nameOf(r)...)
			names++
		}
		entries = append(entries, x.entries[r.first*entrySize:(r.first+r.count)*entrySize]...)
	}
	offsets = binary.LittleEndian.AppendUint32(offsets, uint32(len(text)))
	firsts = binary.LittleEndian.AppendUint32(firsts, x.count)
	b := make([]byte, 0, len(indexMagic)+len(offsets)+len(firsts)+len(entries)+len(text)+len(identity)+len(x.baseURL)+64)
	b = append(append(b, indexMagic...), 0, 0, 0, 0)
	for _, s := range []string{identity, x.baseURL} {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(names))
	b = binary.LittleEndian.AppendUint32(b, x.count)
	for _, part := range [][]byte{offsets, firsts, entries, text} {
		b = append(b, part...)
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
	n.entries = take(entrySize * n.records)
	n.text = rest
	if !ok {
		return nil, errBadIndex
	}
	return n, nil
}

func (n *nameIndex) name(i int) []byte {
	return n.text[binary.LittleEndian.Uint32(n.offsets[4*i:]):binary.LittleEndian.Uint32(n.offsets[4*i+4:])]
}

// list returns all names, sorted; they share one text.
func (n *nameIndex) list() []string {
	text := string(n.text)
	out := make([]string, n.names)
	for i := range out {
		out[i] = text[binary.LittleEndian.Uint32(n.offsets[4*i:]):binary.LittleEndian.Uint32(n.offsets[4*i+4:])]
	}
	return out
}

// find returns the records of a name.
func (n *nameIndex) find(name string) []rawEntry {
	i := sort.Search(n.names, func(i int) bool { return string(n.name(i)) >= name })
	if i == n.names || string(n.name(i)) != name {
		return nil
	}
	first, last := binary.LittleEndian.Uint32(n.firsts[4*i:]), binary.LittleEndian.Uint32(n.firsts[4*i+4:])
	out := make([]rawEntry, 0, last-first)
	for e := n.entries[entrySize*first : entrySize*last]; len(e) > 0; e = e[entrySize:] {
		length := binary.LittleEndian.Uint32(e[8:])
		out = append(out, rawEntry{binary.LittleEndian.Uint64(e), length & (1<<30 - 1), keyKind(length >> 30)})
	}
	return out
}

// String says how much there is.
func (n *nameIndex) String() string { return fmt.Sprintf("%d records of %d names", n.records, n.names) }
