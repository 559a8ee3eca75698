package recipes

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"forge/recipes/internal/expr"
)

// loader are the functions that read a file. conda-build looks below the unpacked source, which
// rendering does not have, and then in the recipe's folder; only the latter is read here, and never run.
func (p *v0Pass) loader(name string) (expr.Value, bool) {
	return &expr.Func{Name: name, Call: func(c *expr.Context, a expr.Args) (expr.Value, error) {
		switch name {
		case "load_str_data":
			v, err := a.Bind(name, "data", "fmt", "args?", "kwargs?")
			if err != nil {
				return nil, err
			}
			return decodeData(expr.Str(v[0]), expr.Str(v[1]))
		case "load_file_data":
			v, err := a.Bind(name, "load_file", "fmt?", "from_recipe_dir?", "recipe_dir?")
			if err != nil {
				return nil, err
			}
			file := expr.Str(v[0])
			text, err := p.readLocal(name, file)
			if err != nil {
				return p.soft(err)
			}
			format := strings.TrimPrefix(filepath.Ext(file), ".")
			if s, ok := v[1].(string); ok {
				format = s
			}
			return decodeData(text, format)
		case "load_file_regex":
			return p.loadRegex(c, a)
		case "load_npm":
			text, err := p.readLocal(name, "package.json")
			if err != nil {
				return p.soft(err)
			}
			return decodeData(text, "json")
		}
		data, err := p.setupData(a)
		if err != nil {
			return p.soft(err)
		}
		return data, nil
	}}, true
}

// soft makes an error undefined in the permissive pass.
func (p *v0Pass) soft(err error) (expr.Value, error) {
	if p.permissive {
		return &expr.Missing{Name: "data of the source"}, nil
	}
	return nil, err
}

func (p *v0Pass) readLocal(fn, file string) (string, error) {
	name := strings.TrimPrefix(strings.TrimPrefix(file, "$RECIPE_DIR/"), "%RECIPE_DIR%\\")
	text, err := p.folder.read(filepath.ToSlash(filepath.Clean(name)))
	if err != nil {
		return "", fmt.Errorf("%s(%q): %w; only files in the recipe's folder can be read, for the source is not unpacked yet", fn, file, plainError(err))
	}
	return text, nil
}

func (p *v0Pass) loadRegex(_ *expr.Context, a expr.Args) (expr.Value, error) {
	v, err := a.Bind("load_file_regex", "load_file", "regex_pattern", "from_recipe_dir?", "recipe_dir?")
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(expr.Str(v[1]))
	if err != nil {
		return nil, fmt.Errorf("load_file_regex: %w", err)
	}
	text, err := p.readLocal("load_file_regex", expr.Str(v[0]))
	if err != nil {
		return p.soft(err)
	}
	m := re.FindStringSubmatch(text)
	if m == nil {
		return nil, nil
	}
	return &matchObject{re, m}, nil
}

// matchObject is Python's re.Match as far as recipes use it.
type matchObject struct {
	re     *regexp.Regexp
	groups []string
}

func (m *matchObject) String() string { return m.groups[0] }

func (m *matchObject) Attr(name string) (expr.Value, bool) {
	all := make([]any, 0, len(m.groups))
	named := map[string]any{}
	for i, g := range m.groups {
		if i > 0 {
			all = append(all, g)
			if n := m.re.SubexpNames()[i]; n != "" {
				named[n] = g
			}
		}
	}
	fn := func(f func(a expr.Args) (expr.Value, error)) (expr.Value, bool) {
		return &expr.Func{Name: name, Call: func(_ *expr.Context, a expr.Args) (expr.Value, error) { return f(a) }}, true
	}
	switch name {
	case "group":
		return fn(func(a expr.Args) (expr.Value, error) {
			i, ok := a.Get(0, "group")
			if !ok {
				return m.groups[0], nil
			}
			if n, ok := i.(int64); ok && n >= 0 && int(n) < len(m.groups) {
				return m.groups[n], nil
			}
			if s, ok := named[expr.Str(i)]; ok {
				return s, nil
			}
			return nil, fmt.Errorf("the pattern has no group %s", expr.Repr(i))
		})
	case "groups":
		return fn(func(expr.Args) (expr.Value, error) {
			return expr.Tuple(expr.FromGo(all).(*expr.List).Items), nil
		})
	case "groupdict":
		return fn(func(expr.Args) (expr.Value, error) { return expr.FromGo(named), nil })
	}
	return nil, false
}

// decodeData reads text in a named format: json, yaml or toml.
func decodeData(text, format string) (expr.Value, error) {
	switch format = strings.ToLower(format); format {
	case "json", "yaml", "yml", "toml":
		v, err := parseData("data."+format, text)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", format, err)
		}
		return v, nil
	}
	return nil, fmt.Errorf("the format %q is none of json, yaml and toml", format)
}
