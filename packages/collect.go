package packages

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"forge/digest"

	"golang.org/x/text/unicode/norm"
)

// CollectOptions say how a staged prefix becomes a payload. The zero value packs every file.
type CollectOptions struct {
	Prefix      PrefixOptions
	NoArch      string   // "", "generic" or "python"
	EntryPoints []string // "name = module:function"; noarch python leaves out the scripts of their names
	NoLink      []string // globs: recorded as no_link
	KeepLibtool bool     // keep *.la
	// OneCase refuses two paths that are one on a file system that ignores case or normalisation. It is
	// what packages for Windows and macOS need; noarch ones only get a warning.
	OneCase bool
	// Windows refuses names that Windows does not have, and marks no prefix in binary files: no client
	// replaces it in those.
	Windows bool
	// Inspect, where set, is given once the content of each regular file of the payload that begins as a
	// program, library or script does (ELF, Mach-O, PE, #!), and returns what has become the file's content. Calls come
	// from several goroutines at a time, and data is not the callee's to keep.
	Inspect func(p string, data []byte) ([]byte, error)
	// Placeholder stands for the prefix in texts, in place of a build folder that is another every time.
	// Empty where prefix itself is the placeholder.
	Placeholder string
}

// PrefixOptions steer the search for the placeholder (v1 build.prefix_detection). Lists are globs.
type PrefixOptions struct {
	ForceText, ForceBinary, Ignore []string
	IgnoreBinary                   bool
}

// Collect turns the new paths of a staged prefix into a payload, sorted as packages are. root is the
// prefix's folder on this machine, prefix what the build called it (the placeholder), paths are
// relative to it and slash separated; folders among them are dropped, their content is not implied.
//
// As rattler-build does: *.pyo, *.la, .DS_Store, .git* and share/info/dir are dropped, absolute links
// into the prefix become relative, hard links separate files, modes 644 or 755; noarch python moves
// lib/pythonX.Y to the top, bin to python-scripts and drops byte code. A link that leaves the prefix,
// a name with control characters or a backslash, what lies in conda-meta, a sparse file of a gigabyte and anything
// but a file or link is an error; all such errors are reported together. Every file is read once.
func Collect(root, prefix string, paths []string, opts CollectOptions) ([]File, []string, error) {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, nil, fmt.Errorf("collect the package's files: %w", err)
	}
	defer dir.Close()
	c := &collector{dir: dir, root: root, prefix: strings.TrimRight(prefix, "/"), opts: opts, others: map[string]*seen{}}
	c.finder = newFinder(c.prefix)
	c.paths = slices.Compact(slices.Sorted(slices.Values(paths)))
	c.ahead = make([]seen, len(c.paths))
	c.files = make([]File, 0, len(c.paths))
	c.readAhead()
	for i, p := range c.paths {
		if err := c.add(p, &c.ahead[i]); err != nil {
			c.errs = append(c.errs, fmt.Errorf("collect %q: %w", p, err))
		}
	}
	c.sortAndCompare()
	return c.files, c.warnings, errors.Join(c.errs...)
}

type collector struct {
	dir          *os.Root
	root, prefix string
	opts         CollectOptions
	finder       *finder          // of the prefix
	paths        []string         // sorted
	ahead        []seen           // what is at each of paths
	others       map[string]*seen // what links lead to and is none of paths, by real path
	files        []File
	warnings     []string
	errs         []error
}

func (c *collector) add(p string, s *seen) error {
	if err := CheckPath(p); err != nil {
		return err
	}
	if c.dropped(p) {
		return nil
	}
	if strings.HasPrefix(p, "conda-meta/") {
		return errors.New("a package brings nothing for conda-meta: what lies there tells clients what is installed; remove the file in the build script")
	}
	if c.opts.Windows {
		if err := c.windowsPath(p); err != nil {
			return err
		}
	} else if c.opts.NoArch != "" {
		if err := CheckWindowsName(p); err != nil {
			c.warnings = append(c.warnings, fmt.Sprintf("%q: the package is noarch, and on Windows it cannot be installed: %v", p, err))
		}
	}
	f := File{Path: p, Source: filepath.Join(c.root, filepath.FromSlash(p))}
	if c.opts.NoArch == "python" {
		to, keep := noarchPath(p, c.opts.EntryPoints)
		if !keep {
			return nil
		}
		f.Path = to
	}
	if taken, err := c.fill(&f, p, s); err != nil || !taken {
		return err
	}
	f.NoLink = matchAny(c.opts.NoLink, p)
	c.files = append(c.files, f)
	return nil
}

// fill makes f what is at p. A folder is not taken.
func (c *collector) fill(f *File, p string, s *seen) (taken bool, err error) {
	if s.regular {
		return true, c.regular(f, p, s.exec)
	}
	info, err := c.dir.Lstat(filepath.FromSlash(p))
	if err != nil {
		return false, err
	}
	switch {
	case info.IsDir():
		return false, nil
	case info.Mode().IsRegular():
		return true, c.regular(f, p, executable(info))
	case info.Mode()&fs.ModeSymlink != 0:
		return true, c.symlink(f, p)
	}
	return false, fmt.Errorf("is %s; a package holds only files and links", digest.SpecialName(info.Mode().Type()))
}

