package toolchain

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// notNative is added to what GCC's specs (its manual, "Spec Files") hand on to every compiler proper. What asks for the
// CPU of the machine that builds, wherever the flag comes from, is told that there is no such flag: tests for it come
// out as no, and a build that uses it all the same stops.
func notNative() string {
	var b strings.Builder
	for _, flag := range []string{"march", "mcpu", "mtune"} {
		fmt.Fprintf(&b, " %%{%[1]s=native:%%e-%[1]s=native makes a package for the CPU of whoever builds it}", flag)
	}
	return b.String()
}

// clangNotNative does so for clang, whose driver changes its arguments as this variable says (ApplyOneQAOverride in its
// source; the # has it say nothing of that): native becomes a CPU that there is not, so clang's message has the reason.
const clangNotNative = "# s/^-m(arch|cpu|tune)=native/-march=native-is-the-CPU-of-whoever-builds/"

// specsBeside are the specs that a GCC reads by itself where they lie in its own folder, that of its start files:
// /usr/lib/gcc/x86_64-linux-gnu/12/crtbegin.o, or of a cross compiler in gcc-cross. They take the place of all that is
// built in, so they are what the compiler itself says these are, and a line more. A folder without its compiler has none.
func (db *dpkg) specsBeside(file string) ([]written, error) {
	folder, name := path.Split(strings.TrimPrefix(file, "/"))
	if name != "crtbegin.o" || !strings.HasPrefix(folder, "usr/lib/gcc") {
		return nil, nil
	}
	if known, ok := db.specs[folder]; ok {
		return known, nil
	}
	rest, version := path.Split(path.Clean(folder))
	program := "/usr/bin/" + path.Base(rest) + "-gcc-" + version
	at := filepath.Join(db.root, program)
	_, err := os.Stat(at)
	db.looked.note(at, err == nil)
	if err != nil {
		return nil, nil
	}
	answer, err := asker(db.root)(program, "-dumpspecs")
	if err != nil {
		return nil, fmt.Errorf("ask the compiler for its specs: %w", err)
	}
	const section = "*cc1_options:\n"
	before, after, ok := strings.Cut(string(answer), section)
	line, after, ended := strings.Cut(after, "\n")
	if !ok || !ended {
		return nil, fmt.Errorf("%s -dumpspecs: there is no %q in the answer", program, strings.TrimSpace(section))
	}
	specs := []written{{folder + "specs", before + section + line + notNative() + "\n" + after}}
	db.specs[folder] = specs
	return specs, nil
}
