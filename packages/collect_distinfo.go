package packages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

var distInfo = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|/)site-packages/[^/]+\.dist-info/(INSTALLER|RECORD|direct_url\.json)$`)
})

// distInfoFile is the name of a file that pip writes about an installation and that a package must not have as
// pip wrote it, else "": INSTALLER, RECORD or direct_url.json.
func distInfoFile(p string) string {
	if !strings.Contains(p, ".dist-info/") {
		return ""
	}
	if m := distInfo().FindStringSubmatch(p); m != nil {
		return m[1]
	}
	return ""
}

// isInstaller finds what pip writes of itself; conda's clients want their own name there.
func isInstaller(p string) bool { return distInfoFile(p) == "INSTALLER" }

// fromWorkFolder tells whether p, a direct_url.json (PEP 610), says that the distribution came from a folder or
// file of the machine that built it. Whoever installs the package has no such folder, and the file must not be
// there for what was not asked for by a URL: pip freeze would print a requirement that nobody can meet.
func (c *collector) fromWorkFolder(p string) bool {
	b, err := c.small(p)
	var direct struct {
		URL string `json:"url"`
	}
	return err == nil && json.Unmarshal(b, &direct) == nil && strings.HasPrefix(direct.URL, "file:")
}

// small reads a regular file that is of a size that pip's own files have.
func (c *collector) small(p string) ([]byte, error) {
	info, err := c.dir.Lstat(filepath.FromSlash(p))
	if err != nil {
		return nil, err
	}
	if most := int64(64 << 20); !info.Mode().IsRegular() || info.Size() > most {
		return nil, fmt.Errorf("it is no file, or is larger than the %d bytes that such a one may have", most)
	}
	return c.dir.ReadFile(filepath.FromSlash(p))
}

// record returns the lines of p, a RECORD, without that of a direct_url.json that is left out; ok says that there
// is one.
func (c *collector) record(p string) (text []byte, ok bool, err error) {
	direct := path.Dir(p) + "/direct_url.json"
	if !c.fromWorkFolder(direct) {
		return nil, false, nil
	}
	b, err := c.small(p)
	if err != nil {
		return nil, false, err
	}
	line := []byte(path.Base(path.Dir(p)) + "/direct_url.json,")
	for _, l := range bytes.SplitAfter(b, []byte("\n")) {
		if bytes.HasPrefix(l, line) {
			ok = true
			continue
		}
		text = append(text, l...)
	}
	return text, ok, nil
}

// rewritten returns what a file is packaged with where that is not what the build left.
func (c *collector) rewritten(f *File, p string) (text []byte, ok bool, err error) {
	if distInfoFile(p) == "RECORD" {
		return c.record(p)
	}
	if c.opts.NoArch == "python" && strings.HasPrefix(f.Path, "python-scripts/") {
		return c.plainShebang(p)
	}
	return nil, false, nil
}
