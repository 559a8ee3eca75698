package engine

import (
	"fmt"
	"path"
	"strings"

	"forge/digest"
	"forge/internal/diag"
	"forge/packages"
)

// ParseLock reads a forge.lock. All mistakes are reported, each with its line.
func ParseLock(file string, data []byte) (*Lock, error) {
	p := lockParser{lock: &Lock{File: file, Sections: map[string]*LockSection{}}}
	text := strings.ReplaceAll(string(data), "\r\n", "\n") // as version control may check it out
	for i, line := range strings.Split(text, "\n") {
		p.pos, p.text = diag.Pos{File: file, Line: i + 1, Column: 1}, line
		if i == 0 {
			p.header(line)
			continue
		}
		switch line = strings.TrimSpace(line); {
		case line == "", strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			p.open(line)
		default:
			p.line(line)
		}
		if len(p.list) > 20 {
			break
		}
	}
	for _, s := range p.lock.Sections {
		s.sort()
	}
	p.lock.index()
	return p.lock, p.list.Err()
}

type lockParser struct {
	lock    *Lock
	section *LockSection
	pos     diag.Pos
	text    string
	list    diag.List
}

func (p *lockParser) fail(format string, args ...any) {
	p.list = append(p.list, diag.Diagnostic{Code: "bad-lock", Pos: p.pos, Line: p.text, Length: max(1, len([]rune(p.text))),
		Summary: fmt.Sprintf(format, args...), Suggestion: "put back the file from version control, or remove it and run forge lock"})
}

func (p *lockParser) header(line string) {
	want, _, _ := strings.Cut(lockHeader, ":")
	got, _, _ := strings.Cut(line, ":")
	switch {
	case got == want:
	case strings.HasPrefix(got, "# forge.lock "):
		p.fail("this is version %s of forge.lock, and this forge reads version %s", strings.TrimPrefix(got, "# forge.lock "), strings.TrimPrefix(want, "# forge.lock "))
	default:
		p.fail("the first line is not that of a forge.lock: %q", want)
	}
}

func (p *lockParser) open(line string) {
	title, ok := strings.CutSuffix(strings.TrimPrefix(line, "["), "]")
	subdir, name, slash := strings.Cut(title, "/")
	if !ok || !slash || subdir == "" || name == "" {
		p.fail("a section is [subdir/name-version-build], not %q", line)
		title = "?"
	}
	if p.section = p.lock.Sections[title]; p.section == nil {
		p.section = &LockSection{Title: title}
		p.lock.Sections[title] = p.section
	} else {
		p.fail("the section %s is here twice", title)
	}
}

func (p *lockParser) line(line string) {
	env, text, _ := strings.Cut(line, " ")
	text = strings.TrimSpace(text)
	fields := strings.Fields(text)
	switch {
	case p.section == nil:
		p.fail("a record before the first [section]")
		return
	case env == "run":
		if _, err := packages.ParseMatchSpec(text); err != nil {
			p.fail("%v", err)
		}
	case env != "build" && env != "host" && env != "test":
		p.fail("a line begins with build, host, test or run, not %q", env)
	case len(fields) == 4 && fields[0] == "output", len(fields) == 3 && fields[0] == "external":
		p.name(fields[1])
		text = strings.Join(fields, " ")
	case len(fields) == 2 && strings.HasPrefix(fields[1], "sha256:"):
		p.archive(fields[0], strings.TrimPrefix(fields[1], "sha256:"))
		text = strings.Join(fields, " ")
	default:
		p.fail("a record is `output NAME VERSION BUILD`, `external NAME VERSION` or `URL sha256:HEX`, not %q", text)
	}
	p.section.Lines = append(p.section.Lines, LockLine{env, text, p.pos.Line})
}

func (p *lockParser) name(name string) {
	if !packages.ValidName(name) {
		p.fail("%q is not a package name", name)
	}
}

func (p *lockParser) archive(url, sum string) {
	name, ok := archiveName(url)
	if !ok {
		p.fail("%q is not the address of a package: it ends in name-version-build.conda or .tar.bz2", url)
		return
	}
	if _, err := digest.Parse(sum); err != nil || sum != strings.ToLower(sum) {
		p.fail("%q is not a SHA-256: 64 hex digits, lower case", sum)
	}
	p.name(name)
}

// archiveName reads a package's name from the file name of its archive.
func archiveName(url string) (string, bool) {
	stem, ok := strings.CutSuffix(path.Base(url), ".conda")
	if !ok {
		stem, ok = strings.CutSuffix(path.Base(url), ".tar.bz2")
	}
	parts := strings.Split(stem, "-")
	if !ok || len(parts) < 3 {
		return "", false
	}
	return strings.Join(parts[:len(parts)-2], "-"), true
}
