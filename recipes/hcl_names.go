package recipes

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"forge/recipes/internal/expr"
)

// hclNames are the names that expressions of one file can read in one variant. The library wants them as
// objects, which are made when it is asked for a value and only of the groups that are asked for.
type hclNames struct {
	outer *hcl.EvalContext
	known map[string]map[string]any // local and package: values of quick's, or the library's
	stale map[string]bool           // groups whose object is missing or lacks what is known
	calls bool                      // the functions are there
	slow  bool                      // the library is to evaluate all
}

// locals makes the names that expressions can read: variant, platforms, package and the file's own.
// locals and the package's attributes may refer to each other in any order.
func (e *hclEval) locals(body *hclsyntax.Body) {
	outer := e.outerScope()
	e.ctx = outer.NewChild()
	e.ctx.Variables = map[string]cty.Value{}
	if e.frame.opts.holes {
		e.ctx.Variables[expr.HoleName] = cty.DynamicVal
	}
	e.names = &hclNames{outer: outer, known: map[string]map[string]any{"local": {}, "package": {}},
		stale: map[string]bool{"variant": true, "local": true, "package": true}, slow: e.frame.opts.askLibrary || e.frame.opts.holes}
	e.local = map[string][]string{}
	waiting := map[string]*hclsyntax.Attribute{}
	for _, b := range body.Blocks {
		switch {
		case b.Type == "locals":
			for name, a := range b.Body.Attributes {
				if waiting["local."+name] != nil {
					e.errorf(a.NameRange, "duplicate-key", "", "the local %q is here twice", name)
				}
				waiting["local."+name] = a
			}
		case b.Type == "package" && len(b.Labels) == 1:
			e.names.known["package"]["name"] = normalText(b.Labels[0])
			for name, a := range b.Body.Attributes {
				waiting["package."+name] = a
			}
		}
	}
	e.settleLocals(waiting)
}

func (e *hclEval) settleLocals(waiting map[string]*hclsyntax.Attribute) {
	for len(waiting) > 0 {
		progress := false
		for _, name := range sortedNames(waiting) {
			a := waiting[name]
			if e.dependsOn(a.Expr, waiting) {
				continue
			}
			if e.settleLocal(name, a.Expr); e.tooBig() {
				return
			}
			delete(waiting, name)
			progress = true
		}
		if !progress {
			names := sortedNames(waiting)
			e.errorf(waiting[names[0]].NameRange, "cycle", "", "these values refer to each other: %s", strings.Join(names, ", "))
			return
		}
	}
}

func (e *hclEval) settleLocal(name string, x hclsyntax.Expression) {
	group, key, _ := strings.Cut(name, ".")
	v, ok := e.quick(x)
	if ok {
		e.checkText(x, v)
	} else {
		value, problems := e.evaluate(x)
		if e.list = append(e.list, e.diagnostics(problems)...); problems.HasErrors() {
			value = cty.DynamicVal // what reads it is not known, and no mistake of its own
		}
		e.checkSize(x.Range(), value)
		if v, ok = plainCty(value); !ok {
			v = value
		}
	}
	e.names.known[group][key], e.names.stale[group] = v, true
	e.local[name] = e.readsOf(x)
}

// value is what an expression comes to.
func (e *hclEval) value(x hclsyntax.Expression) (cty.Value, hcl.Diagnostics) {
	if v, ok := e.quick(x); ok {
		return ctyOf(v), nil
	}
	return e.evaluate(x)
}

// evaluate has the library evaluate an expression.
func (e *hclEval) evaluate(x hclsyntax.Expression) (cty.Value, hcl.Diagnostics) {
	e.refresh(x)
	v, problems := x.Value(e.ctx)
	if len(problems) > 0 {
		e.refresh(nil) // what is said of them looks at all that is known
	}
	return v, problems
}

// refresh makes the objects of the names that an expression reads; of all where there is none.
func (e *hclEval) refresh(x hclsyntax.Expression) {
	if e.names == nil {
		return
	}
	scope := e.scope()
	if !e.names.calls {
		scope.Functions, e.names.calls = e.functions(), true
	}
	for group := range e.names.stale {
		if x != nil && !readsGroup(x, group) {
			continue
		}
		if group == "variant" {
			scope.Variables[group] = cty.ObjectVal(e.variantValues())
		} else {
			scope.Variables[group] = objectOf(e.names.known[group])
		}
		delete(e.names.stale, group)
	}
}

func objectOf(known map[string]any) cty.Value {
	fields := make(map[string]cty.Value, len(known))
	for name, v := range known {
		fields[name] = ctyOf(v)
	}
	return cty.ObjectVal(fields)
}

// readsGroup reports whether an expression may name a key of the variant, a local or an attribute of the
// package.
func readsGroup(x hclsyntax.Expression, group string) bool {
	return slices.ContainsFunc(x.Variables(), func(t hcl.Traversal) bool { return t.RootName() == group })
}

// dependsOn reports whether an expression reads a name whose value is not known yet.
func (e *hclEval) dependsOn(x hclsyntax.Expression, waiting map[string]*hclsyntax.Attribute) bool {
	r := e.scan.reads[x]
	if r == nil || !slices.ContainsFunc(r.refs, func(ref string) bool { return waiting[ref] != nil }) {
		return false
	}
	return slices.ContainsFunc(x.Variables(), func(t hcl.Traversal) bool { return waiting[traversalName(t)] != nil }) // not a name of `for`
}
