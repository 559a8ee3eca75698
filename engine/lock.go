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

// LockLine is one record of one environment, or what the package runs with.
type LockLine struct {
	Environment string // "build", "host", "test", or "run" for a match spec
	Text        string // "output NAME VERSION BUILD", "external NAME VERSION", "URL sha256:HEX", or a match spec
	Name        string // of the package; empty for a match spec
	URL, SHA256 string // of a channel's record; below the workspace the URL is a relative path
	Pos         diag.Pos
}

// String is the line as it stands in the file.
func (l LockLine) String() string { return l.Environment + " " + l.Text }

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
	for _, a := range g.Actions {
		s := l.Sections[a.title()]
		if s == nil {
			s = &LockSection{Title: a.title()}
			l.Sections[s.Title] = s
		}
		s.add("build", dir, a.Build.Records)
		s.add("host", dir, a.Host.Records)
		for _, plan := range a.Test {
			for _, env := range []Environment{plan.Run, plan.Build} {
				s.add("test", dir, slices.DeleteFunc(slices.Clone(env.Records), func(r *packages.Record) bool { return r == &a.Record }))
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

func (s *LockSection) add(environment, dir string, records []*packages.Record) {
	for _, r := range records {
		l := LockLine{Environment: environment, Name: r.Name}
		switch r.Channel {
		case packages.ChannelPlanned:
			l.Text = "output " + r.Name + " " + r.Version + " " + r.Build
		case packages.ChannelExternal:
			l.Text = "external " + r.Name + " " + r.Version
		default:
			l.URL, l.SHA256 = lockURL(r, dir), r.SHA256
			l.Text = l.URL + " sha256:" + r.SHA256
		}
		s.Lines = append(s.Lines, l)
	}
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

// Forget drops the channel records of those packages, so that they are solved anew. A name that the lock
// does not hold is an error.
func (l *Lock) Forget(names []string) error {
	held := map[string]bool{}
	for _, s := range l.Sections {
		for _, line := range s.Lines {
			if line.URL != "" {
				held[line.Name] = true
			}
		}
	}
	for _, name := range names {
		if !held[name] {
			err := fmt.Errorf("--update %s: forge.lock holds no package of a channel that is called that", name)
			if near := diag.Nearest(name, sortedKeys(held)); near != "" {
				err = fmt.Errorf("%w; did you mean %q?", err, near)
			}
			return err
		}
	}
	for _, s := range l.Sections {
		s.Lines = slices.DeleteFunc(s.Lines, func(line LockLine) bool { return line.URL != "" && slices.Contains(names, line.Name) })
	}
	return nil
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
		if line.Environment != environment || line.URL == "" || len(p.from.planned[line.Name]) > 0 && !p.self.apart[line.Name] {
			continue
		}
		records, err := p.from.of(line.Name)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if r.Channel == packages.ChannelExternal || r.Channel == packages.ChannelPlanned || lockURL(r, p.lockDir()) != line.URL {
				continue
			}
			if r.SHA256 != line.SHA256 {
				return nil, diag.List{{Code: "locked-bytes", Pos: line.Pos, Summary: fmt.Sprintf("%s has other bytes now than when it was locked", line.URL),
					Detail: "locked: sha256:" + line.SHA256 + "\nnow:    sha256:" + r.SHA256, Suggestion: "if that is right: forge lock --update " + line.Name}}.Err()
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
