package recipes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/expr"

	"gopkg.in/yaml.v3"
)

// rendering is an output that lacks only what depends on its siblings: pins, hash and build string.
type rendering struct {
	out   *Output
	frame *frame     // for build.string; nil where there is none
	str   *yaml.Node // build.string, nil for the default
	used  map[string]any
	free  map[string]bool // bare names of build and host
	combo string          // the whole variant as text
	done  bool
}

// finish settles hashes and build strings, those of pinned outputs before those that pin them, and
// puts what pins of siblings stand for in their place. Outputs that came out the same are one.
func finish(all []*rendering, opts *RenderOptions, found *findings) []*Output {
	byName, byCombo := map[string][]*rendering{}, map[string]*rendering{}
	for _, r := range all {
		if !r.out.Staging && !r.out.Skip {
			byName[r.out.Name] = append(byName[r.out.Name], r)
			byCombo[r.out.Name+"\n"+r.combo] = r
		}
	}
	if cycle := findCycle(all, byName); cycle != nil {
		found.add(*cycle)
		return nil
	}
	s := &settler{byName: byName, byCombo: byCombo, opts: opts, found: found}
	for _, r := range all {
		s.settle(r)
	}
	if found.list.HasErrors() {
		return nil
	}
	if opts.keepPins {
		return uniqueOutputs(all)
	}
	for _, r := range all {
		s.pins(r)
		fromVariant(r.out.Requirements.Build, r.out.Variant)
		fromVariant(r.out.Requirements.Host, r.out.Variant)
	}
	return uniqueOutputs(all)
}

// fromVariant gives bare names the version that the used variant has for them, as rattler-build does when
// it solves: 1.3 is 1.3.*, all else is taken as it stands.
func fromVariant(list []Dependency, variant map[string]any) {
	for i, d := range list {
		if d.Pin != nil || d.pinned != nil {
			continue
		}
		s, err := parseSpec(d.Spec)
		if err != nil || !s.bare {
			continue
		}
		version := ""
		if v, ok := variant[normalKey(s.name)]; ok {
			version = strings.TrimSpace(fmt.Sprint(v))
		}
		if version == "" {
			continue
		}
		if strings.Trim(version, ".0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
			version += ".*"
		}
		list[i].Variant = s.name + " " + version
	}
}

type settler struct {
	byName  map[string][]*rendering
	byCombo map[string]*rendering
	opts    *RenderOptions
	found   *findings
}

// settle gives r its hash and build string, after those that it pins exactly.
func (s *settler) settle(r *rendering) {
	if r.done {
		return
	}
	r.done = true
	for _, d := range exactPins(r.out) {
		sibling := s.sibling(r, d.Pin.Name)
		if d.Pin.Name == r.out.Name {
			continue
		}
		if sibling == nil {
			s.found.add(diag.Diagnostic{Code: "missing-output", Pos: d.Pos, Summary: fmt.Sprintf("%s pins %s exactly, which is no output of this recipe", r.out.Name, d.Pin.Name),
				Suggestion: otherOutput(d.Pin.Name, sortedNames(s.byName))})
			continue
		}
		s.settle(sibling)
		r.used[normalKey(d.Pin.Name)] = sibling.out.Version + " " + sibling.out.BuildString
	}
	o := r.out
	o.Variant = r.used
	o.HashInput = hashInput(r.used)
	o.Hash = "h" + shortHash(o.HashInput)
	prefix := buildPrefix(r.used, o.NoArch)
	if s.opts.BuildStringPrefix != "" {
		prefix = s.opts.BuildStringPrefix + "_" + prefix
	}
	o.BuildString = prefix + o.Hash + "_" + strconv.Itoa(o.BuildNumber)
	if r.str != nil {
		o.BuildString = r.buildString(s.found)
	}
}

// buildString fills in build.string, which may hold the hash and the build number.
func (r *rendering) buildString(found *findings) string {
	f := *r.frame
	f.found, f.known = found, nil
	if f.literal {
		return strings.NewReplacer(hashMark, strings.TrimPrefix(r.out.Hash, "h"), numberMark, fmt.Sprint(r.out.BuildNumber)).Replace(r.str.Value)
	}
	f.vars = map[string]expr.Value{}
	for k, v := range r.used {
		f.vars[k] = expr.FromGo(v)
	}
	for k, v := range r.out.Context {
		f.vars[k] = expr.FromGo(v)
	}
	f.vars["hash"], f.vars["build_number"] = strings.TrimPrefix(r.out.Hash, "h"), int64(r.out.BuildNumber)
	return f.text(r.str)
}

// otherOutput is what to do about a pin of an output that there is not.
func otherOutput(name string, outputs []string) string {
	if near := orNearest(name, outputs); near != "" {
		return near
	}
	return "pin packages of other recipes with pin_compatible()"
}

// sibling is the rendering of another output that fits r's variant best.
func (s *settler) sibling(r *rendering, name string) *rendering {
	if same := s.byCombo[name+"\n"+r.combo]; same != nil {
		return same
	}
	var best *rendering
	most := -1
	for _, c := range s.byName[name] {
		same := 0
		for k, v := range r.out.Full {
			if w, ok := c.out.Full[k]; ok && w == v {
				same++
			}
		}
		if same >= most {
			best, most = c, same
		}
	}
	return best
}

