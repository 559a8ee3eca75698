package recipes

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"forge/packages"
	"forge/platforms"
	"forge/recipes/internal/expr"
)

// v1Language is v1Dialect, made once: it never changes.
var v1Language = sync.OnceValue(v1Dialect)

// v1Dialect is the language of recipe.yaml: Jinja in ${{ }}, strict about undefined names, with the
// filters and tests that rattler-build keeps and no methods.
func v1Dialect() *expr.Dialect {
	filters, tests := expr.AllFilters(), expr.AllTests()
	keep := map[string]expr.Filter{"bool": filterBool, "int": filterInt, "split": filterSplit, "version_to_buildstring": filterBuildString,
		"abs": func(c *expr.Context, in expr.Value, args expr.Args) (expr.Value, error) {
			if b, ok := in.(bool); ok {
				return nil, fmt.Errorf("%v has no absolute value", b)
			}
			return filters["abs"](c, in, args)
		}}
	for _, name := range strings.Fields("replace lower upper default first last length list join min max reverse sort trim unique") {
		keep[name] = filters[name]
	}
	keepTests := map[string]expr.Test{}
	for _, name := range strings.Fields("undefined defined none odd even number integer int float string sequence boolean eq == ne != lt < le <= gt > ge >= in true false") {
		if t := tests[name]; t != nil {
			keepTests[name] = t
		}
	}
	keepTests["int"] = tests["integer"]
	keepTests["sequence"] = typeTest(func(v expr.Value) bool {
		switch v.(type) {
		case *expr.List, expr.Tuple:
			return true
		}
		return false
	})
	keepTests["safe"] = typeTest(func(v expr.Value) bool { _, ok := v.(string); return ok }) // nothing is ever escaped
	keepTests["escaped"] = keepTests["safe"]
	keepTests["startingwith"] = affixTest(strings.HasPrefix)
	keepTests["endingwith"] = affixTest(strings.HasSuffix)
	return &expr.Dialect{Vars: expr.Delims{Open: "${{", Close: "}}"}, Filters: keep, Tests: keepTests,
		Undefined: expr.Strict, Style: expr.MiniJinja, NoMethods: true, KeepTrailingNewline: true}
}

func affixTest(has func(s, affix string) bool) expr.Test {
	return func(_ *expr.Context, in expr.Value, args expr.Args) (bool, error) {
		affix, _ := args.Get(0, "other")
		s, ok := in.(string)
		a, ok2 := affix.(string)
		if !ok || !ok2 {
			return false, fmt.Errorf("startingwith and endingwith compare texts")
		}
		return has(s, a), nil
	}
}

func typeTest(is func(v expr.Value) bool) expr.Test {
	return func(_ *expr.Context, in expr.Value, _ expr.Args) (bool, error) { return is(in), nil }
}

// filterInt makes a whole number of a text, of a fraction or of a boolean.
func filterInt(_ *expr.Context, in expr.Value, args expr.Args) (expr.Value, error) {
	if len(args.Pos)+len(args.Names) > 0 {
		return nil, errors.New("int takes no arguments; write `x | default(0) | int`")
	}
	switch v := in.(type) {
	case int64:
		return v, nil
	case bool:
		return int64(boolByte(v)), nil
	case float64:
		return int64(v), nil
	case string:
		if i, err := strconv.ParseInt(v, 10, 64); err == nil {
			return i, nil
		}
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			return int64(f), nil
		}
		return nil, fmt.Errorf("%q is not a number", v)
	}
	return nil, fmt.Errorf("a value of the type %s is not a number", expr.TypeName(in))
}

func filterBool(_ *expr.Context, in expr.Value, _ expr.Args) (expr.Value, error) {
	return expr.Truth(in), nil
}

// filterSplit cuts a text at a separator, at white space without one.
func filterSplit(_ *expr.Context, in expr.Value, args expr.Args) (expr.Value, error) {
	bound, err := args.Bind("split", "sep?", "maxsplit?")
	if err != nil {
		return nil, err
	}
	s, ok := in.(string)
	if !ok {
		return nil, fmt.Errorf("split takes a text, not a value of the type %s", expr.TypeName(in))
	}
	limit := -1
	if n, ok := bound[1].(int64); ok && n >= 0 {
		limit = int(n) + 1
	}
	var parts []string
	if sep, ok := bound[0].(string); ok && sep != "" {
		parts = strings.SplitN(s, sep, limit)
	} else {
		parts = strings.Fields(s)
		if limit > 0 && len(parts) > limit {
			rest := s
			for _, p := range parts[:limit-1] {
				rest = strings.TrimLeft(rest, " \t\r\n")[len(p):]
			}
			parts = append(parts[:limit-1], strings.TrimSpace(rest))
		}
	}
	return expr.FromGo(parts), nil
}

