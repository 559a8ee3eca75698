package engine

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"forge/platforms/toolchain"
)

// notFound are the ways in which bash, dash, make, perl and env say that there is no such program.
const notFound = `(?:^|[:\s])([A-Za-z0-9_][A-Za-z0-9_.+-]*): (?:command )?not found$` +
	`|^make(?:\[\d+\])?: ([A-Za-z0-9_][A-Za-z0-9_.+-]*): No such file or directory$` +
	`|Can't exec "([A-Za-z0-9_][A-Za-z0-9_.+-]*)": No such file` +
	`|env: ‘([A-Za-z0-9_][A-Za-z0-9_.+-]*)’: No such file or directory$`

// missingPrograms are the programs that the end of a log says were not there, the last one last.
func missingPrograms(lines []string) []string {
	pattern := regexp.MustCompile(notFound)
	var names []string
	for _, l := range lines {
		m := pattern.FindStringSubmatch(strings.TrimRight(l, "\r"))
		for i, name := range m {
			if i > 0 && name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// undeclared says of a program that a script did not find which requirement would have brought it, if a tool
// of the machine could; where is the list of requirements it belongs to. "" for nothing to say.
func (r *runner) undeclared(ctx context.Context, lines []string, where string) string {
	names := missingPrograms(lines)
	if len(names) == 0 || r.tools.Externals == nil {
		return ""
	}
	program := names[len(names)-1] // the one that most likely ended it
	want := map[string]string{"cc": "compiler('c')", "gcc": "compiler('c')", "c++": "compiler('cxx')", "g++": "compiler('cxx')", "gfortran": "compiler('fortran')"}[program]
	if want == "" {
		want = r.offers(ctx, program)
	}
	switch {
	case want != "":
		return fmt.Sprintf("%s is not in the sandbox, which holds what the recipe names: add %s to %s", program, want, where)
	case slices.Contains(r.tools.Externals.Names(), program):
		return fmt.Sprintf("%s is not in the sandbox, nor on this machine: install it, and add %s to %s", program, program, where)
	}
	return ""
}

// offers is the name of a tool of the machine that has the program; the one that is called so comes first.
func (r *runner) offers(ctx context.Context, program string) string {
	names := r.tools.Externals.Names()
	if i := slices.Index(names, program); i >= 0 {
		names = slices.Insert(slices.Delete(slices.Clone(names), i, i+1), 0, program)
	}
	for _, name := range names {
		e, err := r.tools.Externals.Find(ctx, name)
		if err != nil || e == nil || name == toolchain.Base || strings.ContainsRune(name, '_') {
			continue
		}
		if slices.ContainsFunc(e.Programs, func(p string) bool { return path.Base(p) == program }) {
			return name
		}
	}
	return ""
}
