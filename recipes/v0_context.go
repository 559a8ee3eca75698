package recipes

import (
	"fmt"
	"strconv"
	"strings"

	"forge/recipes/internal/expr"
)

// What rendering cannot say yet stands in the rendered text as a mark, with characters of Unicode's
// private use area: the number of a pin, which is known only when all outputs are; the hash; the name of
// a variable of the build; an undefined name, which is a mistake only where it is read.
const (
	markOpen, markClose   = "\uE0F0", "\uE0F1"
	markHash              = "\uE0F2"
	lateOpen, lateClose   = "\uE0F3", "\uE0F4"
	undefOpen, undefClose = "\uE0F5", "\uE0F6"
	firstMark, afterMarks = '\uE0F0', '\uE0F7'
)

// printUndefined marks an undefined name in the text.
func printUndefined(m *expr.Missing) string { return undefOpen + m.Of + " " + m.Name + undefClose }

func (p *v0Pass) mark(pin *Pin) string {
	p.pins = append(p.pins, pin)
	return markOpen + strconv.Itoa(len(p.pins)-1) + markClose
}

// function finds conda-build's functions for templates (jinja_context.py).
func (p *v0Pass) function(name string) (expr.Value, bool) {
	var call func(c *expr.Context, a expr.Args) (expr.Value, error)
	switch name {
	case "compiler", "stdlib":
		call = func(_ *expr.Context, a expr.Args) (expr.Value, error) { return p.tool(name, a) }
	case "cdt":
		call = p.cdt
	case "pin_subpackage":
		call = p.pinSubpackage
	case "pin_compatible":
		call = p.pinCompatible
	case "ccache":
		call = func(*expr.Context, expr.Args) (expr.Value, error) { return "ccache", nil }
	case "resolved_packages":
		call = func(*expr.Context, expr.Args) (expr.Value, error) {
			return nil, fmt.Errorf("resolved_packages() needs solved environments, which rendering does not have; list the packages under `host:` and pin them with pin_compatible()")
		}
	case "load_setup_py_data", "load_setuptools", "load_npm", "load_file_regex", "load_file_data", "load_str_data":
		return p.loader(name)
	case "installed":
		return expr.NewDict(), true
	case "time", "datetime":
		return nil, false
	default:
		return nil, false
	}
	return &expr.Func{Name: name, Call: call}, true
}

// tool is compiler('c') or stdlib('c'): NAME_PLATFORM and the version that the variant asks for.
func (p *v0Pass) tool(kind string, a expr.Args) (expr.Value, error) {
	v, err := a.Bind(kind, "language")
	if err != nil {
		return nil, err
	}
	lang := expr.Str(v[0])
	name, ok := p.variant[lang+"_"+kind]
	if !ok {
		name = lang
	}
	target := p.variant["target_platform"]
	if target == "" {
		target = p.scope.target
	}
	spec := name + "_" + target
	if version := p.variant[lang+"_"+kind+"_version"]; version != "" {
		spec = starred(spec + " " + version)
	}
	return spec, nil
}

// starred gives an exact-looking version the ".*" that conda-build adds (utils.py, ensure_valid_spec).
func starred(spec string) string {
	name, version, ok := strings.Cut(spec, " ")
	version = strings.TrimSpace(version)
	if !ok || version == "" || strings.ContainsAny(version, " *<>=!~|,") {
		return spec
	}
	if (name == "python" || name == "vc") && version == "x.x" {
		return spec
	}
	for _, r := range name + version {
		if !(r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z') {
			return spec
		}
	}
	return name + " " + version + ".*"
}

// cdt is a core dependency tree's package: name-cos7-x86_64.
func (p *v0Pass) cdt(_ *expr.Context, a expr.Args) (expr.Value, error) {
	v, err := a.Bind("cdt", "package_name")
	if err != nil {
		return nil, err
	}
	name, rest, _ := strings.Cut(expr.Str(v[0]), " ")
	dist, arch := "cos6", p.scope.arch()
	switch arch {
	case "64":
		arch = "x86_64"
	case "32":
		arch = "i686"
	default:
		dist = "cos7"
	}
	if v := p.variant["cdt_name"]; v != "" {
		dist = v
	}
	if v := p.variant["cdt_arch"]; v != "" {
		arch = v
	}
	return strings.TrimSpace(name + "-" + dist + "-" + arch + " " + rest), nil
}

// pinParts is min_pin or max_pin as an expression of x's: conda-build counts the parts alone (utils.py,
// apply_pin_expressions), so that min_pin="2.13.3" is "x.x.x" and no bound. An expression stays as it is.
func pinParts(text string) string {
	if strings.Trim(text, "x.") == "" {
		return text
	}
	return "x" + strings.Repeat(".x", strings.Count(text, "."))
}

// pinBounds reads the arguments that pins share.
func pinBounds(v []expr.Value, pin *Pin) error {
	set := func(i int, to *string, def string) {
		switch x := v[i].(type) {
		case expr.Absent:
			*to = def
		case nil:
			*to = ""
		default:
			*to = expr.Str(x)
		}
	}
	var lower, upper string
	pin.Name, _, _ = strings.Cut(pin.Name, " ")
	set(1, &pin.Lower, "x.x.x.x.x.x")
	set(2, &pin.Upper, "x")
	pin.Lower, pin.Upper = pinParts(pin.Lower), pinParts(pin.Upper)
	set(4, &lower, "")
	set(5, &upper, "")
	if lower != "" {
		pin.Lower = lower
	}
	if upper != "" {
		pin.Upper = upper
	}
	if _, absent := v[3].(expr.Absent); !absent {
		pin.Exact = expr.Truth(v[3])
	}
	if pin.Name == "" {
		return errEmptyPin
	}
	return nil
}

func (p *v0Pass) pinSubpackage(_ *expr.Context, a expr.Args) (expr.Value, error) {
	v, err := a.Bind("pin_subpackage", "subpackage_name", "min_pin?", "max_pin?", "exact?", "lower_bound?", "upper_bound?")
	if err != nil {
		return nil, err
	}
	pin := &Pin{Name: expr.Str(v[0]), Subpackage: true, CondaBuild: true}
	if err := pinBounds(v, pin); err != nil {
		return nil, err
	}
	return p.mark(pin), nil
}

func (p *v0Pass) pinCompatible(_ *expr.Context, a expr.Args) (expr.Value, error) {
	v, err := a.Bind("pin_compatible", "package_name", "lower_bound?", "upper_bound?", "min_pin?", "max_pin?", "exact?")
	if err != nil {
		return nil, err
	}
	pin := &Pin{Name: expr.Str(v[0]), CondaBuild: true}
	if err := pinBounds([]expr.Value{v[0], v[3], v[4], v[5], v[1], v[2]}, pin); err != nil {
		return nil, err
	}
	if lower, ok := v[1].(string); ok && lower != "" && !pin.Exact {
		if _, given := v[2].(string); !given { // the bounds follow from the given version: nothing to solve
			if upper, err := (&Pin{Name: pin.Name, Upper: pin.Upper, CondaBuild: true}).Apply(lower, ""); err == nil {
				_, pin.Upper, _ = strings.Cut(upper, "<")
			}
		}
	}
	return p.mark(pin), nil
}
