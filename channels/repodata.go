package channels

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"forge/packages"
)

// Repodata is one subdir of a channel, opened for reading: the names are indexed, the records of a name
// are read when they are asked for. It is safe for concurrent use. The caller closes it.
type Repodata struct {
	Channel string // as Record.Channel names it: an absolute folder or a URL, without a final "/"
	Subdir  string

	base   string // what file names are relative to
	index  *nameIndex
	text   io.ReaderAt // nil for an empty channel
	close  func() error
	shards *shards // of a server that has them; then there is no text

	mu    sync.Mutex
	cache map[string][]*packages.Record
	held  int // records in cache
}

// maxHeld bounds the decoded records that are kept for the next question.
const maxHeld = 24 << 10

// Close frees the file.
func (r *Repodata) Close() error {
	if r.close == nil {
		return nil
	}
	return r.close()
}

// Names lists the names of packages, sorted.
func (r *Repodata) Names() []string {
	if r.shards != nil {
		return r.shards.names()
	}
	if r.index == nil {
		return nil
	}
	return r.index.list()
}

// Candidates returns the records of a name in the order of the file. Where a build is there both as
// .tar.bz2 and as .conda, only the latter counts. Records must not be changed.
func (r *Repodata) Candidates(name string) ([]*packages.Record, error) {
	if r.shards != nil {
		records, err := r.shards.candidates(name, r)
		if err != nil {
			return nil, fmt.Errorf("repodata of %s/%s: %w", redact(r.Channel), r.Subdir, err)
		}
		return records, nil
	}
	if r.index == nil {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if records, ok := r.cache[name]; ok {
		return records, nil
	}
	records, err := r.read(name)
	if err != nil {
		return nil, fmt.Errorf("repodata of %s/%s: %w", r.Channel, r.Subdir, err)
	}
	if r.held += len(records); r.held > maxHeld || r.cache == nil {
		r.cache, r.held = map[string][]*packages.Record{}, len(records)
	}
	r.cache[name] = records
	return records, nil
}

// All reads every record.
func (r *Repodata) All() ([]*packages.Record, error) {
	var out []*packages.Record
	for _, name := range r.Names() {
		if r.shards != nil {
			records, err := r.Candidates(name)
			if err != nil {
				return nil, err
			}
			out = append(out, records...)
			continue
		}
		records, err := r.read(name)
		if err != nil {
			return nil, fmt.Errorf("repodata of %s/%s: %w", r.Channel, r.Subdir, err)
		}
		out = append(out, records...)
	}
	return out, nil
}

func (r *Repodata) read(name string) ([]*packages.Record, error) {
	entries := r.index.find(name)
	if len(entries) == 0 {
		return nil, nil
	}
	if len(entries) > maxCandidates {
		return nil, fmt.Errorf("%d records of %s; more than %d are refused", len(entries), name, maxCandidates)
	}
	out := make([]*packages.Record, 0, len(entries))
	for len(entries) > 0 {
		run := contiguous(entries)
		text, err := r.slice(entries[:run])
		if err != nil {
			return nil, err
		}
		for _, e := range entries[:run] {
			record, err := parseRecord(text[e.offset-entries[0].offset:][:e.length], e.keys.extension())
			if err != nil {
				return nil, err
			}
			if record.Name != name || !isFileName(record.FileName) {
				continue // a record that hides behind another package's file name is not offered, nor what is no file
			}
			r.complete(record)
			out = append(out, record)
		}
		entries = entries[run:]
	}
	return preferConda(out), nil
}

// isFileName reports whether a package's file may be called so: what a channel says becomes a part of
// addresses and paths.
func isFileName(name string) bool {
	return !strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f || strings.ContainsRune(`/\:`, c) })
}

// maxRun bounds the text that is read at once, in bytes.
const maxRun = 32 << 20

// contiguous counts the entries at the front that lie close together in the file.
func contiguous(entries []rawEntry) int {
	n := 1
	for n < len(entries) {
		end := entries[n-1].offset + uint64(entries[n-1].length)
		gap := entries[n].offset - end
		if entries[n].offset < end || gap > 64 || entries[n].offset+uint64(entries[n].length)-entries[0].offset > maxRun {
			break
		}
		n++
	}
	return n
}

// slice reads the text of a run of entries.
func (r *Repodata) slice(run []rawEntry) (string, error) {
	last := run[len(run)-1]
	buf := make([]byte, last.offset+uint64(last.length)-run[0].offset)
	n, err := r.text.ReadAt(buf, int64(run[0].offset))
	if n < len(buf) {
		return "", fmt.Errorf("the file was changed while it was read: %w", err)
	}
	return string(buf), nil
}

// complete sets what the channel knows of a record.
func (r *Repodata) complete(record *packages.Record) {
	record.Channel = r.Channel
	record.URL = r.base + "/" + record.FileName
	if record.Subdir == "" {
		record.Subdir = r.Subdir
	}
	if record.Build == "" {
		record.Build = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(record.FileName, record.Name+"-"+record.Version+"-"), ".conda"), ".tar.bz2")
	}
}

// preferConda drops a .tar.bz2 where the same build is there as .conda.
func preferConda(records []*packages.Record) []*packages.Record {
	conda := map[string]bool{}
	for _, r := range records {
		if stem, ok := strings.CutSuffix(r.FileName, ".conda"); ok {
			conda[stem] = true
		}
	}
	if len(conda) == 0 || len(conda) == len(records) {
		return records
	}
	return slices.DeleteFunc(records, func(r *packages.Record) bool {
		stem, ok := strings.CutSuffix(r.FileName, ".tar.bz2")
		return ok && conda[stem]
	})
}

// Provider offers the records of several subdirs as candidates; its order is that of the arguments.
type Provider struct{ parts []*Repodata }

// NewProvider returns a provider over repodata in order of priority. Problem.Channels still decides
// which channel comes first.
func NewProvider(parts ...*Repodata) *Provider { return &Provider{parts} }

// Candidates returns every record of that name.
func (p *Provider) Candidates(name string) ([]*packages.Record, error) {
	var out []*packages.Record
	for _, r := range p.parts {
		records, err := r.Candidates(name)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = records[:len(records):len(records)]
		} else {
			out = append(out, records...)
		}
	}
	return out, nil
}

// Names lists the names of all parts, sorted.
func (p *Provider) Names() []string {
	var out []string
	for _, r := range p.parts {
		out = union(out, r.Names())
	}
	return out
}

// union merges two sorted lists.
func union(a, b []string) []string {
	if len(a) == 0 || len(b) == 0 {
		return append(a, b...)
	}
	out := make([]string, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		c := strings.Compare(a[0], b[0])
		if c <= 0 {
			out, a = append(out, a[0]), a[1:]
		} else {
			out = append(out, b[0])
		}
		if c >= 0 {
			b = b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// Close closes all parts.
func (p *Provider) Close() error {
	var errs []error
	for _, r := range p.parts {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

// sortRecords sorts by file name.
func sortRecords(records []*packages.Record) {
	slices.SortFunc(records, func(a, b *packages.Record) int { return cmp.Compare(a.FileName, b.FileName) })
}
