package engine

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/packages"
)

// lockHeader is the first line of forge.lock; its number changes with the format.
const lockHeader = "# forge.lock 1: solved environments; written by forge lock, read by people and diff"

// Lock is the content of a forge.lock: the solved environments of outputs. Channel records in it are
// kept by later plans as long as they fit.
type Lock struct {
	File     string
	Sections map[string]*LockSection // by title: subdir/name-version-build

	byPackage map[string][]*LockSection // by subdir/name
}

// LockSection is the environments of one output.
type LockSection struct {
	Title string
	Lines []LockLine // sorted
}

// LockLine is one record of one environment, or what the package runs with. A lock may hold millions.
type LockLine struct {
	Environment string // "build", "host", "test", or "run" for a match spec
	Text        string // "output NAME VERSION BUILD", "external NAME VERSION", "URL sha256:HEX", or a match spec
	Line        int    // in the file
}

// String is the line as it stands in the file.
func (l LockLine) String() string { return l.Environment + " " + l.Text }

// Archive is the address and SHA-256 of a channel's record; ok is false for what is none. Below the
// workspace the address is a relative path.
func (l LockLine) Archive() (url, sum string, ok bool) {
	if l.Environment == "run" {
		return "", "", false
	}
	return strings.Cut(l.Text, " sha256:")
}

// Package is the name of a channel's package, or empty.
func (l LockLine) Package() string {
	url, _, ok := l.Archive()
	if !ok {
		return ""
	}
	name, _ := archiveName(url)
	return name
}

// title names the section of an output.
func (a *Action) title() string {
	title := a.Output.Subdir() + "/" + a.Output.String()
	if a.Output.Staging {
		title += " staging " + filepath.Base(a.Output.Recipe.Dir)
	}
	return title
}

// NewLock makes the lock of a graph. dir is the workspace: paths below it are written relative to it.
func NewLock(g *Graph, dir string) *Lock {
	l := &Lock{Sections: map[string]*LockSection{}}
	texts := lockTexts{dir, map[*packages.Record]string{}}
	for _, a := range g.Actions {
		s := l.Sections[a.title()]
		if s == nil {
			s = &LockSection{Title: a.title()}
			l.Sections[s.Title] = s
		}
		s.add("build", texts, a.Build.Records)
		s.add("host", texts, a.Host.Records)
		for _, plan := range a.Test {
			for _, env := range []Environment{plan.Run, plan.Build} {
				s.add("test", texts, slices.DeleteFunc(slices.Clone(env.Records), func(r *packages.Record) bool { return r == &a.Record }))
			}
		}
		for _, d := range a.Record.Depends {
			s.Lines = append(s.Lines, LockLine{Environment: "run", Text: d})
		}
	}
	for _, s := range l.Sections {
		s.sort()
	}
	return l
}

func (s *LockSection) sort() {
	slices.SortFunc(s.Lines, func(a, b LockLine) int { return strings.Compare(a.String(), b.String()) })
	s.Lines = slices.CompactFunc(s.Lines, func(a, b LockLine) bool { return a.Environment == b.Environment && a.Text == b.Text })
}

func (s *LockSection) add(environment string, texts lockTexts, records []*packages.Record) {
	for _, r := range records {
		s.Lines = append(s.Lines, LockLine{Environment: environment, Text: texts.of(r)})
	}
}

// lockTexts holds the text of each record once.
type lockTexts struct {
	dir   string
	known map[*packages.Record]string
}

func (t lockTexts) of(r *packages.Record) string {
	text := t.known[r]
	if text != "" {
		return text
	}
	switch r.Channel {
	case packages.ChannelPlanned:
		text = "output " + r.Name + " " + r.Version + " " + r.Build
	case packages.ChannelExternal:
		text = "external " + r.Name + " " + r.Version
	default:
		text = lockURL(r, t.dir) + " sha256:" + r.SHA256
	}
	t.known[r] = text
	return text
}

// lockURL is where a record's archive is: a URL, or a path relative to the workspace, so that the lock
// is the same wherever the workspace lies.
func lockURL(r *packages.Record, dir string) string {
	url := r.URL
	if url == "" {
		url = r.Channel + "/" + r.Subdir + "/" + r.FileName
	}
	path, isFile := strings.CutPrefix(url, "file://")
	if rel, err := filepath.Rel(dir, filepath.FromSlash(path)); err == nil && (isFile || filepath.IsAbs(path)) && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return url
}

// String is the text of forge.lock: sections by title, one record a line, all sorted, so that a change
// of one dependency is a change of one line.
func (l *Lock) String() string {
	var b strings.Builder
	b.WriteString(lockHeader + "\n")
	for _, title := range sortedKeys(l.Sections) {
		fmt.Fprintf(&b, "\n[%s]\n", title)
		for _, line := range l.Sections[title].Lines {
			b.WriteString(line.String() + "\n")
		}
	}
	return b.String()
}

