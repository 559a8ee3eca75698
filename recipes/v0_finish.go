package recipes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"forge/recipes/internal/yamlx"
)

// usedKeys are the variant keys that the output's text and scripts use (metadata.py, get_used_vars).
func (o *v0Output) usedKeys() []string {
	raw, selected := o.texts()
	u := o.usage
	inReqs := u.in(requirementsText(selected)).all
	used := newKeySet(u)
	used.add(u.in(selected).all)
	used.remove(inReqs)
	used.add(u.inSelectors(raw))
	used.add(o.trimBuildOnly(inReqs))
	used.add(o.scriptUse())
	set := func(key string, yes bool) {
		if n, ok := u.number[key]; ok {
			used[n] = yes
		}
	}
	has := func(key string) bool {
		n, ok := u.number[key]
		return ok && used[n]
	}
	if has("c_compiler") || has("cxx_compiler") {
		set(sysrootKey, true)
	}
	if o.out.NoArch == "" {
		set("target_platform", true)
	}
	set("channel_targets", true)
	for _, n := range list1(o.get("build", "force_ignore_keys")) {
		set(n.Value, false)
	}
	for _, n := range list1(o.get("build", "force_use_keys")) {
		set(n.Value, true)
	}
	return u.names(used)
}

// v0Parts is a recipe's text taken apart: the part at the top, and that of each output.
type v0Parts struct {
	text, cut string // the whole text, and what of it are the outputs
	outputs   []string
	top       string // see atTop
}

func partsOf(text string) *v0Parts {
	all := outputsText(text)
	return &v0Parts{text: text, cut: strings.TrimSpace(all), outputs: outputTexts(all)}
}

// atTop is all but the outputs.
func (p *v0Parts) atTop() string {
	if p.cut == "" {
		return p.text
	}
	if p.top == "" {
		p.top = strings.ReplaceAll(p.text, p.cut, "")
	}
	return p.top
}

// output is the text of an entry, found by its number among the rendered outputs, as conda-build does;
// where selectors removed entries, the numbers of the unselected text are off, there as here.
func (p *v0Parts) output(i int) string {
	if i < len(p.outputs) {
		return p.outputs[i]
	}
	return ""
}

func (v *v0) rawParts() *v0Parts {
	if v.raw == nil {
		v.raw = partsOf(v.file)
	}
	return v.raw
}

func (p *v0Pass) parts() *v0Parts {
	if p.cut == nil {
		p.cut = partsOf(p.selected.text)
	}
	return p.cut
}

// texts are the part of the recipe's text that decides about this output, before and after selectors.
func (o *v0Output) texts() (raw, selected string) {
	if o.own {
		return o.rawParts().output(o.index), o.parts().output(o.index)
	}
	if o.selectedText == "" {
		o.rawText, o.selectedText = o.rawParts().atTop(), o.parts().atTop()
		if own := o.parts().output(o.index); o.node != nil && own != "" {
			o.rawText, o.selectedText = o.rawText+"\n"+own, o.selectedText+"\n"+own
		}
	}
	return o.rawText, o.selectedText
}

// trimBuildOnly drops keys whose packages are only needed to run, or only to build where the variant
// says to ignore that.
func (o *v0Output) trimBuildOnly(keys []int) (keep []int) {
	if len(keys) == 0 {
		return nil
	}
	var lists [3][]string
	for i, section := range []string{"build", "host", "run"} {
		nodes := o.requirement(section)
		lists[i] = make([]string, 0, len(nodes))
		for _, n := range nodes {
			spec := strings.TrimSpace(o.text(n))
			if section != "run" {
				spec, _, _ = strings.Cut(spec, " ")
			}
			lists[i] = append(lists[i], spec)
		}
	}
	for _, n := range keys {
		k := o.usage.keys[n]
		dashed := strings.ReplaceAll(k, "_", "-")
		has := func(i int) bool { return slices.Contains(lists[i], k) || slices.Contains(lists[i], dashed) }
		inBuild, inHost, inRun := has(0), has(1), has(2)
		if inRun && !inBuild && !inHost {
			continue
		}
		if !inRun && inBuild && !inHost && slices.Contains(o.cfg.ignoreBuildOnly, k) {
			continue
		}
		keep = append(keep, n)
	}
	return keep
}

func (o *v0Output) scriptUse() []int {
	if !o.own {
		keys := o.scriptKeys("build.sh")
		if o.scope.os() == "win" {
			keys = append(slices.Clip(keys), o.scriptKeys("bld.bat")...)
		}
		return keys
	}
	if s := scalar(yamlx.Get(o.node, "script")); s != "" {
		return o.scriptKeys(s)
	}
	return nil
}

var (
	numpyXX       = pattern{src: `(numpy\s*x\.x)|pin_compatible\(['"]numpy.*max_pin=['"]x\.x['"]`}
	numpyPin      = pattern{src: `pin_\w+\(['"]numpy['"]`}
	numpyPinWithX = pattern{src: `pin_\w+\(['"]numpy['"].*x_pin=['"][x.]*['"]`}
)

func has[V any](m map[string]V, key string) bool { _, ok := m[key]; return ok }

