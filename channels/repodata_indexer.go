package channels

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
)

// run is a name whose records stand one behind the other; it ends where the next one begins.
type run struct{ name, entries uint32 }

// indexer collects what is found on the way through a repodata.json. Files list names in order, nearly:
// so names are kept as runs in one text and sorted at the end, which needs no table of names.
type indexer struct {
	*scanner
	text     []byte // the names of the runs
	entries  []byte // their records
	runs     []run
	count    int
	unsorted bool // a name was less than the one before
	baseURL  string
}

// newIndexer makes room for what a file of that many bytes holds, usually: memory that is never touched
// costs nothing, to move what is there already does.
func newIndexer(r io.Reader, size int64) *indexer {
	records := min(max(size, 0)/400, maxRecords)
	return &indexer{
		scanner: newScanner(r),
		text:    make([]byte, 0, 25*records),
		entries: make([]byte, 0, 8*records),
		runs:    make([]run, 0, records),
	}
}

// buildIndex scans a repodata.json. The sections packages and packages.conda are indexed, info is
// read, everything else is passed over.
// size is that of the text in bytes, roughly.
func buildIndex(r io.Reader, size int64, identity string) (*nameIndex, error) {
	x := newIndexer(r, size)
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
	return x.encode(identity)
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
	if n := len(x.runs); n > 0 {
		switch c := bytes.Compare(x.name(n-1), key[:i]); {
		case c == 0:
			return nil
		case c > 0:
			x.unsorted = true
		}
	}
	x.runs = append(x.runs, run{name: uint32(len(x.text)), entries: uint32(len(x.entries))})
	x.text = append(x.text, key[:i]...)
	return nil
}

func (x *indexer) name(i int) []byte {
	if i+1 < len(x.runs) {
		return x.text[x.runs[i].name:x.runs[i+1].name]
	}
	return x.text[x.runs[i].name:]
}

func (x *indexer) records(i int) []byte {
	if i+1 < len(x.runs) {
		return x.entries[x.runs[i].entries:x.runs[i+1].entries]
	}
	return x.entries[x.runs[i].entries:]
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

// encode writes the index, sorted by name.
func (x *indexer) encode(identity string) (*nameIndex, error) {
	w := indexWriter{
		starts: make([]byte, 0, len(x.runs)/blockNames*4+4),
		blocks: make([]byte, 0, len(x.text)+len(x.entries)+3*len(x.runs)),
	}
	if !x.unsorted {
		for i := range x.runs {
			w.add(x.name(i), x.records(i))
		}
		return w.index(identity, x.baseURL)
	}
	order := make([]uint32, len(x.runs))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortStableFunc(order, func(a, b uint32) int { return bytes.Compare(x.name(int(a)), x.name(int(b))) })
	var same [][]byte
	for i, o := range order {
		same = append(same, x.records(int(o)))
		if i+1 < len(order) && bytes.Equal(x.name(int(o)), x.name(int(order[i+1]))) {
			continue
		}
		w.add(x.name(int(o)), same...)
		same = same[:0]
	}
	return w.index(identity, x.baseURL)
}
