package recipes

import (
	"fmt"
	"strconv"
	"strings"

	"forge/recipes/internal/expr"
)

// The result of a pin stands in the rendered text as a mark, since what it pins to is known only when
// all outputs are: two characters of Unicode's private use area around a number.
const markOpen, markClose, markHash = "\uE0F0", "\uE0F1", "\uE0F2"

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
		if name = lang; kind == "stdlib" {
			name = lang + "_stdlib"
		}
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
	for _, r := range version {
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
	case "ppc64le", "aarch64", "ppc64", "s390x":
		dist = "cos7"
	case "64":
		arch = "x86_64"
	default:
		arch = "i686"
	}
	if v := p.variant["cdt_name"]; v != "" {
		dist = v
	}
	if v := p.variant["cdt_arch"]; v != "" {
		arch = v
	}
	return strings.TrimSpace(name + "-" + dist + "-" + arch + " " + rest), nil
}

// bounds reads the arguments that pins share.
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
	set(1, &pin.Lower, "x.x.x.x.x.x")
	set(2, &pin.Upper, "x")
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
	pin := &Pin{Name: expr.Str(v[0]), Subpackage: true}
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
	pin := &Pin{Name: expr.Str(v[0])}
	if err := pinBounds([]expr.Value{v[0], v[3], v[4], v[5], v[1], v[2]}, pin); err != nil {
		return nil, err
	}
	if lower, ok := v[1].(string); ok && lower != "" && !pin.Exact {
		if _, given := v[2].(string); !given { // the bounds follow from the given version: nothing to solve
			if upper, err := (&Pin{Name: pin.Name, Upper: pin.Upper}).Apply(lower, ""); err == nil {
				_, pin.Upper, _ = strings.Cut(upper, "<")
			}
		}
	}
	return p.mark(pin), nil
}
