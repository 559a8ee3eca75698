package conda

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"forge/packages"
	"forge/platforms/macho"
)

// maxShebang is the longest #! line that every Linux kernel runs, as conda and rattler count it.
const maxShebang = 127

// shebang is a #! line: the program, whose blanks may be escaped, and the rest.
var shebang = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^#! *(/(?:\\ |[^ \n\r\t])*)(.*)$`) })

// replaceText puts prefix in place of the placeholder. A #! line that would become too long or hold a
// blank goes through env, which is how conda's clients keep scripts alive in deep prefixes.
func replaceText(b []byte, placeholder, prefix string) []byte {
	old, to := []byte(placeholder), []byte(prefix)
	var first []byte
	if bytes.HasPrefix(b, []byte("#!")) {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			end = len(b)
		}
		first, b = []byte(replaceShebang(string(b[:end]), placeholder, prefix)), b[end:]
	}
	return append(first, bytes.ReplaceAll(b, old, to)...)
}

func replaceShebang(line, placeholder, prefix string) string {
	if strings.Contains(prefix, " ") && strings.Contains(line, placeholder) {
		// The program ends at the first blank, so it is looked for before the prefix brings more of them.
		return strings.ReplaceAll(throughEnv(line), placeholder, prefix)
	}
	line = strings.ReplaceAll(line, placeholder, prefix)
	if len(line) > maxShebang {
		return throughEnv(line)
	}
	return line
}

// throughEnv finds the program on the PATH; a python is started by its full path through the shell, as
// python takes those lines for a string and goes on behind them.
func throughEnv(line string) string {
	m := shebang().FindStringSubmatch(line)
	if m == nil {
		return line
	}
	name := m[1][strings.LastIndex(m[1], "/")+1:]
	if strings.HasPrefix(name, "python") {
		return throughShell(m[1], m[2])
	}
	return "#!/usr/bin/env " + name + m[2]
}

func throughShell(program, args string) string {
	return "#!/bin/sh\n'''exec' \"" + program + "\"" + args + " \"$0\" \"$@\" #'''"
}

// replaceBinary puts prefix in place of the placeholder in every C string and fills the string's end with
// NULs, so that nothing behind it moves. A last string needs no NUL.
//
// A program or library of macOS is signed anew under its file name: pages that changed have another hash, and
// the system ends a process that reads one. What only begins as such a file does is no program, and stays so.
func replaceBinary(b []byte, placeholder, prefix, name string) ([]byte, error) {
	out, err := replaceStrings(b, placeholder, prefix)
	if err != nil || bytes.Equal(out, b) || !macho.Is(out) {
		return out, err
	}
	if _, err := macho.Parse(b); err != nil {
		return out, nil
	}
	return macho.Sign(out, name)
}

func replaceStrings(b []byte, placeholder, prefix string) ([]byte, error) {
	old, to := []byte(placeholder), []byte(prefix)
	if len(old) == 0 || !bytes.Contains(b, old) {
		return b, nil
	}
	if len(to) > len(old) {
		return nil, fmt.Errorf("the prefix has %d characters, the place kept for it in a binary file only %d", len(to), len(old))
	}
	out := make([]byte, 0, len(b))
	for {
		at := bytes.Index(b, old)
		if at < 0 {
			return append(out, b...), nil
		}
		end := bytes.IndexByte(b[at:], 0)
		if end < 0 {
			end = len(b)
		} else {
			end += at
		}
		text := bytes.ReplaceAll(b[at:end], old, to)
		out = append(append(out, b[:at]...), text...)
		out = append(out, make([]byte, end-at-len(text))...)
		b = b[end:]
	}
}

// entryScript is what conda's clients write for an entry point. In a prefix too deep for a #! line the
// shell starts python; to Python those lines are a string.
func entryScript(e packages.EntryPoint, prefix, python string) string {
	program := prefix + "/bin/python" + python
	head := "#!" + program
	if len(head) > maxShebang || strings.Contains(program, " ") {
		head = throughShell(program, "")
	}
	return e.Script(head)
}
