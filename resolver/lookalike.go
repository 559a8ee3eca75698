package resolver

import (
	"slices"

	"forge/packages"
)

// Lookalikes returns, for each of the records whose name the eye may take for another of the names, a
// line that names both. Names are compared as they look: 0 and o, 1 and l and i, rn and m, vv and w.
func Lookalikes(records []*packages.Record, names []string) []string {
	mine := map[string]string{}
	for _, r := range records {
		mine[string(skeleton(nil, r.Name))] = r.Name
	}
	var out []string
	var buf []byte
	for _, name := range names {
		buf = skeleton(buf[:0], name)
		if chosen, ok := mine[string(buf)]; ok && chosen != name {
			out = append(out, chosen+" looks like "+name+", which is another package")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// skeleton appends a name with letters that look alike made the same. A channel has hundreds of
// thousands of names, so nothing is allocated for one.
func skeleton(b []byte, name string) []byte {
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case c == '0':
			c = 'o'
		case c == '1', c == 'i':
			c = 'l'
		case c == 'r' && i+1 < len(name) && name[i+1] == 'n':
			c = 'm'
			i++
		case c == 'v' && i+1 < len(name) && name[i+1] == 'v':
			c = 'w'
			i++
		}
		b = append(b, c)
	}
	return b
}