// executable reports whether the owner may run the file.
func executable(info fs.FileInfo) bool { return info.Mode()&0o100 != 0 }

// CheckPath says what is wrong with a path of a payload: it must be relative, clean, UTF-8, and free of
// backslashes, of control characters and of such as change the direction of text.
func CheckPath(p string) error {
	switch {
	case p == "" || p == "." || path.Clean(p) != p || path.IsAbs(p) || p == ".." || strings.HasPrefix(p, "../"):
		return fmt.Errorf("the path %q does not stay in the prefix", p)
	case !utf8.ValidString(p):
		return errors.New("the name is not UTF-8; rename the file in the build script")
	case strings.Contains(p, `\`):
		return errors.New("the name has a backslash, which no conda client can install; rename the file in the build script")
	case strings.ContainsFunc(p, unprintable):
		return fmt.Errorf("the name %q has a control character; rename the file in the build script", p)
	}
	return nil
}

func unprintable(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x2028 || r == 0x2029 ||
		r == 0x200e || r == 0x200f || r == 0x061c
}

// dropped tells what never belongs into a package.
func (c *collector) dropped(p string) bool {
	if p == "share/info/dir" {
		return true // the index of all info pages: every package would clobber it
	}
	if distInfoFile(p) == "direct_url.json" && c.fromWorkFolder(p) {
		return true
	}
	for _, part := range strings.Split(p, "/") {
		if part == ".DS_Store" || strings.HasPrefix(part, ".git") {
			return true
		}
	}
	switch path.Ext(p) {
	case ".pyo":
		return true
	case ".la":
		return !c.opts.KeepLibtool
	}
	return false
}

func (c *collector) regular(f *File, p string, exec bool) error {
	f.Kind = digest.File
	if exec {
		f.Kind = digest.Exec
	}
	if isInstaller(p) {
		f.setData([]byte("conda\n"))
		return nil
	}
	s, err := c.scan(p)
	if err != nil {
		return err
	}
	if text, ok, err := c.rewritten(f, p); err != nil {
		return err
	} else if ok {
		f.setData(text)
		s = scanBytes(text, c.prefix)
	}
	if s.native && c.opts.NoArch != "" {
		c.warnings = append(c.warnings, fmt.Sprintf("%q is made for one platform, and the package is noarch", p))
	}
	if text, ok, err := c.spelled(p, s); err != nil {
		return err
	} else if ok {
		f.setData(text)
		f.FileMode, f.Prefix = Text, c.opts.Placeholder
		return nil
	}
	f.Sum, f.Size = s.sum, s.size
	f.FileMode = c.mode(p, s)
	if f.FileMode != NoPrefix {
		f.Prefix = c.prefix
	}
	if f.FileMode == Binary && s.golang {
		// A replaced prefix is filled up with NULs; Go's strings have a length and no NUL, and lie close.
		c.warnings = append(c.warnings, fmt.Sprintf("%q: the Go program holds the prefix, which no client can replace in it; build with -trimpath, or find the prefix at run time", p))
	}
	return nil
}

func (f *File) setData(b []byte) {
	f.Source, f.Data, f.Sum, f.Size = "", b, digest.Of(b), int64(len(b))
}

func (c *collector) mode(p string, s scan) FileMode {
	// Byte code holds lengths before its strings: a replaced prefix would break it. conda-build leaves it
	// alone, too; Python reads the source instead where the source was changed.
	if strings.HasSuffix(p, ".pyc") {
		return NoPrefix
	}
	o := c.opts.Prefix
	if !s.prefix || matchAny(o.Ignore, p) {
		return NoPrefix
	}
	mode := Text
	if s.nul {
		mode = Binary
	}
	if matchAny(o.ForceText, p) {
		mode = Text
	} else if matchAny(o.ForceBinary, p) {
		mode = Binary
	}
	if mode == Binary && c.opts.Windows {
		c.warnings = append(c.warnings, fmt.Sprintf("%q holds the prefix of the build, which no client replaces in binary files on Windows; find the prefix at run time", p))
		return NoPrefix
	}
	if mode == Binary && o.IgnoreBinary {
		return NoPrefix
	}
	return mode
}

// sortAndCompare orders the payload and looks for paths that meet.
func (c *collector) sortAndCompare() {
	slices.SortFunc(c.files, func(a, b File) int { return cmp.Or(ComparePaths(a.Path, b.Path), cmp.Compare(a.Source, b.Source)) })
	folded := map[string]string{}
	for i, f := range c.files {
		if i > 0 && c.files[i-1].Path == f.Path {
			c.errs = append(c.errs, fmt.Errorf("collect %q: two files of the build come to this path in the package", f.Path))
			continue
		}
		fold := strings.ToLower(strings.ToUpper(norm.NFC.String(f.Path)))
		other, ok := folded[fold]
		folded[fold] = f.Path
		if !ok {
			continue
		}
		text := fmt.Sprintf("%q and %q differ only in case or normalisation: they are one file on Windows and macOS", other, f.Path)
		if c.opts.OneCase {
			c.errs = append(c.errs, errors.New(text))
		} else if c.opts.NoArch != "" {
			c.warnings = append(c.warnings, text)
		}
	}
}
