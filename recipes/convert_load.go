package recipes

import (
	"forge/recipes/internal/expr"
)

// projectLoader gives the functions of meta.yaml that read a project's files, which recipe.yaml does not
// have: their results are written down. The files are read, never run.
func projectLoader(o *outline) func(name string) (expr.Value, bool) {
	var p *v0Pass
	return func(name string) (expr.Value, bool) {
		if !loadsProject(name) {
			return nil, false
		}
		if p == nil {
			v := newV0(o.path, o.text, (RenderOptions{}).withDefaults())
			if !v.configured() {
				return nil, false
			}
			p = &v0Pass{v0: v, variant: v.base.plain, scope: newScope(v.opts, v.base.plain)}
			p.selected, _ = selectMeta(o.text, newDecider(p.scope.selector, parsedSelectors{}).decide)
		}
		return p.loader(name)
	}
}

func loadsProject(name string) bool {
	switch name {
	case "load_setup_py_data", "load_setuptools", "load_file_regex", "load_str_data":
		return true
	}
	return false
}