func filterBuildString(c *expr.Context, in expr.Value, _ expr.Args) (expr.Value, error) {
	s, err := c.Str(in)
	if err != nil {
		return nil, err
	}
	if words := strings.Fields(s); len(words) > 0 {
		s = words[0]
	}
	return shortVersion(s, 2), nil
}

// printed is a value as a template prints it.
func printed(v expr.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return fmt.Sprint(v)
	case nil:
		return "none"
	}
	return expr.Str(v)
}

// platform is what expressions know of the platforms, the same for all variants.
type platform struct {
	opts *RenderOptions
	vars map[string]bool // variables of the build's environment
	dir  string          // of the recipe, for the git functions
	all  map[string]expr.Value
}

func newPlatform(o *RenderOptions) *platform { return &platform{opts: o, vars: o.platformVariables()} }

// name is what a name means; it is asked name by name, since a recipe reads a few of seventy.
func (p *platform) name(name string) (expr.Value, bool) {
	o := p.opts
	switch name {
	case "target_platform":
		return o.TargetPlatform.String(), true
	case "build_platform":
		return o.BuildPlatform.String(), true
	case "host_platform":
		return o.HostPlatform.String(), true
	case "unix":
		return isUnix(o.HostPlatform), true
	case "SHLIB_EXT":
		return sharedLibraryExtension(o.TargetPlatform), true
	case "ios":
		return o.HostPlatform.OS() == "ios" || o.HostPlatform.OS() == "iossimulator", true
	case "env":
		return environ{o.Env}, true
	case "git":
		return gitInfo{p.opts, p.dir}, true
	}
	switch word := hostWords()[name]; word.kind {
	case subdirWord:
		return word.subdir == o.HostPlatform.String(), true
	case familyWord:
		return name == o.HostPlatform.OS(), true
	case archName:
		return o.HostPlatform.Arch() == name, true
	}
	return nil, false
}

// names lists all that name knows; the list is made once and not to be changed.
func (p *platform) names() map[string]expr.Value {
	if p.all == nil {
		p.all = p.listNames()
	}
	return p.all
}

func (p *platform) listNames() map[string]expr.Value {
	all := map[string]expr.Value{}
	for _, name := range strings.Fields("target_platform build_platform host_platform unix SHLIB_EXT ios env git") {
		all[name], _ = p.name(name)
	}
	for name := range hostWords() {
		all[name], _ = p.name(name)
	}
	return all
}

// hostWord is a name that is true on some platforms.
type hostWord struct {
	kind   hostWordKind
	subdir string
}

type hostWordKind int

const (
	noWord hostWordKind = iota
	archName
	subdirWord
	familyWord
)

var hostWords = sync.OnceValue(func() map[string]hostWord {
	words := map[string]hostWord{}
	for _, arch := range strings.Fields("aarch64 arm64 armv6l armv7a armv7l loongarch64 ppc ppc64 ppc64le riscv32 riscv64 s390x wasm32 wasm64 x86 x86_64 z") {
		words[arch] = hostWord{kind: archName}
	}
	for _, subdir := range platforms.Subdirs() {
		family, _, ok := strings.Cut(subdir, "-")
		if !ok {
			continue
		}
		words[strings.ReplaceAll(subdir, "-", "")] = hostWord{subdirWord, subdir}
		if family != "ios" {
			words[family] = hostWord{kind: familyWord}
		}
	}
	return words
})

func isUnix(p platforms.Platform) bool {
	switch p.OS() {
	case "linux", "osx", "freebsd", "android", "ios", "iossimulator", "emscripten":
		return true
	}
	return false
}