// Merge adds the sections of old whose packages this lock says nothing of: those of recipes that were
// not part of the run.
func (l *Lock) Merge(old *Lock) {
	here := map[string]bool{}
	for title := range l.Sections {
		here[packageOf(title)] = true
	}
	for title, s := range old.Sections {
		if !here[packageOf(title)] {
			l.Sections[title] = s
		}
	}
}

// packageOf is subdir/name of a title.
func packageOf(title string) string {
	title, _, staging := strings.Cut(title, " ")
	for range 2 {
		if i := strings.LastIndexByte(title, '-'); i > strings.IndexByte(title, '/') && !staging {
			title = title[:i]
		}
	}
	return title
}

// Check compares what was planned with the lock, which must say the same of every output of the graph:
// the error lists the lines that do not fit. Without tests their environments do not count.
func (l *Lock) Check(g *Graph, dir string, tests bool) error {
	const most = 20
	planned := NewLock(g, dir)
	var diff []string
	for _, title := range sortedKeys(planned.Sections) {
		var old, new Manifest
		if s := l.Sections[title]; s != nil {
			old = s.text(tests)
		}
		new = planned.Sections[title].text(tests)
		lines := new.Diff(old)
		if l.Sections[title] == nil && len(lines) == 0 {
			lines = []string{"+ (nothing needed)"}
		}
		if len(lines) > 0 {
			diff = append(append(diff, "["+title+"]"), lines...)
		}
	}
	if len(diff) == 0 {
		return nil
	}
	if n := len(diff); n > most {
		diff = append(diff[:most], fmt.Sprintf("… and %d lines more", n-most))
	}
	return fmt.Errorf("forge.lock does not fit:\n  %s\nforge lock writes down what is planned now", strings.Join(diff, "\n  "))
}

func (s *LockSection) text(tests bool) Manifest {
	var m Manifest
	for _, l := range s.Lines {
		if tests || l.Environment != "test" {
			m = append(m, l.String())
		}
	}
	return m
}

// Without is the lock without the channel records of those packages, so that they are solved anew. A
// name that the lock does not hold is an error.
func (l *Lock) Without(names []string) (*Lock, error) {
	out := &Lock{File: l.File, Sections: map[string]*LockSection{}}
	held := map[string]bool{}
	for title, s := range l.Sections {
		kept := &LockSection{Title: title}
		for _, line := range s.Lines {
			name := line.Package()
			held[name] = true
			if name == "" || !slices.Contains(names, name) {
				kept.Lines = append(kept.Lines, line)
			}
		}
		out.Sections[title] = kept
	}
	out.index()
	delete(held, "")
	for _, name := range names {
		if !held[name] {
			err := fmt.Errorf("--update %s: forge.lock holds no package of a channel that is called that", name)
			if near := diag.Nearest(name, sortedKeys(held)); near != "" {
				err = fmt.Errorf("%w; did you mean %q?", err, near)
			}
			return nil, err
		}
	}
	return out, nil
}

// index finds sections by package.
func (l *Lock) index() {
	l.byPackage = map[string][]*LockSection{}
	for _, title := range sortedKeys(l.Sections) {
		name := packageOf(title)
		l.byPackage[name] = append(l.byPackage[name], l.Sections[title])
	}
}

// favored are the channel records that the lock holds for an environment of this action. A record that
// the channel no longer has is left to the solver; one with other bytes under its name is refused.
func (p *solving) favored(environment string) ([]*packages.Record, error) {
	s := p.lockSection()
	if s == nil {
		return nil, nil
	}
	var list []*packages.Record
	for _, line := range s.Lines {
		url, sum, ok := line.Archive()
		name := line.Package()
		if line.Environment != environment || !ok || len(p.from.planned[name]) > 0 && !p.self.apart[name] {
			continue
		}
		records, err := p.from.of(name)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if r.Channel == packages.ChannelExternal || r.Channel == packages.ChannelPlanned || lockURL(r, p.lockDir()) != url {
				continue
			}
			if r.SHA256 != sum {
				pos := diag.Pos{File: p.tools.Lock.File, Line: line.Line, Column: 1}
				return nil, diag.List{{Code: "locked-bytes", Pos: pos, Summary: url + " has other bytes now than when it was locked",
					Detail: "locked: sha256:" + sum + "\nnow:    sha256:" + r.SHA256, Suggestion: "if that is right: forge lock --update " + name}}.Err()
			}
			list = append(list, r)
		}
	}
	return list, nil
}

func (p *solving) lockDir() string { return filepath.Dir(p.req.LockFile) }

// lockSection is the section of this action: of its title, else the only one of its name, so that a new
// build number or version keeps what was locked.
func (p *solving) lockSection() *LockSection {
	if p.tools.Lock == nil {
		return nil
	}
	title := p.self.title()
	if s := p.tools.Lock.Sections[title]; s != nil {
		return s
	}
	return p.tools.Lock.only(packageOf(title))
}

// only is the section of a package of which there is no other.
func (l *Lock) only(name string) *LockSection {
	if list := l.byPackage[name]; len(list) == 1 {
		return list[0]
	}
	return nil
}