// pin is the pin that the text's first mark stands for.
func (p *v0Pass) pin(text string) *Pin {
	i := strings.Index(text, markOpen)
	if i < 0 {
		return nil
	}
	number, _, ok := strings.Cut(text[i+len(markOpen):], markClose)
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 0 || n >= len(p.pins) {
		return nil
	}
	return p.pins[n]
}

// finish settles hashes, then what pins of siblings stand for.
func (v *v0) finish(all []*v0Output) []*Output {
	byName := map[string][]*v0Output{}
	seen, wanted, staging := map[string]int{}, map[*Output]bool{}, map[string]*Output{}
	var once []*v0Output
	for _, o := range all {
		if !o.out.Skip {
			o.settle()
		}
		key := o.key() + o.out.Version + "\n" + o.out.BuildString
		if i, dup := seen[key]; dup { // conda-build keeps the last, and builds it with the first that have it
			o.group = once[i].group
			once[i] = o
			continue
		}
		if o.out.Staging {
			staging[o.group] = o.out
		}
		seen[key] = len(once)
		once = append(once, o)
	}
	for _, o := range once {
		if o.out.InheritFrom != nil {
			o.out.InheritFrom = staging[o.group]
		}
		wanted[o.out.InheritFrom] = true
	}
	all = all[:0]
	for _, o := range once {
		if o.out.Staging && !wanted[o.out] {
			continue // the outputs that start from it are those of another variant
		}
		all = append(all, o)
		if o.out.Skip {
			continue
		}
		if !o.out.Staging {
			byName[o.name] = append(byName[o.name], o)
		}
	}
	var out []*Output
	for _, o := range all {
		if !v.opts.keepPins && !o.out.Skip {
			o.resolvePins(byName)
		}
		out = append(out, o.out)
	}
	v.checkCycles(all, byName)
	shareWorkFolders(all)
	return out
}

// sibling is the output of that name whose variant fits best.
func (o *v0Output) sibling(byName map[string][]*v0Output, name string) *v0Output {
	if name == o.name {
		return o
	}
	var best *v0Output
	most := -1
	for _, c := range byName[name] {
		same := 0
		for k, v := range c.variant {
			if o.variant[k] == v {
				same++
			}
		}
		if same > most {
			best, most = c, same
		}
	}
	return best
}

func (o *v0Output) resolvePins(byName map[string][]*v0Output) {
	for _, list := range allDependencies(&o.out.Requirements) {
		for i, d := range *list {
			if d.Pin == nil || !d.Pin.Subpackage {
				continue
			}
			s := o.sibling(byName, d.Pin.Name)
			if s == nil {
				o.found.add(o.diagnostic(d.Pos, "missing-output", fmt.Sprintf("%s pins %s, which is no output of this recipe", o.name, d.Pin.Name),
					otherOutput(d.Pin.Name, sortedNames(byName))))
				continue
			}
			text, err := d.Pin.Apply(s.out.Version, s.out.BuildString)
			if err != nil {
				o.found.add(o.diagnostic(d.Pos, "bad-pin", err.Error(), ""))
				continue
			}
			(*list)[i] = Dependency{Spec: text, Pos: d.Pos}
		}
	}
}

// checkCycles reports outputs that need each other to be built.
func (v *v0) checkCycles(all []*v0Output, byName map[string][]*v0Output) {
	needs := map[string][]string{}
	for _, o := range all {
		for _, list := range []*[]Dependency{&o.outReqs().Build, &o.outReqs().Host} {
			for _, d := range *list {
				if name := v0DependencyName(d); name != o.name && byName[name] != nil && !slices.Contains(needs[o.name], name) {
					needs[o.name] = append(needs[o.name], name)
				}
			}
		}
	}
	state := map[string]int{}
	var path []string
	var visit func(name string) bool
	visit = func(name string) bool {
		if state[name] == 1 {
			i := slices.Index(path, name)
			o := byName[name][0]
			v.found.add(o.diagnostic(o.out.Pos, "dependency-cycle", "dependency cycle: "+strings.Join(append(path[i:], name), " -> "), ""))
			return false
		}
		if state[name] == 2 {
			return true
		}
		state[name] = 1
		path = append(path, name)
		for _, n := range needs[name] {
			if !visit(n) {
				return false
			}
		}
		path = path[:len(path)-1]
		state[name] = 2
		return true
	}
	for _, name := range sortedNames(needs) {
		if !visit(name) {
			return
		}
	}
}

func (o *v0Output) outReqs() *Requirements { return &o.out.Requirements }

func v0DependencyName(d Dependency) string {
	if d.Pin != nil {
		return d.Pin.Name
	}
	name, _, _ := strings.Cut(d.Spec, " ")
	return name
}

// olderVersion orders version texts of a variant by their numbers.
func olderVersion(a, b string) bool {
	x, y := versionNumbers(a), versionNumbers(b)
	return slices.Compare(x, y) < 0
}

func versionNumbers(s string) []int {
	s, _, _ = strings.Cut(s, " ")
	var out []int
	for _, p := range strings.Split(s, ".") {
		n, _ := strconv.Atoi(p)
		out = append(out, n)
	}
	return out
}
