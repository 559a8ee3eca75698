package recipes

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"github.com/pelletier/go-toml/v2"
	"gopkg.in/yaml.v3"
)

// platformVariables are the variables that the platform sets in the build's environment; a variant key
// that replaces one is part of every hash.
func (o *RenderOptions) platformVariables() map[string]bool {
	p := o.TargetPlatform
	if p.IsNoArch() {
		p = o.HostPlatform
	}
	build := o.BuildPlatform.OS()
	k := platformKey{p.OS(), build == "linux" || build == "osx"}
	if set, ok := variablesOf()[k]; ok {
		return set
	}
	return variablesOf()[platformKey{"", k.unixBuild}]
}

// platformKey is what the variables depend on: the system built for, and whether Unix builds.
type platformKey struct {
	os        string
	unixBuild bool
}

// variablesOf are the variables for each system; they are read, never changed.
var variablesOf = sync.OnceValue(func() map[platformKey]map[string]bool {
	const unix = " PKG_CONFIG_PATH CMAKE_GENERATOR SSL_CERT_FILE "
	sets := map[platformKey]map[string]bool{}
	for system, names := range map[string]string{
		"": "", "linux": unix + "QEMU_LD_PREFIX QEMU_UNAME DEJAGNU DISPLAY LD_RUN_PATH BUILD", "osx": unix + "OSX_ARCH MACOSX_DEPLOYMENT_TARGET",
		"ios": unix + "IOS_ARCH IPHONEOS_DEPLOYMENT_TARGET HOST", "iossimulator": unix + "IOS_ARCH IPHONEOS_DEPLOYMENT_TARGET HOST",
		"android": unix + "ANDROID_ABI ANDROID_API_LEVEL HOST",
		"win":     "SCRIPTS LIBRARY_PREFIX LIBRARY_BIN LIBRARY_INC LIBRARY_LIB LIB INCLUDE CYGWIN_PREFIX Path",
	} {
		for _, unixBuild := range []bool{false, true} {
			all := "CPU_COUNT LANG LC_ALL SHLIB_EXT PATH " + names
			if unixBuild {
				all += " BUILD HOME USER SHELL EDITOR TERM"
			}
			set := map[string]bool{}
			for _, name := range strings.Fields(all) {
				set[name] = true
			}
			sets[platformKey{system, unixBuild}] = set
		}
	}
	return sets
})

// environ is `env` in expressions: what the caller lets recipes see of the environment.
type environ struct {
	look func(name string) (string, bool)
}

func (e environ) String() string { return "env" }

// Attr gives env.get and env.exists.
func (e environ) Attr(name string) (expr.Value, bool) {
	find := func(args expr.Args, params ...string) ([]expr.Value, string, bool, error) {
		bound, err := args.Bind("env."+name, params...)
		if err != nil {
			return nil, "", false, err
		}
		key, ok := bound[0].(string)
		if !ok {
			return nil, "", false, errors.New("the name of an environment variable is a text")
		}
		if e.look == nil {
			return bound, "", false, nil
		}
		value, found := e.look(key)
		return bound, value, found, nil
	}
	switch name {
	case "get":
		return &expr.Func{Name: "env.get", Call: func(_ *expr.Context, args expr.Args) (expr.Value, error) {
			bound, value, found, err := find(args, "name", "default?")
			if err != nil || found {
				return value, err
			}
			if _, none := bound[1].(expr.Absent); none {
				return nil, fmt.Errorf("the environment variable %s is not set; give a default: env.get(%q, default=\"\")", printed(bound[0]), printed(bound[0]))
			}
			return bound[1], nil
		}}, true
	case "exists":
		return &expr.Func{Name: "env.exists", Call: func(_ *expr.Context, args expr.Args) (expr.Value, error) {
			_, _, found, err := find(args, "name")
			return found, err
		}}, true
	}
	return nil, false
}

// loadFromFile reads a file of the recipe's folder as data.
func (f *frame) loadFromFile(args expr.Args) (expr.Value, error) {
	bound, err := args.Bind("load_from_file", "path")
	if err != nil {
		return nil, err
	}
	if !f.opts.Experimental {
		return nil, errors.New("load_from_file() is experimental: accept it with --experimental")
	}
	name := printed(bound[0])
	text, err := f.files.read(name)
	if err != nil {
		return nil, fmt.Errorf("load_from_file(%q): %w", name, plainError(err))
	}
	v, err := parseData(name, text)
	if err != nil {
		return nil, fmt.Errorf("load_from_file(%q): %w", name, err)
	}
	return v, nil
}

func parseData(name, text string) (expr.Value, error) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".json":
		var v any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		err := d.Decode(&v)
		return expr.FromGo(plainNumbers(v)), err
	case ".toml":
		var v map[string]any
		err := toml.Unmarshal([]byte(text), &v)
		return expr.FromGo(plainNumbers(v)), err
	case ".yaml", ".yml":
		doc, list := yamlx.Load(name, []byte(text), yamlx.Options{Aliases: yamlx.ExpandAliases})
		if err := list.Err(); err != nil {
			return nil, err
		}
		return expr.FromGo(plainYAML(doc.Root)), nil
	}
	return text, nil
}

func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		x, _ := v.Float64()
		return x
	case map[string]any:
		for k, e := range v {
			v[k] = plainNumbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = plainNumbers(e)
		}
	case nil, bool, string, int64, float64:
	default:
		return fmt.Sprint(v) // dates of TOML
	}
	return v
}

func plainYAML(n *yaml.Node) any {
	switch {
	case yamlx.IsNull(n):
		return nil
	case n.Kind == yaml.MappingNode:
		m := map[string]any{}
		for k, v := range yamlx.Pairs(n) {
			m[k.Value] = plainYAML(v)
		}
		return m
	case n.Kind == yaml.SequenceNode:
		out := []any{}
		for _, e := range n.Content {
			out = append(out, plainYAML(e))
		}
		return out
	}
	return typed(n)
}
