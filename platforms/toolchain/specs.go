package toolchain

import (
	"path"
	"strings"
)

// notNative are specs (GCC's manual, "Spec Files") that GCC reads by itself where they lie in its own folder. What
// asks for the CPU of the machine that builds, wherever the flag comes from, is told that there is no such flag:
// tests for it come out as no, and a build that uses it all the same stops.
const notNative = `*cc1_options:
+ %{march=native:%e-march=native makes a package for the CPU of whoever builds it} %{mcpu=native:%e-mcpu=native makes a package for the CPU of whoever builds it} %{mtune=native:%e-mtune=native makes a package for the CPU of whoever builds it}

`

// specsBeside puts them beside the start files of a GCC, /usr/lib/gcc/x86_64-linux-gnu/12/crtbegin.o or those of a
// cross compiler in gcc-cross.
func specsBeside(file string) []written {
	folder, name := path.Split(strings.TrimPrefix(file, "/"))
	if name != "crtbegin.o" || !strings.HasPrefix(folder, "usr/lib/gcc") {
		return nil
	}
	return []written{{folder + "specs", notNative}}
}
