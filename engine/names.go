package engine

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/packages"
	"forge/recipes"
)

// ChannelPackages says that packages of some names come from one channel and from no other.
type ChannelPackages struct {
	Channel  string   `json:"channel"`
	Packages []string `json:"packages"` // globs
}

// belongs reports whether a channel may offer a name: where the workspace gives the name to a channel,
// no other may.
func belongs(rules []ChannelPackages, channel, name string) bool {
	given := false
	for _, rule := range rules {
		if slices.ContainsFunc(rule.Packages, func(glob string) bool { ok, _ := path.Match(glob, name); return ok }) {
			if rule.Channel == channel {
				return true
			}
			given = true
		}
	}
	return !given
}

// checkFileName refuses an output whose archive could not be called so: a name, version or build string
// becomes a part of a path, of addresses and of command lines (CEP 26).
func checkFileName(o *recipes.Output) diag.List {
	var why, help string
	switch {
	case o.Staging:
		return nil
	case !packages.ValidName(o.Name) || strings.HasPrefix(o.Name, "-") || strings.HasPrefix(o.Name, ".") || strings.HasPrefix(o.Name, "__"):
		why = fmt.Sprintf("%q cannot be a package's name: it takes a-z, 0-9, -, _ and . and begins with a letter, a digit or one _", o.Name)
	case strings.ContainsAny(o.Version, `/\: -`) || strings.HasPrefix(o.Version, "."):
		why = fmt.Sprintf("%q cannot be the version of a package: its archive is named by it", o.Version)
		if plain := strings.ReplaceAll(o.Version, "-", "_"); strings.Contains(o.Version, "-") && !strings.ContainsAny(plain, `/\: `) {
			help = fmt.Sprintf("a - divides the archive's name from its version; write %q, and keep the other for URLs", plain)
		}
	case strings.Trim(o.BuildString, wordBytes) != "" || o.BuildString == "" || strings.HasPrefix(o.BuildString, "."):
		why = fmt.Sprintf("%q cannot be a build string: it takes letters, digits, _, . and +", o.BuildString)
		if strings.Contains(o.BuildString, "*") {
			help = "the variants file gives too few parts of a version that the build string is made of: perl's takes three, as in 5.32.1"
		}
	case len(o.Name)+len(o.Version)+len(o.BuildString) > 200:
		why = fmt.Sprintf("%.80q… is too long for the name of an archive", o.String())
	default:
		return nil
	}
	return diag.List{{Code: "bad-name", Pos: o.Pos, Summary: why, Suggestion: help}}
}

const wordBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+"

// usedName is a package name of the plan, with where it comes from and who uses it first.
type usedName struct {
	name    string
	record  *packages.Record
	by      *Action
	depends map[string]bool // names that its records depend on
}

// checkNames looks at the names of all packages of the plan: a name that two channels have is refused
// unless channel priority, the spec or the workspace decides (dependency confusion); names that look
// alike are warned of.
func (p *planner) checkNames() {
	used := map[string]*usedName{}
	named := map[string]bool{} // a spec names the channel
	for _, a := range p.graph.Actions {
		if !a.Output.Staging {
			use(used, a, &a.Record)
		}
		for _, env := range a.environments() {
			for _, r := range env.Records {
				use(used, a, r)
			}
			for _, text := range env.Specs {
				if strings.Contains(text, "::") || strings.Contains(text, "channel") || strings.Contains(text, "://") {
					if m, err := packages.ParseMatchSpec(text); err == nil && (m.Channel != "" || m.URL != "") {
						named[m.Name] = true
					}
				}
			}
		}
	}
	p.checkChannels(used, named)
	p.warnAlike(used)
}

func (a *Action) environments() []Environment {
	list := []Environment{a.Build, a.Host}
	for _, t := range a.Test {
		list = append(list, t.Run, t.Build)
	}
	return list
}

func use(used map[string]*usedName, a *Action, r *packages.Record) {
	u := used[r.Name]
	if u == nil {
		u = &usedName{name: r.Name, record: r, by: a, depends: map[string]bool{}}
		used[r.Name] = u
	} else if u.record == r {
		return
	}
	for _, d := range r.Depends {
		u.depends[specName(d)] = true
	}
}

