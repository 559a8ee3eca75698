package toolchain

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// debian is one installed package of dpkg's status file (deb-control(5)).
type debian struct {
	name, version, arch string
	depends             [][]string // clauses of alternatives: Pre-Depends, then Depends
	provides            []string   // virtual names
}

// dpkg is the package database of a Debian host.
type dpkg struct {
	root      string              // "/" but in tests
	installed map[string]*debian  // by name; of an architecture that is not dpkg's own by name:arch, too
	foreign   []*debian           // further architectures of those
	provides  map[string][]string // virtual name → installed packages, sorted
	looked    *looked
	specs     map[string][]written // of compilers, by their folder, see specsBeside
}

// dpkgStatus is dpkg's list of packages.
const dpkgStatus = "var/lib/dpkg/status"

// readDpkg reads var/lib/dpkg/status below root. The error is fs.ErrNotExist where the host has no dpkg.
func readDpkg(root string) (*dpkg, error) {
	f, err := os.Open(filepath.Join(root, dpkgStatus))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	db := newDpkg(root)
	if err := db.parse(f); err != nil {
		return nil, fmt.Errorf("read dpkg's status: %w", err)
	}
	return db, nil
}

func newDpkg(root string) *dpkg {
	return &dpkg{root: root, installed: map[string]*debian{}, provides: map[string][]string{}, specs: map[string][]written{}}
}

// parse reads stanzas; packages that are not installed are left out.
func (db *dpkg) parse(r io.Reader) error {
	fields := map[string]string{}
	flush := func() {
		db.add(fields)
		clear(fields)
	}
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 64<<10), 16<<20)
	for sc.Scan() {
		line := sc.Text()
		if line == "" {
			flush()
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			continue // continuation: only of fields that are not read here
		}
		key, value, ok := strings.Cut(line, ":")
		if ok && wanted(key) {
			fields[key] = strings.TrimSpace(value)
		}
	}
	flush()
	db.settle()
	return sc.Err()
}

// settle picks, of a package that is installed for several architectures, the one of dpkg itself.
func (db *dpkg) settle() {
	if own := db.installed["dpkg"]; own != nil {
		for _, p := range db.foreign {
			if p.arch == own.arch {
				p, db.installed[p.name] = db.installed[p.name], p
			}
			db.installed[p.name+":"+p.arch] = p
		}
		for name, p := range db.installed { // only there for another machine
			if p.arch != own.arch && p.arch != "all" && !strings.Contains(name, ":") {
				db.installed[name+":"+p.arch] = p
			}
		}
	}
	for _, p := range db.installed {
		for _, virtual := range p.provides {
			db.provides[virtual] = append(db.provides[virtual], p.name)
		}
	}
	for virtual, names := range db.provides {
		slices.Sort(names)
		db.provides[virtual] = slices.Compact(names)
	}
}

func wanted(key string) bool {
	switch key {
	case "Package", "Status", "Version", "Architecture", "Depends", "Pre-Depends", "Provides":
		return true
	}
	return false
}

func (db *dpkg) add(f map[string]string) {
	name := f["Package"]
	if name == "" || !strings.HasSuffix(f["Status"], " installed") {
		return
	}
	p := &debian{name: name, version: f["Version"], arch: f["Architecture"]}
	p.depends = append(clauses(f["Pre-Depends"]), clauses(f["Depends"])...)
	for _, c := range clauses(f["Provides"]) {
		p.provides = append(p.provides, c[0])
	}
	if old := db.installed[name]; old != nil {
		if old.arch > p.arch { // without dpkg's own word: one of them, always the same
			old, p = p, old
		}
		db.installed[name] = old
		db.foreign = append(db.foreign, p)
		return
	}
	db.installed[name] = p
}

// clauses reads a dependency field: "a (>= 1), b:any | c" → {{a} {b c}}. dpkg has checked versions.
func clauses(field string) [][]string {
	var all [][]string
	for clause := range strings.SplitSeq(field, ",") {
		var names []string
		for alt := range strings.SplitSeq(clause, "|") {
			alt, _, _ = strings.Cut(strings.TrimSpace(alt), " ")
			alt, _, _ = strings.Cut(alt, "(")
			alt, _, _ = strings.Cut(alt, ":")
			if alt != "" {
				names = append(names, alt)
			}
		}
		if len(names) > 0 {
			all = append(all, names)
		}
	}
	return all
}

// closure returns the installed packages that roots need, roots included, sorted by name.
// A root that is not installed is left out.
func (db *dpkg) closure(roots []string) []*debian {
	seen := map[string]bool{}
	var all []*debian
	var visit func(name string)
	visit = func(name string) {
		p := db.installed[name]
		if p == nil || seen[name] {
			return
		}
		seen[name] = true
		all = append(all, p)
		for _, clause := range p.depends {
			if dep := db.choose(clause); dep != "" && followed(dep) {
				visit(dep)
			}
		}
	}
	for _, r := range roots {
		visit(r)
	}
	slices.SortFunc(all, func(a, b *debian) int { return strings.Compare(a.name, b.name) })
	return all
}

// choose picks the first installed alternative of a clause.
func (db *dpkg) choose(clause []string) string {
	for _, name := range clause {
		if db.installed[name] != nil {
			return name
		}
		if by := db.provides[name]; len(by) > 0 {
			return by[0]
		}
	}
	return ""
}

// followed reports whether a dependency becomes part of an external. Left out are what only serves
// installation, what is ours to build, and every -dev package but those of the C library, the
// compiler's own runtime: a recipe that wants a library names it.
func followed(name string) bool {
	switch name {
	case "base-files", "debconf", "dpkg", "install-info", "ca-certificates", "adduser", "passwd", "init-system-helpers",
		"ucf", "sensible-utils", "dpkg-dev", "perl-openssl-defaults", "tzdata":
		return false
	case "libc6-dev", "linux-libc-dev", "libcrypt-dev", "autotools-dev": // the last holds automake's config.guess
		return true
	}
	switch {
	case strings.HasPrefix(name, "python"), strings.HasPrefix(name, "libpython"), strings.HasPrefix(name, "debconf-"):
		return false
	case strings.HasSuffix(name, "-dev"):
		for _, own := range []string{"libgcc-", "libstdc++-", "libgfortran-", "libstd-rust", "libobjc-", "libclang-common-", "libclang-rt-"} {
			if strings.HasPrefix(name, own) {
				return true
			}
		}
		return false
	}
	return true
}

// files returns the absolute paths, below root, of a package's list file; folders are among them.
func (db *dpkg) files(p *debian) ([]string, error) {
	path := filepath.Join(db.root, "var/lib/dpkg/info", p.name+".list")
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		db.looked.note(path, false)
		path = filepath.Join(db.root, "var/lib/dpkg/info", p.name+":"+p.arch+".list")
		b, err = os.ReadFile(path)
	}
	db.looked.note(path, err == nil)
	if err != nil {
		return nil, fmt.Errorf("list the files of the host package %s: %w", p.name, err)
	}
	return strings.Split(strings.TrimRight(string(b), "\n"), "\n"), nil
}

// upstream returns the upstream part of a Debian version as conda would write it:
// 4:12.2.0-3+deb12u1 → 12.2.0.
func upstream(version string) string {
	if _, rest, ok := strings.Cut(version, ":"); ok {
		version = rest
	}
	end := strings.IndexFunc(version, func(r rune) bool {
		return !(r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z')
	})
	if end >= 0 {
		version = version[:end]
	}
	for _, tail := range []string{".dfsg", ".ds"} {
		version, _, _ = strings.Cut(version, tail)
	}
	return version
}
