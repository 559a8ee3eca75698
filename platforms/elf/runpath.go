package elf

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
)

// ErrNoRoom is returned, wrapped, where a longer path finds no place in the file. Linking with
// -Wl,-rpath,$PREFIX/lib makes one.
var ErrNoRoom = errors.New("there is no room for a longer run path")

// SetRunPath returns the file with entries as its library search path; none takes the path out. The tag
// in the file is kept, DT_RUNPATH is made where there is none; where both are present the loader looks at
// DT_RUNPATH only and DT_RPATH goes. A shorter path is written over the old one, a longer one moves the
// string table into the slack behind its segment or to the end of the file. The old text is zeroed.
// b may be changed, also when there is an error. A file without a dynamic section is returned as it is.
func SetRunPath(b []byte, entries []string) ([]byte, error) {
	b, _, err := setRunPath(b, entries)
	return b, err
}

// setRunPath also tells which parts of the result may differ from the same place in b.
func setRunPath(b []byte, entries []string) ([]byte, []Range, error) {
	f, err := parse(b)
	if err != nil || f.dynSeg < 0 {
		return b, nil, err
	}
	for _, e := range entries {
		if strings.ContainsAny(e, ":\x00") || e == "" {
			return b, nil, fmt.Errorf("run path entry %q cannot be written", e)
		}
	}
	seed := maphash.MakeSeed()
	before, err := f.names(seed)
	if err != nil {
		return b, nil, err
	}
	if err := f.setRunPath(strings.Join(entries, ":")); err != nil {
		return b, nil, err
	}
	return f.b, f.touched, verify(f.b, entries, seed, before)
}

// names is a digest, under seed, of all strings that the loader reads of the file but for the search path.
func (f *image) names(seed maphash.Seed) (uint64, error) {
	off, size, err := f.strtab()
	if err != nil {
		return 0, err
	}
	table := f.b[off : off+size]
	refs, err := f.otherReferences()
	if err != nil {
		return 0, err
	}
	for _, e := range f.dyn {
		if slices.Contains(stringTags(), e.tag) && e.tag != dtRPath && e.tag != dtRunPath {
			refs = append(refs, e.val)
		}
	}
	var h maphash.Hash
	h.SetSeed(seed)
	for _, r := range refs {
		if r >= size {
			return 0, fmt.Errorf("elf: string %d lies outside the dynamic string table", r)
		}
		end := bytes.IndexByte(table[r:], 0)
		if end < 0 {
			return 0, errors.New("elf: the dynamic string table has no end")
		}
		h.Write(table[r : r+uint64(end)+1])
	}
	return h.Sum64(), nil
}

// verify reads the result once more: a file whose tables overlap in ways no linker makes is refused, not
// broken.
func verify(b []byte, entries []string, seed maphash.Seed, names uint64) error {
	odd := errors.New("elf: the file's tables overlap; its run path cannot be changed")
	f, err := parse(b)
	if err != nil {
		return odd
	}
	info := &Info{}
	if err := f.describe(info); err != nil {
		return odd
	}
	after, err := f.names(seed)
	if err != nil || after != names || !slices.Equal(append(info.RPath, info.RunPath...), entries) {
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
	for _, r := range refs {
		if r <= at && r < size && bytes.IndexByte(f.b[off+r:off+at], 0) < 0 {
			return at, 0, nil // another string ends with this one
		}
		if r > at && r < end { // another string is the end of this one: it stays
			end = r
			break
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
	table := f.b[off : off+size]
	if at := bytes.Index(table, append([]byte(text), 0)); at >= 0 && !moveDynamic {
		return uint64(at), nil
	}
	grown := append(append(bytes.Clone(table), text...), 0)
	if moveDynamic {
		err = f.moveBoth(grown)
	} else {
		err = f.moveTable(grown)
	}
	return size, err
}
