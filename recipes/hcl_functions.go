package recipes

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"forge/recipes/internal/expr"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// hclFunctions are the pure functions of a recipe.hcl.
var hclFunctions = sync.OnceValue(func() map[string]function.Function {
	return map[string]function.Function{
		"concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc, "format": stdlib.FormatFunc, "join": stdlib.JoinFunc,
		"keys": stdlib.KeysFunc, "length": stdlib.LengthFunc, "lower": stdlib.LowerFunc, "merge": stdlib.MergeFunc,
		"replace": stdlib.ReplaceFunc, "reverse": stdlib.ReverseListFunc, "sort": stdlib.SortFunc, "split": stdlib.SplitFunc,
		"substr": stdlib.SubstrFunc, "trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc, "trimspace": stdlib.TrimSpaceFunc,
		"trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc, "values": stdlib.ValuesFunc, "flatten": stdlib.FlattenFunc,
		"distinct": stdlib.DistinctFunc, "coalesce": stdlib.CoalesceFunc, "regex": stdlib.RegexFunc, "chomp": stdlib.ChompFunc,
		"slice": stdlib.SliceFunc, "tonumber": stdlib.MakeToFunc(cty.Number), "tostring": stdlib.MakeToFunc(cty.String), "floor": stdlib.FloorFunc,
		"abs": stdlib.AbsoluteFunc, "min": stdlib.MinFunc, "max": stdlib.MaxFunc, "strlen": stdlib.StrlenFunc, "version_to_buildstring": buildStringFunction(),
		"try": tryfunc.TryFunc, "can": tryfunc.CanFunc, "truthy": truthyFunction(),
	}
})

// ownFunctions are those that the recipe's folder, the variant or the platform decide about.
func ownFunctions() []string {
	return []string{"file", "load_from_file", "env", "pin_subpackage", "pin_compatible", "compiler", "stdlib", "cdt", "match"}
}

// functions are those of ownFunctions that the file calls. Where it calls one that there is none of, they
// are all functions, which the library then looks through for a similar name.
func (e *hclEval) functions() map[string]function.Function {
	own := ownFunctions()
	for name := range e.scan.calls {
		if _, known := hclFunctions()[name]; !known && !slices.Contains(own, name) {
			all := maps.Clone(hclFunctions())
			for _, name := range own {
				all[name] = e.own(name)
			}
			return all
		}
	}
	fns := map[string]function.Function{}
	for _, name := range own {
		if e.scan.pipelines || e.scan.calls[name] {
			fns[name] = e.own(name)
		}
	}
	return fns
}

func (e *hclEval) own(name string) function.Function {
	switch name {
	case "file":
		return e.file()
	case "load_from_file":
		return e.loadFromFile()
	case "env":
		return e.env()
	case "pin_subpackage", "pin_compatible":
		return e.pin(name)
	case "match":
		return e.textFunction(name, 2)
	}
	return e.textFunction(name, 1)
}

// outerScope is what every file on the same platforms sees: their names and the pure functions. It is not
// to be changed.
func (e *hclEval) outerScope() *hcl.EvalContext {
	return e.frame.opts.cache().scope(e.frame.opts, func() *hcl.EvalContext {
		vars := map[string]cty.Value{"hash": cty.StringVal(hashMark), "build_number": cty.StringVal(numberMark)}
		for name, v := range e.frame.platform.names() {
			switch v := v.(type) {
			case bool:
				vars[name] = cty.BoolVal(v)
			case string:
				vars[name] = cty.StringVal(v)
			}
		}
		return &hcl.EvalContext{Variables: vars, Functions: hclFunctions()}
	})
}

// buildStringFunction is recipe.yaml's filter version_to_buildstring: 3.11.* *_cpython is 311.
func buildStringFunction() function.Function {
	return function.New(&function.Spec{Params: []function.Parameter{{Name: "version", Type: cty.String}}, Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.StringVal(shortBuildString(args[0].AsString())), nil
		}})
}

func shortBuildString(version string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(version), " ")
	return shortVersion(first, 2)
}

// truthyFunction is a value as a condition, as recipe.yaml has it: nothing, false, 0 and what is empty are
// false, every other text is true.
func truthyFunction() function.Function {
	param := function.Parameter{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowDynamicType: true}
	return function.New(&function.Spec{Params: []function.Parameter{param}, Type: function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			switch v := args[0]; {
			case v.IsNull():
				return cty.False, nil
			case v.Type() == cty.Bool:
				return v, nil
			case v.Type() == cty.Number:
				return v.NotEqual(cty.Zero), nil
			case v.Type() == cty.String:
				return cty.BoolVal(v.AsString() != ""), nil
			case v.CanIterateElements():
				return cty.BoolVal(v.LengthInt() > 0), nil
			}
			return cty.True, nil
		}})
}

