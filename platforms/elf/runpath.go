package elf

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNoRoom is returned, wrapped, where a longer path finds no place in the file. Linking with
// -Wl,-rpath,$PREFIX/lib makes one.
var ErrNoRoom = errors.New("there is no room for a longer run path")

// setEntries makes entries the library search path; none takes the path out. The tag
// in the file is kept, DT_RUNPATH is made where there is none; where both are present the loader looks at
// DT_RUNPATH only and DT_RPATH goes. A shorter path is written over the old one, a longer one moves the
// string table into the slack behind its segment or to the end of the file. The old text is zeroed.
// It returns the file, and which parts of it may differ from the same place before.
func (f *image) setEntries(entries []string) ([]byte, []Range, error) {
	b := f.b
	for _, e := range entries {
		if strings.ContainsAny(e, ":\x00") || e == "" {
			return b, nil, fmt.Errorf("run path entry %q cannot be written", e)
		}
	}
	before, err := f.names()
	if err != nil {
		return b, nil, err
	}
	before.table, before.versions = bytes.Clone(before.table), bytes.Clone(before.versions)
	if err := f.setRunPath(strings.Join(entries, ":")); err != nil {
		return b, nil, err
	}
	return f.b, f.touched, verify(f.b, entries, before)
}

// names are the strings that the loader reads of a file, but for the search path.
type names struct {
	table []byte   // the dynamic string table
	refs  []uint64 // offsets in it: of symbols and versions in the order of their tables, of the dynamic section
	// versions say which version of its name each symbol is.
	versions []byte
}

func (f *image) names() (names, error) {
	off, size, err := f.strtab()
	if err != nil {
		return names{}, err
	}
	n := names{table: f.b[off : off+size]}
	if at, size, ok := f.versions(); ok {
		n.versions = f.b[at : at+size]
	}
	if n.refs, err = f.otherReferences(); err != nil {
		return names{}, err
	}
	for _, e := range f.dyn {
		if isStringTag(e.tag) && e.tag != dtRPath && e.tag != dtRunPath {
			n.refs = append(n.refs, e.val)
		}
	}
	end := bytes.LastIndexByte(n.table, 0) // the last string's
	for _, r := range n.refs {
		if r >= size {
			return names{}, fmt.Errorf("elf: string %d lies outside the dynamic string table", r)
		}
		if int64(r) > int64(end) {
			return names{}, errors.New("elf: the dynamic string table has no end")
		}
	}
	return n, nil
}

// same tells whether all names are what they were: the same offsets, and at them the same strings.
func (n names) same(old names) bool {
	if !slices.Equal(n.refs, old.refs) || !bytes.Equal(n.versions, old.versions) || len(n.table) < len(old.table) {
		return false
	}
	was, is := old.table, n.table[:len(old.table)]
	if bytes.Equal(was, is) {
		return true
	}
	from := 0
	for from < len(was) && was[from] == is[from] {
		from++
	}
	to := len(was)
	for to > from && was[to-1] == is[to-1] {
		to--
	}
	// What differs is of a string that begins behind the last NUL before it.
	start := max(bytes.LastIndexByte(was[:from], 0), bytes.LastIndexByte(is[:from], 0)) + 1
	return !slices.ContainsFunc(n.refs, func(r uint64) bool { return r >= uint64(start) && r < uint64(to) })
}

// verify reads the result once more: a file whose tables overlap in ways no linker makes is refused, not
// broken.
func verify(b []byte, entries []string, before names) error {
	odd := errors.New("elf: the file's tables overlap; its run path cannot be changed")
	f, err := parse(b)
	if err != nil {
		return odd
	}
	info := &Info{}
	if err := f.describe(info); err != nil {
		return odd
	}
	after, err := f.names()
	if err != nil || !after.same(before) || !slices.Equal(append(info.RPath, info.RunPath...), entries) {
		return odd
	}
	return nil
}

