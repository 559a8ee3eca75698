package conda

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"forge/packages"
)

// windows reports whether the prefix is one of Windows: C:\…
func (u *unpacker) windows() bool { return len(u.prefix) > 2 && u.prefix[1] == ':' }

// written is the prefix as it is put into texts: with slashes, which mean the same in every language
// (conda's update_prefix).
func (u *unpacker) written() string {
	if u.windows() {
		return strings.ReplaceAll(u.prefix, `\`, "/")
	}
	return u.prefix
}

// windowsPlace is where a path of a noarch python package goes (CEP 20).
func windowsPlace(p string) string {
	if rest, ok := strings.CutPrefix(p, "site-packages/"); ok {
		return "Lib/site-packages/" + rest
	}
	if rest, ok := strings.CutPrefix(p, "python-scripts/"); ok {
		return "Scripts/" + rest
	}
	return p
}

func (u *unpacker) windowsEntry(e packages.EntryPoint) error {
	files := e.WindowsFiles()
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if err := u.file(path, true, u.newest, bytes.NewReader(files[path])); err != nil {
			return err
		}
	}
	return nil
}