// textFunction lends a function of recipe.yaml to HCL.
func (e *hclEval) textFunction(name string, n int) function.Function {
	fn := e.frame.function(name)
	params := make([]function.Parameter, n)
	for i := range params {
		params[i] = function.Parameter{Name: fmt.Sprintf("argument %d", i+1), Type: cty.String}
	}
	result := cty.String
	if name == "match" {
		result = cty.Bool
	}
	return function.New(&function.Spec{Params: params, Type: function.StaticReturnType(result),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			var a expr.Args
			for _, v := range args {
				a.Pos = append(a.Pos, v.AsString())
			}
			v, err := fn.Call(nil, a)
			if err != nil {
				return cty.NilVal, err
			}
			if b, ok := v.(bool); ok {
				return cty.BoolVal(b), nil
			}
			return cty.StringVal(printed(v)), nil
		}})
}

// pin is pin_subpackage or pin_compatible: a name, and an object with lower_bound, upper_bound, exact
// or build.
func (e *hclEval) pin(name string) function.Function {
	return function.New(&function.Spec{Params: []function.Parameter{{Name: "name", Type: cty.String}},
		VarParam: &function.Parameter{Name: "bounds", Type: cty.DynamicPseudoType}, Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			a := expr.Args{Pos: []expr.Value{args[0].AsString()}}
			for _, bounds := range args[1:] {
				if !bounds.Type().IsObjectType() {
					return cty.NilVal, fmt.Errorf("%s takes a name and bounds, as in %s(\"zlib\", { upper_bound = \"x.x\" })", name, name)
				}
				for it := bounds.ElementIterator(); it.Next(); {
					k, v := it.Element()
					a.Names = append(a.Names, k.AsString())
					a.Named = append(a.Named, plainValue(v))
				}
			}
			v, err := pinCall(name, a)
			if err != nil {
				return cty.NilVal, err
			}
			return cty.StringVal(printed(v)), nil
		}})
}

func plainValue(v cty.Value) expr.Value {
	switch {
	case v.IsNull():
		return nil
	case v.Type() == cty.Bool:
		return v.True()
	case v.Type() == cty.String:
		return v.AsString()
	}
	return v.GoString()
}

// file reads a file of the recipe's folder.
func (e *hclEval) file() function.Function {
	return function.New(&function.Spec{Params: []function.Parameter{{Name: "path", Type: cty.String}}, Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			text, err := readScript(e.dir, args[0].AsString())
			if err != nil {
				return cty.NilVal, fmt.Errorf("file(%q): %w", args[0].AsString(), plainError(err))
			}
			return cty.StringVal(text), nil
		}})
}

// loadFromFile reads a file of the recipe's folder as data: .json, .toml, .yaml, any other as text.
func (e *hclEval) loadFromFile() function.Function {
	return function.New(&function.Spec{Params: []function.Parameter{{Name: "path", Type: cty.String}}, Type: function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name := args[0].AsString()
			text, err := readScript(e.dir, name)
			if err != nil {
				return cty.NilVal, fmt.Errorf("load_from_file(%q): %w", name, plainError(err))
			}
			v, err := parseData(name, text)
			if err != nil {
				return cty.NilVal, fmt.Errorf("load_from_file(%q): %w", name, err)
			}
			return hclValue(v), nil
		}})
}

// hclValue is data in HCL's types.
func hclValue(v expr.Value) cty.Value {
	switch v := v.(type) {
	case nil:
		return cty.NullVal(cty.DynamicPseudoType)
	case bool:
		return cty.BoolVal(v)
	case int64:
		return cty.NumberIntVal(v)
	case float64:
		return cty.NumberFloatVal(v)
	case *expr.Dict:
		fields := map[string]cty.Value{}
		for _, k := range v.Keys() {
			field, _ := v.Get(k)
			fields[printed(k)] = hclValue(field)
		}
		return cty.ObjectVal(fields)
	case *expr.List:
		items := make([]cty.Value, 0, len(v.Items))
		for _, item := range v.Items {
			items = append(items, hclValue(item))
		}
		return cty.TupleVal(items)
	}
	return cty.StringVal(printed(v))
}

// env reads a variable of the environment, as far as the caller shows it; the second argument is for
// where it is not set.
func (e *hclEval) env() function.Function {
	return function.New(&function.Spec{Params: []function.Parameter{{Name: "name", Type: cty.String}},
		VarParam: &function.Parameter{Name: "default", Type: cty.String}, Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if look := e.frame.opts.Env; look != nil {
				if v, ok := look(args[0].AsString()); ok {
					return cty.StringVal(v), nil
				}
			}
			if len(args) > 1 {
				return args[1], nil
			}
			return cty.NilVal, fmt.Errorf("the environment variable %s is not set; give a default: env(%q, \"\")", args[0].AsString(), args[0].AsString())
		}})
}