func sharedLibraryExtension(p platforms.Platform) string {
	switch p.OS() {
	case "win":
		return ".dll"
	case "osx", "ios", "iossimulator":
		return ".dylib"
	case "linux", "android":
		return ".so"
	}
	return ".not_implemented"
}

// function is a function of recipe.yaml by name, nil for none.
func (f *frame) function(name string) *expr.Func {
	var call func(args expr.Args) (expr.Value, error)
	switch name {
	case "compiler", "stdlib":
		call = func(args expr.Args) (expr.Value, error) { return f.tool(args, name) }
	case "cdt":
		call = f.cdt
	case "match":
		call = matchVersion
	case "pin_subpackage", "pin_compatible":
		call = func(args expr.Args) (expr.Value, error) { return pinCall(name, args) }
	case "load_from_file":
		call = f.loadFromFile
	case "cmp":
		call = func(expr.Args) (expr.Value, error) {
			return nil, errors.New("cmp() is gone; write match(name, \">=1.2\")")
		}
	case "is_linux":
		call = platformTest(name, osIs("linux"))
	case "is_osx":
		call = platformTest(name, osIs("osx"))
	case "is_windows":
		call = platformTest(name, osIs("win"))
	case "is_unix":
		call = platformTest(name, isUnix)
	case "is_ios":
		call = platformTest(name, osIs("ios", "iossimulator"))
	case "is_android":
		call = platformTest(name, osIs("android"))
	default:
		return nil
	}
	return &expr.Func{Name: name, Call: func(_ *expr.Context, args expr.Args) (expr.Value, error) { return call(args) }}
}

func platformTest(name string, is func(platforms.Platform) bool) func(args expr.Args) (expr.Value, error) {
	return func(args expr.Args) (expr.Value, error) {
		bound, err := args.Bind(name, "platform")
		if err != nil {
			return nil, err
		}
		p, err := platforms.Parse(printed(bound[0]))
		if err != nil {
			return nil, err
		}
		return is(p), nil
	}
}

func osIs(names ...string) func(platforms.Platform) bool {
	return func(p platforms.Platform) bool {
		for _, n := range names {
			if p.OS() == n {
				return true
			}
		}
		return false
	}
}

// tool names the compiler or standard library package of a language, as the variant or else the
// platform's default has it.
func (f *frame) tool(args expr.Args, kind string) (expr.Value, error) {
	bound, err := args.Bind(kind, "lang")
	if err != nil {
		return nil, err
	}
	lang := printed(bound[0])
	key := normalKey(lang + "_" + kind) // go-nocgo has the key go_nocgo_compiler
	for _, k := range toolKeys(kind, normalKey(lang)) {
		f.read[k] = true
	}
	name := ""
	if v, ok := f.variant[normalKey(key)]; ok {
		name = v.Text
	} else if kind == "compiler" {
		name = defaultCompiler(f.opts.TargetPlatform, lang)
	}
	if name == "" {
		return nil, fmt.Errorf("no %s is set for the language %q; set the variant key %s", kind, lang, key)
	}
	name += "_" + f.opts.TargetPlatform.String()
	version, ok := f.variant[normalKey(key+"_version")]
	if !ok {
		return name, nil
	}
	if strings.IndexFunc(version.Text, func(r rune) bool { return r != '.' && !isAlnum(r) }) < 0 {
		return name + " =" + version.Text, nil
	}
	return name + " " + version.Text, nil
}

