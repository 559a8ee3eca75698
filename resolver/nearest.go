package resolver

import (
	"cmp"
	"slices"
	"strings"
)

// nearest returns up to three names that someone who wrote name may have meant, the likeliest first.
func nearest(name string, names []string) []string {
	type match struct {
		name     string
		distance int
	}
	if len(name) < 3 {
		return nil // everything short is near
	}
	limit := 1 + len(name)/6
	var found []match
	for _, other := range names {
		d := limit + 1
		switch {
		case other == name || other == "":
			continue
		case affixed(other, name) || affixed(name, other):
			d = min(limit, 2)
		case max(len(other)-len(name), len(name)-len(other)) <= limit:
			d = distance(name, other, limit)
		}
		if d <= limit {
			found = append(found, match{other, d})
		}
	}
	slices.SortFunc(found, func(a, b match) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(len(a.name), len(b.name)), strings.Compare(a.name, b.name))
	})
	var out []string
	for _, m := range found[:min(3, len(found))] {
		out = append(out, m.name)
	}
	return out
}

// affixed reports whether long is short with something common before or behind it.
func affixed(long, short string) bool {
	if len(short) < 3 {
		return false
	}
	for _, prefix := range []string{"lib", "py-", "python-", "r-", "perl-"} {
		if long == prefix+short {
			return true
		}
	}
	for _, suffix := range []string{"-dev", "-base", "-core", "-python", "lib", "-bin", "-tools"} {
		if long == short+suffix {
			return true
		}
	}
	return false
}

// distance is the number of insertions, deletions, replacements and swaps of neighbours between a and
// b, or more than limit.
func distance(a, b string, limit int) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := row[0]
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > limit {
			return limit + 1
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
