package engine

import (
	"strings"
	"testing"
)

func TestMissingPrograms(t *testing.T) {
	for line, want := range map[string]string{
		"/forge/script_0.sh: line 1: cmake: command not found":                   "cmake",
		"./configure: 5: pkg-config: not found":                                  "pkg-config",
		"make: gcc: No such file or directory":                                   "gcc",
		"make[2]: x86_64-linux-gnu-gcc: No such file or directory":               "x86_64-linux-gnu-gcc",
		`Can't exec "autopoint": No such file or directory at FileUtils.pm.`:     "autopoint",
		"/usr/bin/env: ‘perl’: No such file or directory":                        "perl",
		"env: ‘g++’: No such file or directory":                                  "g++",
		"checking for cmake... not found":                                        "",
		"fatal error: zlib.h: No such file or directory":                         "",
		"make: *** [Makefile:3: all] Error 127":                                  "",
		"	libz.so.1 => not found":                                                "",
		"cp: cannot stat 'config.guess': No such file or directory":              "",
		"bash: line 2: a: command not found\nbash: line 3: b: command not found": "a b",
	} {
		if got := strings.Join(missingPrograms(strings.Split(line, "\n")), " "); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
