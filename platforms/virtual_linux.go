package platforms

import (
	"bytes"
	"os"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// systemPackages are __unix, __linux with the kernel's version, and __glibc where the C library is that.
func systemPackages() []VirtualPackage {
	list := []VirtualPackage{{Name: "__unix", Version: "0", Build: "0"}}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		release := unix.ByteSliceToString(u.Release[:])
		list = append(list, VirtualPackage{Name: "__linux", Version: leadingNumbers(release), Build: "0"})
	}
	if v := glibcVersion(); v != "" {
		list = append(list, VirtualPackage{Name: "__glibc", Version: v, Build: "0"})
	}
	if module, err := os.ReadFile("/proc/driver/nvidia/version"); err == nil {
		if v := cudaOf(string(module)); v != "" {
			list = append(list, VirtualPackage{Name: "__cuda", Version: v, Build: "0"})
		}
	}
	return list
}

func leadingNumbers(s string) string {
	return strings.TrimRight(regexp.MustCompile(`^[0-9.]+`).FindString(s), ".")
}

// glibcVersion reads the version out of the banner that the C library carries, so that nothing is run.
func glibcVersion() string {
	for _, path := range []string{
		"/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6", "/usr/lib/libc.so.6",
		"/lib/powerpc64le-linux-gnu/libc.so.6", "/lib/riscv64-linux-gnu/libc.so.6", "/lib/s390x-linux-gnu/libc.so.6",
	} {
		if v := bannerVersion(path); v != "" {
			return v
		}
	}
	return ""
}

// bannerVersion looks for the banner piece by piece: the library has two megabytes, and every command of
// the program that makes a request comes this way.
func bannerVersion(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const longest = 256
	banner := regexp.MustCompile(`GNU C Library[^\n]* version ([0-9]+\.[0-9]+)`)
	buf := make([]byte, 128<<10)
	for kept := 0; ; {
		n, err := f.Read(buf[kept:])
		have := buf[:kept+n]
		if i := bytes.Index(have, []byte("GNU C Library")); i >= 0 && (len(have)-i >= longest || err != nil) {
			if m := banner.FindSubmatch(have[i:]); m != nil {
				return string(m[1])
			}
		}
		if err != nil {
			return ""
		}
		kept = copy(buf, have[max(0, len(have)-longest):])
	}
}
