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
	banner := regexp.MustCompile(`GNU C Library[^\n]* version ([0-9]+\.[0-9]+)`)
	for _, path := range []string{
		"/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6", "/usr/lib/libc.so.6",
		"/lib/powerpc64le-linux-gnu/libc.so.6", "/lib/riscv64-linux-gnu/libc.so.6", "/lib/s390x-linux-gnu/libc.so.6",
	} {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// Two megabytes: look for the place first.
		if i := bytes.Index(data, []byte("GNU C Library")); i >= 0 {
			if m := banner.FindSubmatch(data[i:min(len(data), i+200)]); m != nil {
				return string(m[1])
			}
		}
	}
	return ""
}
