package resolver

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"forge/packages"
	"forge/platforms"
)

// Recording is a provider that remembers what it was asked, so that a problem can be solved again
// without its channels. It is safe for concurrent use if the provider below is.
type Recording struct {
	Provider Provider

	mu    sync.Mutex
	asked map[string][]*packages.Record
}

// Candidates asks the provider below and remembers the answer.
func (r *Recording) Candidates(name string) ([]*packages.Record, error) {
	records, err := r.Provider.Candidates(name)
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.asked == nil {
			r.asked = map[string][]*packages.Record{}
		}
		r.asked[name] = records
	}
	return records, err
}

// Names asks the provider below.
func (r *Recording) Names() []string { return r.Provider.Names() }

// savedRecord is a record with what repodata.json says by its place.
type savedRecord struct {
	packages.Record
	FileName string `json:"fn,omitempty"`
	Channel  string `json:"channel,omitempty"`
	URL      string `json:"url,omitempty"`
}

func save(records []*packages.Record) []savedRecord {
	out := make([]savedRecord, len(records))
	for i, r := range records {
		out[i] = savedRecord{*r, r.FileName, r.Channel, r.URL}
	}
	return out
}

func restore(saved []savedRecord) []*packages.Record {
	var out []*packages.Record
	for _, s := range saved {
		r := s.Record
		r.FileName, r.Channel, r.URL = s.FileName, s.Channel, s.URL
		out = append(out, &r)
	}
	return out
}

// savedProblem is the file that Save writes.
type savedProblem struct {
	Format       int                        `json:"forge_problem"`
	Specs        []string                   `json:"specs"`
	Constraints  []string                   `json:"constraints,omitempty"`
	Virtual      []platforms.VirtualPackage `json:"virtual_packages"`
	Channels     []string                   `json:"channels"`
	Priority     ChannelPriority            `json:"channel_priority"`
	Favored      []savedRecord              `json:"favored,omitempty"`
	Locked       []savedRecord              `json:"locked,omitempty"`
	ExcludeNewer int64                      `json:"exclude_newer,omitempty"`
	Records      []savedRecord              `json:"records"`
}

// Save writes a problem with every record that was asked for while it was solved, as JSON; the bytes
// are a function of both.
func (r *Recording) Save(p Problem) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	doc := savedProblem{Format: 1, Specs: p.Specs, Constraints: p.Constraints, Virtual: p.Virtual, Channels: p.Channels,
		Priority: p.Priority, Favored: save(p.Favored), Locked: save(p.Locked), ExcludeNewer: p.ExcludeNewer}
	names := make([]string, 0, len(r.asked))
	for name := range r.asked {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		doc.Records = append(doc.Records, save(r.asked[name])...)
	}
	return json.MarshalIndent(doc, "", " ")
}

// Replay reads what Save wrote.
func Replay(data []byte) (*Memory, Problem, error) {
	var doc savedProblem
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, Problem{}, fmt.Errorf("saved problem: %w", err)
	}
	if doc.Format != 1 {
		return nil, Problem{}, fmt.Errorf("saved problem: format %d is not known; this version reads 1", doc.Format)
	}
	p := Problem{Specs: doc.Specs, Constraints: doc.Constraints, Virtual: doc.Virtual, Channels: doc.Channels,
		Priority: doc.Priority, Favored: restore(doc.Favored), Locked: restore(doc.Locked), ExcludeNewer: doc.ExcludeNewer}
	return NewMemory(restore(doc.Records)...), p, nil
}
