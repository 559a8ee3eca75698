package recipes

import (
	"encoding/json"
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// dependencies reads a list of match specs and pins.
func (f *frame) dependencies(n *yaml.Node) []Dependency {
	if yamlx.IsNull(n) || n.Kind != yaml.SequenceNode {
		return nil
	}
	var out []Dependency
	for _, e := range f.items(n) {
		s := f.text(e)
		if s == "" && f.tmpl[e] != nil {
			continue
		}
		if d, ok := f.dependency(e, s); ok {
			out = append(out, d)
		}
	}
	return out
}

func (f *frame) dependency(n *yaml.Node, s string) (Dependency, bool) {
	pos := f.doc.Pos(n)
	if strings.HasPrefix(strings.TrimSpace(s), "{") {
		pin, err := readPin(s)
		if err != nil {
			f.errorf(n, "bad-value", "%q is neither a dependency nor a pin: %v", s, err)
			return Dependency{}, false
		}
		return Dependency{Pin: pin, Pos: pos}, true
	}
	sp, err := f.spec(s)
	if err != nil {
		f.errorf(n, "bad-value", "%s", err)
		return Dependency{}, false
	}
	if sp.v3 && !f.opts.RepodataV3 {
		f.errorf(n, "needs-v3", "the dependency %q says what only repodata revision 3 can hold", s)
		return Dependency{}, false
	}
	return Dependency{Spec: sp.text, Pos: pos}, true
}

func readPin(s string) (*Pin, error) {
	var m map[string]pinText
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		return nil, err
	}
	for kind, t := range m {
		p := &Pin{Name: t.Name, Exact: t.Exact, Build: t.Build, Subpackage: kind == "pin_subpackage"}
		if t.LowerBound != nil {
			p.Lower = *t.LowerBound
		}
		if t.UpperBound != nil {
			p.Upper = *t.UpperBound
		}
		return p, nil
	}
	return nil, errEmptyPin
}

// bareNames are the names of dependencies without any condition: a variant key of that name decides
// their version.
func (f *frame) bareNames(lists ...[]Dependency) map[string]bool {
	free := map[string]bool{}
	for _, l := range lists {
		for _, d := range l {
			if d.Pin != nil {
				continue
			}
			if s, err := f.spec(d.Spec); err == nil && s.bare {
				free[normalKey(s.name)] = true
			}
		}
	}
	return free
}

func (f *frame) requirements(n *yaml.Node) Requirements {
	get := func(key string) *yaml.Node { return yamlx.Get(n, key) }
	r := Requirements{Build: f.dependencies(get("build")), Host: f.dependencies(get("host")), Run: f.dependencies(get("run")),
		RunConstraints: f.dependencies(get("run_constraints")), RunExports: f.runExports(get("run_exports")),
		IgnoreByName: f.names(yamlx.Get(get("ignore_run_exports"), "by_name")), IgnoreFrom: f.names(yamlx.Get(get("ignore_run_exports"), "from_package"))}
	if extras := get("extras"); extras != nil && len(extras.Content) > 0 {
		if !f.opts.RepodataV3 {
			f.errorf(extras, "needs-v3", "groups of optional dependencies need repodata revision 3")
		}
		r.Extras = map[string][]Dependency{}
		for k, v := range yamlx.Pairs(extras) {
			r.Extras[k.Value] = f.dependencies(v)
		}
	}
	return r
}

func (f *frame) runExports(n *yaml.Node) RunExports {
	if n == nil {
		return RunExports{}
	}
	if n.Kind == yaml.SequenceNode {
		return RunExports{Weak: f.dependencies(n)}
	}
	get := func(key string) []Dependency { return f.dependencies(yamlx.Get(n, key)) }
	return RunExports{Weak: get("weak"), Strong: get("strong"), NoArch: get("noarch"),
		WeakConstrains: get("weak_constraints"), StrongConstrains: get("strong_constraints")}
}

// names reads a list of package names; a condition after a name is left out.
func (f *frame) names(n *yaml.Node) []string {
	var out []string
	if yamlx.IsNull(n) {
		return nil
	}
	for _, e := range f.items(n) {
		s := f.text(e)
		if s == "" {
			continue
		}
		sp, err := f.spec(s)
		if err != nil || sp.name == "" {
			f.errorf(e, "bad-value", "%q is not a package name", s)
			continue
		}
		out = append(out, sp.name)
	}
	return out
}
