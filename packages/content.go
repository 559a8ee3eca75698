package packages

import (
	"bytes"
	"fmt"
	"slices"

	"forge/digest"
)

// ContentDigest is over what a dependent can see of a package: its payload (path, kind, target, bytes,
// placeholder), how it is linked, depends, constrains and run_exports. Archive format, recipe, tests,
// licences, build number and timestamp are not in it, so a rebuild to the same content changes nobody.
// For a symlink only the target counts.
func ContentDigest(rec *Record, exports RunExports, files []File, link *NoArchLink) digest.Digest {
	var b bytes.Buffer
	fmt.Fprintf(&b, "forge content 1\nnoarch %q\n", rec.NoArch)
	entries := make([]digest.Entry, 0, len(files))
	sorted := slices.Clone(files)
	slices.SortFunc(sorted, func(x, y File) int { return ComparePaths(x.Path, y.Path) })
	for _, f := range sorted {
		e := digest.Entry{Path: f.Path, Kind: f.Kind, Target: f.Target}
		if f.Kind == digest.File || f.Kind == digest.Exec {
			e.Sum, e.Size = f.Sum, f.Size
		}
		entries = append(entries, e)
		if f.FileMode != NoPrefix {
			fmt.Fprintf(&b, "prefix %q %q %q\n", f.Path, f.FileMode, f.Prefix)
		}
	}
	fmt.Fprintf(&b, "tree %s\n", digest.Tree(entries).Hex())
	lists := []struct {
		name string
		list []string
	}{
		{"depends", rec.Depends}, {"constrains", rec.Constrains},
		{"weak", exports.Weak}, {"strong", exports.Strong}, {"noarch", exports.NoArch},
		{"weak_constrains", exports.WeakConstrains}, {"strong_constrains", exports.StrongConstrains},
	}
	if link != nil {
		lists = append(lists, struct {
			name string
			list []string
		}{"entry_point", link.EntryPoints})
	}
	for _, l := range lists {
		for _, s := range l.list {
			fmt.Fprintf(&b, "%s %q\n", l.name, s)
		}
	}
	return digest.Of(b.Bytes())
}

// ComparePaths orders paths component by component, as conda packages are: "a/x" before "a-1".
func ComparePaths(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x == '/' {
			return -1
		}
		if y == '/' {
			return 1
		}
		return int(x) - int(y)
	}
	return len(a) - len(b)
}
