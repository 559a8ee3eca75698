package engine

import (
	"path"
	"strings"

	"forge/platforms/toolchain"
)

// cLibrary tells of the C library and the loader, by name. Packages depend on them as __glibc.
func cLibrary(name string) bool {
	stem, _, _ := strings.Cut(name, ".so")
	switch stem {
	case "libc", "libm", "libdl", "libpthread", "librt", "libutil", "libresolv", "libnsl", "libanl", "libmvec",
		"libBrokenLocale", "libthread_db", "linux-vdso", "linux-gate":
		return true
	}
	return strings.HasPrefix(stem, "ld-linux") || stem == "ld64" || stem == "ld"
}

// runtimes are the packages that bring a compiler's runtime, as conda-forge divides it, today's name first.
func runtimes(name string) []string {
	stem, _, _ := strings.Cut(name, ".so")
	switch stem {
	case "libstdc++":
		return []string{"libstdcxx", "libstdcxx-ng"}
	case "libgcc_s", "libatomic", "libitm", "libssp":
		return []string{"libgcc", "libgcc-ng", "libstdcxx", "libstdcxx-ng"}
	case "libgfortran":
		return []string{"libgfortran", "libgfortran5", "libgfortran-ng"}
	case "libquadmath":
		return []string{"libgfortran", "libgfortran5", "libgfortran-ng", "libgcc", "libgcc-ng"}
	case "libgomp":
		return []string{"libgomp", "_openmp_mutex", "libgcc", "libgcc-ng"}
	}
	return nil
}

// bringers fills in who has the library: a package of the host environment, the compiler's runtime, or
// only a tool of the host.
func (l *library) bringers(owners map[string]string, externals []*toolchain.External) error {
	if owner := owners[l.name]; owner != "" {
		l.packages = append(l.packages, owner)
		return nil
	}
	if l.packages = append(l.packages, runtimes(l.name)...); len(l.packages) > 0 {
		return nil
	}
	for _, e := range externals {
		entries, err := e.Entries()
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if path.Base(entry.Path) == l.name {
				l.host = true
				return nil
			}
		}
	}
	return nil
}
