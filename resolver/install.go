package resolver

import (
	"slices"
	"strings"

	"forge/packages"
)

// InstallOrder sorts records so that each comes behind those it depends on. Cycles are cut at the
// record whose name comes first; the order depends on the records alone.
func InstallOrder(records []*packages.Record) []*packages.Record {
	sorted := slices.Clone(records)
	slices.SortFunc(sorted, func(a, b *packages.Record) int {
		return strings.Compare(a.Name+"\x00"+a.String(), b.Name+"\x00"+b.String())
	})
	byName := make(map[string]int, len(sorted))
	for i, r := range sorted {
		byName[r.Name] = i
	}
	w := &walk{records: sorted, byName: byName, state: make([]byte, len(sorted))}
	for i := range sorted {
		w.visit(i)
	}
	return w.out
}

// walk is a depth-first search in the order of names.
type walk struct {
	records []*packages.Record
	byName  map[string]int
	state   []byte // 0 new, 1 on the way, 2 done
	out     []*packages.Record
}

func (w *walk) visit(i int) {
	if w.state[i] != 0 {
		return
	}
	w.state[i] = 1
	for _, dep := range dependencyNames(w.records[i]) {
		if j, ok := w.byName[dep]; ok {
			w.visit(j)
		}
	}
	w.state[i] = 2
	w.out = append(w.out, w.records[i])
}

// dependencyNames lists the names a record depends on, sorted.
func dependencyNames(r *packages.Record) []string {
	names := make([]string, 0, len(r.Depends))
	for _, d := range r.Depends {
		name, _, _ := strings.Cut(strings.TrimSpace(d), " ")
		if strings.ContainsAny(name, "=<>!~[:") {
			m, err := packages.ParseMatchSpec(d)
			if err != nil {
				continue
			}
			name = m.Name
		}
		names = append(names, strings.ToLower(name))
	}
	slices.Sort(names)
	return slices.Compact(names)
}