// checkChannels is about names that more than one channel has. Outputs of the run hide all others, and
// the host's tools never compete with a channel.
func (p *planner) checkChannels(used map[string]*usedName, named map[string]bool) {
	notes := map[string][]string{} // channels → names
	for _, name := range sortedKeys(used) {
		u := used[name]
		if u.record.Channel == packages.ChannelPlanned || u.record.Channel == packages.ChannelExternal || named[name] {
			continue
		}
		all, err := p.from.of(name)
		if err != nil {
			continue // it was said when the name was solved
		}
		channels := p.channelsOf(all)
		if len(channels) < 2 {
			continue
		}
		if p.req.ChannelPriority != 0 {
			p.problems = append(p.problems, confused(u, channels))
		} else if channels[0] != p.req.OutputDir { // one's own builds come first without a word
			text := strings.Join(channels, ", then ")
			notes[text] = append(notes[text], name)
		}
	}
	for _, channels := range sortedKeys(notes) {
		p.graph.Notes = append(p.graph.Notes, diag.Diagnostic{Severity: diag.Note, Code: "two-channels",
			Summary: fmt.Sprintf("in more than one channel, taken from the first: %s", some(notes[channels])),
			Detail:  channels})
	}
}

// channelsOf are the channels of records, in the order of the request.
func (p *planner) channelsOf(records []*packages.Record) []string {
	has := map[string]bool{}
	for _, r := range records {
		has[r.Channel] = true
	}
	delete(has, packages.ChannelExternal)
	delete(has, packages.ChannelPlanned)
	var list []string
	for _, c := range append([]string{p.req.OutputDir}, p.req.Channels...) {
		if has[c] {
			list = append(list, c)
			delete(has, c)
		}
	}
	return append(list, sortedKeys(has)...)
}

func confused(u *usedName, channels []string) diag.Diagnostic {
	pos := placeOf(slices.Concat(u.by.Output.Requirements.Build, u.by.Output.Requirements.Host, u.by.Output.Requirements.Run), u.name)
	if pos.IsZero() {
		pos = u.by.Output.Pos
	}
	return diag.Diagnostic{Code: "two-channels", Pos: pos,
		Summary:    fmt.Sprintf("%s is in more than one channel, and the channel priority does not say which one is meant", u.name),
		Detail:     strings.Join(channels, "\n"),
		Suggestion: fmt.Sprintf("use --channel-priority strict, ask for CHANNEL::%s, or give it to a channel in forge.hcl: packages = [%q]", u.name, u.name)}
}

// some lists the first names.
func some(names []string) string {
	const most = 8
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// warnAlike warns of names that people take for each other. Where one depends on the other and only
// their separators differ, as with typing-extensions and typing_extensions, both are meant.
func (p *planner) warnAlike(used map[string]*usedName) {
	alike := map[string][]*usedName{}
	for _, name := range sortedKeys(used) {
		s := skeleton(name)
		alike[s] = append(alike[s], used[name])
	}
	for _, s := range sortedKeys(alike) {
		list := alike[s]
		for i, a := range list {
			for _, b := range list[i+1:] {
				if (a.depends[b.name] || b.depends[a.name]) && separators(a.name) == separators(b.name) {
					continue
				}
				p.graph.Notes = append(p.graph.Notes, diag.Diagnostic{Severity: diag.Warning, Code: "names-alike", Pos: b.by.Output.Pos,
					Summary:    fmt.Sprintf("%q (%s) and %q (%s) are easily taken for each other", a.name, a.record.Channel, b.name, b.record.Channel),
					Suggestion: "make sure that both are meant"})
			}
		}
	}
}

func separators(name string) string {
	return strings.NewReplacer("_", "-", ".", "-").Replace(name)
}

// skeleton is the same for names that look alike (after UTS #39, for the bytes a name may have).
func skeleton(name string) string {
	return strings.NewReplacer("_", "", "-", "", ".", "", "0", "o", "1", "l", "i", "l", "rn", "m", "vv", "w").Replace(name)
}
