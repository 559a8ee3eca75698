package resolver

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

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
		for _, way := range []string{ch, sameChannel(ch)} {
			if _, ok := o.channels[way]; !ok {
				o.channels[way] = i
			}
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
	list, bad := o.ranked(records)
	out = append(out, bad...)
	order := make([]int32, len(list))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return list[a].compare(&list[b]) })
	sorted := make([]candidate, len(list))
	for n, i := range order {
		sorted[n] = candidate{record: list[i].record, version: list[i].version}
		if n > 0 {
			sorted[n].group = sorted[n-1].group
			if list[order[n-1]].prefer(&list[i]) != 0 {
				sorted[n].group++
			}
		}
	}
	return sorted, out
}

// ranked is a record with what decides its place.
type ranked struct {
	record   *packages.Record
	version  packages.Version
	favored  bool
	tier     int // of its channel; 0 for all where priority is disabled
	channel  int // the same where it is disabled
	features int
}

// ranked reads versions; records whose version cannot be read are no candidates.
func (o *ordering) ranked(records []*packages.Record) (list []ranked, bad []hidden) {
	list = make([]ranked, 0, len(records))
	versions := map[string]packages.Version{}
	for _, r := range records {
		v, ok := versions[r.Version]
		if !ok {
			var err error
			if v, err = packages.ParseVersion(r.Version); err != nil {
				bad = append(bad, hidden{r, err.Error()})
				continue
			}
			versions[r.Version] = v
		}
		k := ranked{record: r, version: v, favored: len(o.favored) > 0 && o.favored[r], channel: o.rank(r), features: features(r)}
		if o.problem.Priority != Disabled {
			k.tier = k.channel
		}
		list = append(list, k)
	}
	return list, bad
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
			out = append(out, hidden{r, fmt.Sprintf("it is of %s and nothing newer than %s is taken", day(r.Timestamp), day(o.problem.ExcludeNewer))})
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
	if i, ok := o.channels[r.Channel]; ok { // nearly always it is written the same
		return i
	}
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
func (a *ranked) prefer(b *ranked) int {
	if a.favored != b.favored {
		if a.favored {
			return -1
		}
		return 1
	}
	if c := cmp.Compare(a.tier, b.tier); c != 0 {
		return c
	}
	if c := b.version.Compare(a.version); c != 0 {
		return c
	}
	if c := cmp.Compare(b.record.BuildNumber, a.record.BuildNumber); c != 0 {
		return c
	}
	return cmp.Compare(a.features, b.features)
}

// compare is prefer with ties broken by time, channel and name, so that the order is total.
func (a *ranked) compare(b *ranked) int {
	if c := a.prefer(b); c != 0 {
		return c
	}
	x, y := a.record, b.record
	if c := cmp.Compare(y.Timestamp, x.Timestamp); c != 0 {
		return c
	}
	if c := strings.Compare(x.Build, y.Build); c != 0 && x.Channel == y.Channel {
		return c
	}
	return cmp.Or(cmp.Compare(a.channel, b.channel), cmp.Compare(x.Channel, y.Channel), cmp.Compare(x.Build, y.Build),
		cmp.Compare(x.Subdir, y.Subdir), cmp.Compare(x.FileName, y.FileName), cmp.Compare(x.SHA256, y.SHA256))
}

func features(r *packages.Record) int {
	if r.TrackFeatures == "" {
		return 0
	}
	return len(strings.FieldsFunc(r.TrackFeatures, func(c rune) bool { return c == ' ' || c == ',' }))
}

// day writes milliseconds since 1970.
func day(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02") }
