package platforms

import (
	"bytes"
	"io"
	"os"
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
	end := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		end = len(s)
	}
	return strings.TrimRight(s[:end], ".")
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

// bannerVersion looks for the banner piece by piece from the end, which is nearer to it: the library has two
// megabytes, and every command of the program that makes a request comes this way.
func bannerVersion(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	const piece, longest = 64 << 10, 256
	buf := make([]byte, piece+longest)
	for at := info.Size(); at > 0; {
		at = max(0, at-piece)
		n, err := f.ReadAt(buf, at)
		if err != nil && err != io.EOF {
			return ""
		}
		for have := buf[:n]; ; {
			i := bytes.Index(have, []byte("GNU C Library"))
			if i < 0 {
				break
			}
			have = have[i:]
			if v := versionIn(string(have[:min(len(have), longest)])); v != "" {
				return v
			}
			have = have[1:]
		}
	}
	return ""
}

// versionIn is the version that a banner says: "GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36."
func versionIn(banner string) string {
	line, _, _ := strings.Cut(banner, "\n")
	_, version, _ := strings.Cut(line, " version ")
	number := strings.SplitN(leadingNumbers(version), ".", 3)
	if len(number) < 2 || number[0] == "" || number[1] == "" {
		return ""
	}
	return number[0] + "." + number[1]
}
