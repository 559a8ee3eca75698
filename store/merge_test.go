package store

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/digest"
)

func TestMerge(t *testing.T) {
	tree := func(paths string) (list []digest.Entry) {
		for _, p := range strings.Fields(paths) {
			list = append(list, digest.Entry{Path: p, Kind: digest.Symlink, Target: strings.ToUpper(p)})
		}
		return list
	}
	for _, c := range []struct {
		trees []string
		want  string
	}{
		{nil, ""}, {[]string{""}, ""}, {[]string{"a b"}, "a b"}, {[]string{"b a", "c"}, "a b c"}, {[]string{"b d", "a b c d e", "", "z b"}, "a b c d e z"},
	} {
		var trees [][]digest.Entry
		for _, p := range c.trees {
			trees = append(trees, tree(p))
		}
		got, err := Merge(trees...)
		var names []string
		for _, e := range got {
			names = append(names, e.Path)
		}
		if d := cmp.Diff(c.want, strings.Join(names, " ")); err != nil || d != "" {
			t.Errorf("%q: %v %s", c.trees, err, d)
		}
	}
	other := tree("b")
	other[0].Target = "another"
	if _, err := Merge(tree("a b"), tree("c"), other); err == nil || !strings.Contains(err.Error(), "b: two trees hold it") {
		t.Errorf("other content under one name: %v", err)
	}
}
