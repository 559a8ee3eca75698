package resolver

import (
	"cmp"
	"slices"
	"strings"

	"forge/packages"
)

// ordering sorts the candidates of a name and leaves out those that the problem excludes.
type ordering struct {
	problem  *Problem
	channels map[string]int
	favored  map[*packages.Record]bool
	extra    map[string][]*packages.Record // favoured and locked records by name
	locked   map[string]*packages.Record
	pinned   map[string]string // channel that a wanted spec names, by package
}

func newOrdering(p *Problem) *ordering {
	o := &ordering{problem: p, channels: map[string]int{}, favored: map[*packages.Record]bool{},
		extra: map[string][]*packages.Record{}, locked: map[string]*packages.Record{}, pinned: map[string]string{}}
	for i, ch := range p.Channels {
		if _, ok := o.channels[sameChannel(ch)]; !ok {
			o.channels[sameChannel(ch)] = i
		}
	}
	for _, r := range p.Favored {
		o.extra[r.Name] = append(o.extra[r.Name], r)
	}
	for _, r := range p.Locked {
		o.locked[r.Name] = r
	}
	return o
}

// candidates returns the records in order of preference, most preferred first.
func (o *ordering) candidates(name string, records []*packages.Record) ([]candidate, []hidden) {
	var out []hidden
	if r := o.locked[name]; r != nil {
		v, err := packages.ParseVersion(r.Version)
		if err != nil {
			return nil, []hidden{{r, err.Error()}}
		}
		for _, other := range records {
			if !sameRecord(r, other) {
				out = append(out, hidden{other, "locked to " + r.String()})
			}
		}
		return []candidate{{record: r, version: v}}, out
	}
	records, out = o.visible(name, records)
	list := make([]candidate, 0, len(records))
	versions := map[string]packages.Version{}
	for _, r := range records {
		v, ok := versions[r.Version]
		if !ok {
			var err error
			if v, err = packages.ParseVersion(r.Version); err != nil {
				out = append(out, hidden{r, err.Error()})
				continue
			}
			versions[r.Version] = v
		}
		list = append(list, candidate{record: r, version: v})
	}
	slices.SortStableFunc(list, o.compare)
	for i := 1; i < len(list); i++ {
		list[i].group = list[i-1].group
		if o.prefer(&list[i-1], &list[i]) != 0 {
			list[i].group++
		}
	}
	return list, out
}

// visible applies channel priority, the bound on time and favoured records.
func (o *ordering) visible(name string, records []*packages.Record) (in []*packages.Record, out []hidden) {
	first := o.firstChannel(name, records)
	for _, r := range o.extra[name] {
		for _, other := range records {
			if sameRecord(r, other) {
				r = other
			}
		}
		o.favored[r] = true
		if !slices.Contains(records, r) {
			records = append(records[:len(records):len(records)], r)
		}
	}
	for _, r := range records {
		switch {
		case o.favored[r]:
			in = append(in, r)
		case o.problem.ExcludeNewer > 0 && r.Timestamp > o.problem.ExcludeNewer:
			out = append(out, hidden{r, "newer than the bound on time"})
		case o.problem.Priority == Strict && o.behind(r, first):
			out = append(out, hidden{r, "from channel " + r.Channel + ", which comes behind another that has " + name})
		default:
			in = append(in, r)
		}
	}
	return in, out
}

// firstChannel is a record of the channel that has the name and comes first, among those that a wanted
// spec names if it does.
func (o *ordering) firstChannel(name string, records []*packages.Record) (first *packages.Record) {
	for _, r := range records {
		pin := o.pinned[name]
		if (pin == "" || o.isPinned(pin, r)) && (first == nil || o.behind(first, r)) {
			first = r
		}
	}
	return first
}

// behind reports whether a's channel comes behind b's; those that the problem does not list come last,
// in the order of their names.
func (o *ordering) behind(a, b *packages.Record) bool {
	if b == nil {
		return false
	}
	return cmp.Or(cmp.Compare(o.rank(a), o.rank(b)), strings.Compare(sameChannel(a.Channel), sameChannel(b.Channel))) > 0
}

func (o *ordering) isPinned(channel string, r *packages.Record) bool {
	m := packages.MatchSpec{Name: r.Name, Channel: channel}
	return m.Matches(r)
}

func sameRecord(a, b *packages.Record) bool {
	return a == b || a.Name == b.Name && a.Version == b.Version && a.Build == b.Build && a.Channel == b.Channel && a.Subdir == b.Subdir
}

// rank is the place of the record's channel; channels that the problem does not list come last.
func (o *ordering) rank(r *packages.Record) int {
	if i, ok := o.channels[sameChannel(r.Channel)]; ok {
		return i
	}
	return len(o.problem.Channels)
}

// sameChannel writes the ways to name a channel in one.
func sameChannel(channel string) string {
	return strings.TrimRight(strings.TrimPrefix(channel, "file://"), "/")
}

// prefer orders by what users can state: favoured, channel, newest version, build number, fewest
// tracked features.
func (o *ordering) prefer(a, b *candidate) int {
	if c := compareBool(o.favored[b.record], o.favored[a.record]); c != 0 {
		return c
	}
	if o.problem.Priority != Disabled {
		if c := cmp.Compare(o.rank(a.record), o.rank(b.record)); c != 0 {
			return c
		}
	}
	return cmp.Or(b.version.Compare(a.version), cmp.Compare(b.record.BuildNumber, a.record.BuildNumber),
		cmp.Compare(features(a.record), features(b.record)))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// compare is prefer with ties broken by time, channel and name, so that the order is total.
func (o *ordering) compare(a, b candidate) int {
	return cmp.Or(o.prefer(&a, &b), cmp.Compare(b.record.Timestamp, a.record.Timestamp),
		cmp.Compare(o.rank(a.record), o.rank(b.record)), cmp.Compare(a.record.Channel, b.record.Channel),
		cmp.Compare(a.record.Build, b.record.Build), cmp.Compare(a.record.Subdir, b.record.Subdir),
		cmp.Compare(a.record.FileName, b.record.FileName), cmp.Compare(a.record.SHA256, b.record.SHA256))
}

func features(r *packages.Record) int {
	if r.TrackFeatures == "" {
		return 0
	}
	return len(strings.FieldsFunc(r.TrackFeatures, func(c rune) bool { return c == ' ' || c == ',' }))
}
