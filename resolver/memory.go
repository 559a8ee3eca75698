package resolver

import (
	"maps"
	"slices"

	"forge/packages"
)

// Memory is a provider over records in memory.
type Memory struct{ byName map[string][]*packages.Record }

// NewMemory returns a provider of the records.
func NewMemory(records ...*packages.Record) *Memory {
	m := &Memory{byName: map[string][]*packages.Record{}}
	for _, r := range records {
		m.byName[r.Name] = append(m.byName[r.Name], r)
	}
	return m
}

// Candidates returns the records of that name.
func (m *Memory) Candidates(name string) ([]*packages.Record, error) { return m.byName[name], nil }

// Names lists the names, sorted.
func (m *Memory) Names() []string { return slices.Sorted(maps.Keys(m.byName)) }
