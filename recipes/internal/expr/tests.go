package expr

import (
	"fmt"
	"strings"
)

func plain(f func(v Value) bool) Test {
	return func(_ *Context, in Value, a Args) (bool, error) {
		if len(a.Pos)+len(a.Names) > 0 {
			return false, fmt.Errorf("the test takes no arguments")
		}
		return f(in), nil
	}
}

func compared(op string) Test {
	return func(c *Context, in Value, a Args) (bool, error) {
		v, err := a.Bind(op, "other")
		if err != nil {
			return false, err
		}
		x := &compareExpr{first: &constExpr{}}
		return Truth(c.st.compare(x, op, in, v[0])), nil
	}
}

func number(f func(n int64) bool) Test {
	return func(_ *Context, in Value, _ Args) (bool, error) {
		n, ok := toInt(in)
		if !ok {
			return false, fmt.Errorf("the test needs an integer, not %s", TypeName(in))
		}
		return f(n), nil
	}
}

func isSequence(v Value) bool {
	switch v.(type) {
	case string, *List, Tuple, *Dict, *Missing:
		return true
	}
	return false
}

// AllTests returns a new map of Jinja2's tests and minijinja's startingwith and endingwith.
func AllTests() map[string]Test {
	missing := func(v Value) bool { _, ok := v.(*Missing); return ok }
	is := func(names ...string) Test {
		return plain(func(v Value) bool {
			for _, n := range names {
				if TypeName(v) == n {
					return true
				}
			}
			return false
		})
	}
	return map[string]Test{
		"defined":   plain(func(v Value) bool { return !missing(v) }),
		"undefined": plain(missing),
		"none":      is("NoneType"),
		"string":    is("str"),
		"boolean":   is("bool"),
		"integer":   is("int"),
		"float":     is("float"),
		"number":    is("int", "float", "bool"),
		"mapping":   is("dict"),
		"sequence":  plain(isSequence),
		"iterable":  plain(isSequence),
		"callable":  is("function"),
		"true":      plain(func(v Value) bool { return v == true }),
		"false":     plain(func(v Value) bool { return v == false }),
		"odd":       number(func(n int64) bool { return n%2 != 0 }),
		"even":      number(func(n int64) bool { return n%2 == 0 }),
		"divisibleby": func(_ *Context, in Value, a Args) (bool, error) {
			v, err := a.Bind("divisibleby", "num")
			if err != nil {
				return false, err
			}
			n, ok := toInt(in)
			m, ok2 := toInt(v[0])
			if !ok || !ok2 || m == 0 {
				return false, fmt.Errorf("divisibleby needs integers, the second not zero")
			}
			return n%m == 0, nil
		},
		"lower":        plain(func(v Value) bool { return isMethod("islower", Str(v)) }),
		"upper":        plain(func(v Value) bool { return isMethod("isupper", Str(v)) }),
		"safe":         plain(func(Value) bool { return false }),
		"escaped":      plain(func(Value) bool { return false }),
		"sameas":       compared("=="),
		"eq":           compared("=="),
		"==":           compared("=="),
		"equalto":      compared("=="),
		"ne":           compared("!="),
		"!=":           compared("!="),
		"lt":           compared("<"),
		"<":            compared("<"),
		"lessthan":     compared("<"),
		"le":           compared("<="),
		"<=":           compared("<="),
		"gt":           compared(">"),
		">":            compared(">"),
		"greaterthan":  compared(">"),
		"ge":           compared(">="),
		">=":           compared(">="),
		"in":           compared("in"),
		"startingwith": affixTest(strings.HasPrefix),
		"endingwith":   affixTest(strings.HasSuffix),
		"filter": func(c *Context, in Value, _ Args) (bool, error) {
			f, ok := c.st.d.filter(Str(in))
			return ok && f != nil, nil
		},
		"test": func(c *Context, in Value, _ Args) (bool, error) {
			_, ok := c.st.d.test(Str(in))
			return ok, nil
		},
	}
}

// affixTest is minijinja's startingwith and endingwith; Jinja2 has none.
func affixTest(has func(s, part string) bool) Test {
	return func(_ *Context, in Value, a Args) (bool, error) {
		v, err := a.Bind("startingwith", "other")
		if err != nil {
			return false, err
		}
		s, ok := in.(string)
		t, ok2 := v[0].(string)
		if !ok || !ok2 {
			return false, fmt.Errorf("the test needs strings")
		}
		return has(s, t), nil
	}
}