func allDependencies(r *Requirements) [9]*[]Dependency {
	e := &r.RunExports
	return [9]*[]Dependency{&r.Build, &r.Host, &r.Run, &r.RunConstraints, &e.Weak, &e.Strong, &e.NoArch, &e.WeakConstrains, &e.StrongConstrains}
}

func exactPins(o *Output) (out []Dependency) {
	for _, list := range allDependencies(&o.Requirements) {
		for _, d := range *list {
			if d.Pin != nil && d.Pin.Subpackage && d.Pin.Exact {
				out = append(out, d)
			}
		}
	}
	return out
}

// pins replaces pins of siblings by the match specs they stand for.
func (s *settler) pins(r *rendering) {
	for _, list := range allDependencies(&r.out.Requirements) {
		if !slices.ContainsFunc(*list, func(d Dependency) bool { return d.Pin != nil && d.Pin.Subpackage }) {
			continue
		}
		resolved := append([]Dependency(nil), *list...) // outputs that share a list keep their own
		for i, d := range resolved {
			if d.Pin == nil || !d.Pin.Subpackage {
				continue
			}
			sibling := s.sibling(r, d.Pin.Name)
			if d.Pin.Name == r.out.Name {
				sibling = r
			}
			if sibling == nil {
				continue
			}
			text, err := d.Pin.Apply(sibling.out.Version, sibling.out.BuildString)
			if err != nil {
				s.found.add(diag.Diagnostic{Code: "bad-pin", Pos: d.Pos, Summary: err.Error()})
				continue
			}
			resolved[i] = Dependency{Spec: text, Pos: d.Pos, pinned: d.Pin}
		}
		*list = resolved
	}
}

// findCycle looks for outputs that need each other to be built. Pins in run requirements count, for a
// pin needs its package's version and build.
func findCycle(all []*rendering, byName map[string][]*rendering) *diag.Diagnostic {
	needs := map[string][]need{}
	var names []string
	for _, r := range all {
		if r.out.Skip || r.out.Staging {
			continue
		}
		if needs[r.out.Name] == nil {
			names = append(names, r.out.Name)
		}
		needs[r.out.Name] = append(needs[r.out.Name], r.neededOutputs(byName)...)
	}
	state := map[string]int{}
	var path []string
	var visit func(name string) *diag.Diagnostic
	visit = func(name string) *diag.Diagnostic {
		state[name] = 1
		path = append(path, name)
		for _, d := range needs[name] {
			next := d.name
			if state[next] == 1 {
				i := 0
				for path[i] != next {
					i++
				}
				return &diag.Diagnostic{Code: "dependency-cycle", Pos: d.pos, Summary: "dependency cycle: " + strings.Join(append(path[i:], next), " -> ")}
			}
			if state[next] == 0 {
				if c := visit(next); c != nil {
					return c
				}
			}
		}
		path = path[:len(path)-1]
		state[name] = 2
		return nil
	}
	for _, name := range names {
		if state[name] == 0 {
			if c := visit(name); c != nil {
				return c
			}
		}
	}
	return nil
}

// need is an output that another one needs, and where it says so.
type need struct {
	name string
	pos  diag.Pos
}

func (f *frame) dependencyName(d Dependency) string {
	if d.Pin != nil {
		return d.Pin.Name
	}
	s, _ := f.spec(d.Spec)
	return s.name
}

// neededOutputs are the dependencies of r's output that other outputs must be built for.
func (r *rendering) neededOutputs(byName map[string][]*rendering) (out []need) {
	o := r.out
	add := func(list []Dependency, all bool, exact bool) {
		for _, d := range list {
			pin := d.Pin != nil && d.Pin.Subpackage && (!exact || d.Pin.Exact)
			if !all && !pin {
				continue
			}
			if name := r.frame.dependencyName(d); name != o.Name && byName[name] != nil {
				out = append(out, need{name, d.Pos})
			}
		}
	}
	q := &o.Requirements
	add(q.Build, true, false)
	add(q.Host, true, false)
	add(q.Run, false, false)
	lists := allDependencies(q)
	for _, list := range lists[4:] {
		add(*list, false, false)
	}
	add(q.RunConstraints, false, true)
	return out
}

// uniqueOutputs keeps the first of those with the same name and hash. Staging outputs stay one for each
// variant: those that inherit look for them by it.
func uniqueOutputs(all []*rendering) []*Output {
	if len(all) == 1 {
		return []*Output{all[0].out}
	}
	seen := make(map[string]bool, len(all))
	out := make([]*Output, 0, len(all))
	for _, r := range all {
		o := r.out
		key := o.Name + "\n" + o.Version + "\n" + o.BuildString + "\n" + string(o.HashInput) + "\n" + strconv.FormatBool(o.Skip)
		if o.Staging {
			key = "staging\n" + o.Name + "\n" + r.combo
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, o)
		}
	}
	return out
}
