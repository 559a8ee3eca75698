package packages

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"forge/digest"
)

// symlink fills f for the link at p. An absolute target inside the prefix becomes relative.
func (c *collector) symlink(f *File, p string) error {
	text, err := c.dir.Readlink(filepath.FromSlash(p))
	if err != nil {
		return err
	}
	target := filepath.ToSlash(text)
	if strings.ContainsFunc(target, unprintable) {
		return fmt.Errorf("the link's target %q has a control character", target)
	}
	if inside, ok := c.inPrefix(target); ok {
		target = relativeTo(path.Dir(p), inside)
	}
	if path.IsAbs(target) || leaves(path.Dir(p), target) {
		return fmt.Errorf("the link leads out of the prefix, to %q; make it relative, or remove it in the build script", text)
	}
	*f = File{Path: f.Path, Kind: digest.Symlink, Target: target, Size: int64(len(target)), Sum: digest.Of(nil)}
	if f.Path != p && !strings.HasPrefix(f.Path, "site-packages/") && strings.Contains(target, "/") {
		c.warnings = append(c.warnings, fmt.Sprintf("%q: the link to %q was moved with its folder and may lead nowhere", f.Path, target))
	}
	real, info, err := c.follow(p)
	if errors.Is(err, errOutside) {
		return fmt.Errorf("the link to %q leads out of the prefix by way of other links", text)
	}
	if err != nil {
		c.warnings = append(c.warnings, fmt.Sprintf("%q: the link to %q leads nowhere", p, target))
		return nil
	}
	if info.Mode().IsRegular() {
		s, err := c.scan(real)
		if err != nil {
			return err
		}
		f.Sum = s.sum
	}
	return nil
}

// inPrefix returns the part of an absolute path below the prefix, by either of its names.
func (c *collector) inPrefix(target string) (string, bool) {
	for _, base := range []string{c.prefix, filepath.ToSlash(c.root)} {
		if target == base {
			return ".", true
		}
		if rest, ok := strings.CutPrefix(target, base+"/"); ok && base != "" {
			clean := path.Clean(rest)
			return clean, clean != ".." && !strings.HasPrefix(clean, "../")
		}
	}
	return "", false
}

// relativeTo is the way from the folder dir to the path to, both relative to one root.
func relativeTo(dir, to string) string {
	from, want := parts(dir), parts(to)
	for len(from) > 0 && len(want) > 0 && from[0] == want[0] {
		from, want = from[1:], want[1:]
	}
	out := strings.TrimSuffix(strings.Repeat("../", len(from))+strings.Join(want, "/"), "/")
	if out == "" {
		return "."
	}
	return out
}

func parts(p string) []string {
	if p == "." || p == "" {
		return nil
	}
	return strings.Split(p, "/")
}

func leaves(dir, target string) bool {
	at := path.Join(dir, target)
	return at == ".." || strings.HasPrefix(at, "../")
}

var (
	errNowhere = errors.New("leads nowhere")
	errOutside = errors.New("leads out of the prefix")
)

// follow resolves links inside the prefix, absolute ones by either of its names, and never outside.
func (c *collector) follow(p string) (string, fs.FileInfo, error) {
	done, todo := []string(nil), parts(p)
	var info fs.FileInfo
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		if part == "" || part == "." {
			continue
		}
		if part == ".." {
			if len(done) == 0 {
				return "", nil, errOutside
			}
			done = done[:len(done)-1]
			continue
		}
		at := strings.Join(append(done[:len(done):len(done)], part), "/")
		var err error
		if info, err = c.dir.Lstat(filepath.FromSlash(at)); err != nil {
			return "", nil, err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			done = append(done[:len(done):len(done)], part)
			continue
		}
		if links++; links > 40 {
			return "", nil, errNowhere
		}
		text, err := c.dir.Readlink(filepath.FromSlash(at))
		if err != nil {
			return "", nil, err
		}
		target := filepath.ToSlash(text)
		if inside, ok := c.inPrefix(target); ok {
			done, target = nil, inside
		} else if path.IsAbs(target) {
			return "", nil, errOutside
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	real := strings.Join(done, "/")
	if real == "" {
		real = "."
	}
	info, err := c.dir.Lstat(filepath.FromSlash(real))
	return real, info, err
}