func (f *image) setRunPath(text string) error {
	i := f.find(dtRunPath)
	if r := f.find(dtRPath); r >= 0 && i >= 0 {
		if err := f.remove(r); err != nil {
			return err
		}
		i = f.find(dtRunPath)
	} else if i < 0 {
		i = r
	}
	if i < 0 {
		if text == "" {
			return nil
		}
		return f.insert(text)
	}
	old, err := f.str(f.dyn[i].val)
	if err != nil || old == text {
		return err
	}
	if text == "" {
		return f.remove(i)
	}
	return f.replace(i, text)
}

// free zeroes the string of entry i as far as nobody else uses it. It returns where that place is in the
// string table, and how many bytes were zeroed.
func (f *image) free(i int) (at, n uint64, err error) {
	off, size, err := f.strtab()
	if err != nil {
		return 0, 0, err
	}
	at = f.dyn[i].val
	s, err := f.str(at)
	if err != nil {
		return 0, 0, err
	}
	refs, err := f.references(i)
	if err != nil {
		return 0, 0, err
	}
	end := min(at+uint64(len(s))+1, size)
	start := uint64(bytes.LastIndexByte(f.b[off:off+at], 0) + 1)
	for _, r := range refs {
		switch {
		case r >= start && r <= at:
			return at, 0, nil // another string ends with this one
		case r > at:
			end = min(end, r) // another string is the end of this one: it stays
		}
	}
	clear(f.b[off+at : off+end])
	f.touch(off+at, end-at)
	return at, end - at, nil
}

func (f *image) replace(i int, text string) error {
	at, n, err := f.free(i)
	if err != nil {
		return err
	}
	if uint64(len(text)) < n {
		off, _, err := f.strtab()
		if err != nil {
			return err
		}
		copy(f.b[off+at:], text)
		f.touch(off+at, uint64(len(text)))
		return nil
	}
	at, err = f.addString(text, false)
	if err != nil {
		return err
	}
	f.dyn[i].val = at
	f.putDynamic()
	return nil
}

// remove takes an entry out of the dynamic section and its text out of the string table.
func (f *image) remove(i int) error {
	if _, _, err := f.free(i); err != nil {
		return err
	}
	f.drop(i)
	f.putDynamic()
	return nil
}

func (f *image) drop(i int) {
	f.dyn = append(f.dyn[:i], f.dyn[i+1:]...)
	for k := i; k < len(f.dyn); k++ {
		// The one tag that is relative to its own place.
		if f.mach == machMIPS && f.dyn[k].tag == dtMIPSRldMapRel {
			f.dyn[k].val += 2 * f.word()
		}
	}
}

// insert adds DT_RUNPATH. A dynamic section always ends with DT_NULL, and most linkers leave some to
// spare; where there is none, the counts of relative relocations, a hint only, give up their place.
func (f *image) insert(text string) error {
	move := false
	if len(f.dyn)+2 > f.slots {
		if i := max(f.find(dtRelACount), f.find(dtRelCount)); i >= 0 {
			f.drop(i)
		} else {
			move = true
		}
	}
	at, err := f.addString(text, move)
	if err != nil {
		return err
	}
	f.dyn = append(f.dyn, dynEntry{dtRunPath, at})
	f.putDynamic()
	return nil
}

// addString returns the offset of text in the string table, which moves if text is not in it. With
// moveDynamic set the dynamic section moves too, and gets room for one entry more.
func (f *image) addString(text string, moveDynamic bool) (uint64, error) {
	off, size, err := f.strtab()
	if err != nil {
		return 0, err
	}
	added := append([]byte(text), 0)
	if at := bytes.Index(f.b[off:off+size], added); at >= 0 && !moveDynamic {
		return uint64(at), nil
	}
	if moveDynamic {
		err = f.moveBoth(added)
	} else {
		err = f.moveTable(added)
	}
	return size, err
}
