package elf

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// ErrNoInterpreter is returned, wrapped, for a file that is started without one: a static program, a library.
var ErrNoInterpreter = errors.New("it has no interpreter")

// maxInterp is the longest path, its NUL included, that Linux takes (PATH_MAX, fs/binfmt_elf.c).
const maxInterp = 4096

// SetInterpreter makes the program that path names the interpreter (PT_INTERP), which the kernel starts in the
// file's place. A path with room in the old one's is written over it, and NULs fill the rest; a longer one lies in
// the slack behind a segment or at the end of the file, and the old text is zeroed. The error wraps ErrNoInterpreter
// where the file has none, and ErrNoRoom; after any error the file is not to be used any more.
func (f *File) SetInterpreter(path string) ([]byte, Change, error) {
	img := f.image
	fail := func(err error) ([]byte, Change, error) { return img.b, Change{}, err }
	if !strings.HasPrefix(path, "/") || strings.ContainsRune(path, 0) || len(path)+1 > maxInterp {
		return fail(fmt.Errorf("interpreter %q: want an absolute path of less than %d bytes", path, maxInterp))
	}
	i := img.interp()
	if i < 0 {
		return fail(fmt.Errorf("set the interpreter to %s: %w", path, ErrNoInterpreter))
	}
	if f.Info.Interpreter == path {
		return img.b, Change{}, nil
	}
	before, err := img.allNames()
	if err != nil {
		return fail(err)
	}
	if err := img.setInterp(i, path); err != nil {
		return fail(err)
	}
	want := *f.Info
	want.Interpreter = path
	if err := img.verifyInterp(&want, before); err != nil {
		return fail(err)
	}
	f.Info = &want
	return img.b, Change{Changed: true, RunPath: searchPath(&want), Touched: img.touched}, nil
}

// interp is the index of the program header that names the interpreter, -1 for none. Linux takes the first
// one, and refuses it where it does not lie in the file.
func (f *image) interp() int {
	for i, s := range f.segs {
		if s.typ == ptInterp {
			if s.filesz < 2 || s.filesz >= maxInterp || !f.has(s.off, s.filesz) {
				return -1
			}
			return i
		}
	}
	return -1
}

func (f *image) setInterp(i int, path string) error {
	old, n := f.segs[i], uint64(len(path)+1)
	if n > old.filesz {
		at, addr, ok := f.slackAnywhere(n)
		if !ok {
			var err error
			if at, addr, err = f.append(n, false); err != nil {
				return err
			}
		}
		s := &f.segs[i]
		s.off, s.vaddr, s.paddr, s.filesz, s.memsz = at, addr, addr, n, n
		f.putSegment(i)
		for k, sec := range f.secs {
			if sec.flags&shfAlloc != 0 && sec.typ != shtNoBits && sec.addr == old.vaddr && sec.size == old.filesz {
				f.secs[k].off, f.secs[k].addr, f.secs[k].size = at, addr, n
				f.putSection(k)
			}
		}
	}
	clear(f.b[old.off : old.off+old.filesz])
	f.touch(old.off, old.filesz)
	s := f.segs[i]
	copy(f.b[s.off:s.off+s.filesz], path)
	f.touch(s.off, s.filesz)
	return nil
}

// allNames copies the names of a file's dynamic section, where it has one.
func (f *image) allNames() (names, error) {
	if f.dynSeg < 0 {
		return names{}, nil
	}
	n, err := f.names()
	return n.clone(), err
}

// verifyInterp reads the result once more: a file whose parts overlap in ways no linker makes is refused, not
// broken.
func (f *image) verifyInterp(want *Info, before names) error {
	odd := errors.New("elf: the file's parts overlap; its interpreter cannot be changed")
	g, err := Open(f.b)
	if err != nil || !reflect.DeepEqual(g.Info, want) {
		return odd
	}
	after, err := g.image.allNames()
	if err != nil || !after.same(before) {
		return odd
	}
	return nil
}