func isAlnum(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// defaultCompiler is the compiler's name where no variant file sets one.
func defaultCompiler(p platforms.Platform, lang string) string {
	family := map[string][2]string{"win": {"vs2022", "vs2022"}, "osx": {"clang", "clangxx"}, "ios": {"clang", "clangxx"},
		"iossimulator": {"clang", "clangxx"}, "android": {"clang", "clangxx"}, "emscripten": {"emscripten", "emscripten"}}[p.OS()]
	if family == [2]string{} || p.String() == "emscripten-wasm64" {
		family = [2]string{"gcc", "gxx"}
	}
	switch lang {
	case "c":
		return family[0]
	case "cxx":
		return family[1]
	case "fortran":
		if p.IsWindows() {
			return "flang"
		}
		return "gfortran"
	}
	return lang
}

// cdt names a package of the core dependency tree.
func (f *frame) cdt(args expr.Args) (expr.Value, error) {
	bound, err := args.Bind("cdt", "package")
	if err != nil {
		return nil, err
	}
	arch := f.opts.HostPlatform.Arch()
	if arch == "" {
		arch = f.opts.BuildPlatform.Arch()
	}
	distribution := "cos6"
	switch arch {
	case "x86":
		arch = "i686"
	case "s390x", "aarch64", "ppc64le", "ppc64":
		distribution = "cos7"
	}
	if v, ok := f.variant["cdt_name"]; ok {
		f.read["cdt_name"], distribution = true, v.Text
	}
	name, rest, _ := strings.Cut(printed(bound[0]), " ")
	return strings.TrimSpace(name + "-" + distribution + "-" + arch + " " + rest), nil
}

// matchVersion tells whether a version, or a variant's spec such as "3.11.* *_cpython", meets a
// condition. An undefined name meets every one.
func matchVersion(args expr.Args) (expr.Value, error) {
	bound, err := args.Bind("match", "version", "spec")
	if err != nil {
		return nil, err
	}
	switch bound[0].(type) {
	case nil, *expr.Missing:
		return true, nil
	}
	text, _, _ := strings.Cut(printed(bound[0]), " ")
	for strings.HasSuffix(text, ".*") {
		text = strings.TrimSuffix(text, ".*")
	}
	version, err := packages.ParseVersion(strings.TrimRight(text, "*"))
	if err != nil {
		return nil, err
	}
	spec, err := packages.ParseVersionSpecStrict(printed(bound[1]))
	if err != nil {
		return nil, fmt.Errorf("the condition %q cannot be read: %w", printed(bound[1]), err)
	}
	return spec.Matches(version), nil
}

// pinText is a pin on its way through a template, where only text travels. The shape is rattler-build's.
type pinText struct {
	Name       string  `json:"name"`
	LowerBound *string `json:"lower_bound,omitempty"`
	UpperBound *string `json:"upper_bound,omitempty"`
	Exact      bool    `json:"exact,omitempty"`
	Build      string  `json:"build,omitempty"`
}

func pinCall(fn string, args expr.Args) (expr.Value, error) {
	for k, name := range args.Names {
		if now := map[string]string{"min_pin": "lower_bound", "max_pin": "upper_bound"}[name]; now != "" {
			return nil, fmt.Errorf("%s is called %s now: write %s(…, %s=%q)", name, now, fn, now, printed(args.Named[k]))
		}
	}
	if len(args.Pos) > 1 {
		return nil, fmt.Errorf("%s() takes one argument without a name, %d given", fn, len(args.Pos))
	}
	bound, err := args.Bind(fn, "name", "lower_bound?", "upper_bound?", "exact?", "build?")
	if err != nil {
		return nil, err
	}
	name, ok := bound[0].(string)
	if !ok || !packages.ValidName(name) {
		return nil, fmt.Errorf("%s(): %q is not a package name", fn, printed(bound[0]))
	}
	lower, upper := "x.x.x.x.x.x", "x"
	p := pinText{Name: strings.ToLower(name), LowerBound: &lower, UpperBound: &upper}
	if exact, ok := bound[3].(bool); ok {
		p.Exact, p.LowerBound, p.UpperBound = exact, nil, nil
	}
	if p.LowerBound, err = pinBound(bound[1], p.LowerBound); err != nil {
		return nil, err
	}
	if p.UpperBound, err = pinBound(bound[2], p.UpperBound); err != nil {
		return nil, err
	}
	if b, ok := bound[4].(string); ok {
		if p.Exact {
			return nil, fmt.Errorf("%s(): `exact` and `build` exclude each other", fn)
		}
		p.Build = b
	}
	raw, err := json.Marshal(map[string]pinText{fn: p})
	return string(raw), err
}

func pinBound(v expr.Value, def *string) (*string, error) {
	switch v := v.(type) {
	case expr.Absent:
		return def, nil
	case nil:
		return nil, nil
	case string:
		if strings.Trim(v, "x.") != "" {
			if _, err := packages.ParseVersion(v); err != nil {
				return nil, fmt.Errorf("the bound %q is neither a pattern such as x.x nor a version: %w", v, err)
			}
		}
		return &v, nil
	}
	return nil, fmt.Errorf("a bound is a text such as \"x.x\", not %s", printed(v))
}
