package recipes

import (
	"slices"
	"strconv"
	"strings"
)

var hashInString = pattern{src: `h\{\{\s*PKG_HASH\s*\}\}`}

var hashText = pattern{src: `h[0-9a-f]{7}`}

// settle gives the output its hash and build string.
func (o *v0Output) settle() {
	input := map[string]any{}
	for _, k := range o.hashed() {
		input[k] = o.variant[k]
	}
	for _, d := range o.out.Requirements.Run { // what only runs on some machines differs from what runs on others
		if name, _, _ := strings.Cut(d.Spec, " "); strings.HasPrefix(name, "__") {
			input[name] = d.Spec
		}
	}
	if spec := o.exportedGlibc(); spec != "" {
		input["__glibc"] = spec
	}
	o.out.HashInput = hashInput(input)
	if len(input) > 0 {
		o.out.Hash = "h" + shortHash(o.out.HashInput)
	}
	o.out.Variant = map[string]any{}
	for _, k := range o.used {
		o.out.Variant[k] = o.variant[k]
	}
	o.out.Settings = o.settings()
	hash := strings.TrimPrefix(o.out.Hash, "h")
	if o.opts.keepPins {
		hash = "1234567" // what conda-build puts in while nothing is final
	}
	s := strings.ReplaceAll(o.str, markHash, hash)
	if s != "" && !o.placesHash() {
		o.out.BuildString = o.prefixed(s)
		return
	}
	if s == "" {
		s = o.defaultString()
	}
	o.out.BuildString = o.prefixed(withHash(s, o.out.Hash))
}

// exportedGlibc is the run dependency that conda-forge's C library for Linux exports, sysroot_linux-64 2.17 for example
// "__glibc >=2.17,<3.0.a0"; empty where the output does not get it. conda-build hashes run dependencies on virtual
// packages (metadata.py, get_hash_contents), and in a build those that were exported are among them. The version is
// the variant's, also where the C library that is there was found to do with less.
func (o *v0Output) exportedGlibc() string {
	r := &o.out.Requirements
	version := strings.TrimSuffix(o.variant["c_stdlib_version"], ".*")
	name := "sysroot_" + o.out.TargetPlatform.String()
	ignored := func(list []string, what string) bool {
		return slices.ContainsFunc(list, func(spec string) bool { n, _, _ := strings.Cut(spec, " "); return n == what })
	}
	if !o.opts.Solved || o.out.NoArch != "" || o.variant["c_stdlib"] != "sysroot" || version == "" || strings.ContainsAny(version, "<>=!,| *") ||
		ignored(r.IgnoreByName, "__glibc") || ignored(r.IgnoreFrom, name) {
		return ""
	}
	for _, d := range r.Build {
		if n, _, _ := strings.Cut(d.Spec, " "); n == name {
			return "__glibc >=" + version + ",<3.0.a0"
		}
	}
	return ""
}

// placesHash reports whether the recipe says itself where the hash stands in the build string.
func (o *v0Output) placesHash() bool {
	raw := packageAndBuildText(o.selected.text)
	if o.own {
		raw = o.parts().output(o.index)
	}
	return strings.Contains(raw, "PKG_HASH") && hashInString.MatchString(raw)
}

func (o *v0Output) prefixed(s string) string {
	if p := o.opts.BuildStringPrefix; p != "" {
		return p + "_" + s
	}
	return s
}

// withHash puts the hash before the build number: py311_0 and h0123456 give py311h0123456_0.
func withHash(s, hash string) string {
	if strings.IndexByte(s, 'h') >= 0 && hashText.MatchString(s) {
		return hashText.ReplaceAllString(s, hash)
	}
	i := strings.LastIndexByte(s, '_')
	head, tail := s, ""
	if i >= 0 {
		head, tail = s[:i], s[i:]
	}
	if _, err := strconv.Atoi(head); err == nil {
		if hash == "" {
			return s
		}
		return hash + "_" + head + tail
	}
	return head + hash + tail
}

var hashExcludes = []string{"python", "r_base", "perl", "lua"}

// hashed are the used keys whose values are hashed: those that stand in the build string anyway are not.
// conda-build matches them as prefixes.
func (o *v0Output) hashed() []string {
	excludes := append(append([]string(nil), hashExcludes...), o.cfg.ignoreVersion...)
	if slices.Contains(o.used, "numpy") {
		if xx, pinned, withoutX := o.numpyPins(); xx || pinned && !withoutX {
			excludes = append(excludes, "numpy")
		}
	}
	var keys []string
	for _, k := range o.used {
		excluded := slices.ContainsFunc(excludes, func(e string) bool { return strings.HasPrefix(k, e) })
		if !excluded || strings.Contains(o.variant[k], " ") {
			keys = append(keys, k)
		}
	}
	if len(keys) == 1 && keys[0] == "target_platform" {
		return nil
	}
	return keys
}

// numpyPins says how the requirements pin numpy: to x.x, with pin_compatible, and whether that without x.
func (o *v0Output) numpyPins() (xx, pinned, withoutX bool) {
	_, text := o.texts()
	if !strings.Contains(text, "numpy") {
		return false, false, false
	}
	text = requirementsText(text)
	return numpyXX.MatchString(text), numpyPin.MatchString(text), numpyPin.MatchString(text) && !numpyPinWithX.MatchString(text)
}

// defaultString is the build string without its hash (metadata.py, build_string_from_metadata).
func (o *v0Output) defaultString() string {
	section := "build"
	if o.hasRequirement("host") {
		section = "host"
	}
	built, run := o.names(section), o.names("run")
	var parts []string
	xx, _, _ := o.numpyPins()
	for _, p := range []struct {
		prefix, name string
		parts        int
	}{{"np", "numpy", 2}, {"py", "python", 2}, {"pl", "perl", 3}, {"lua", "lua", 2}, {"r", "r", 2}, {"r", "r-base", 2}, {"mro", "mro-base", 3}, {"mro", "mro-base_impl", 3}} {
		if !has(run, p.name) || !has(built, p.name) || p.name == "numpy" && !xx {
			continue
		}
		if o.out.NoArch == p.name || p.name == "python" && truthy(o.get("build", "noarch_python")) {
			parts = append(parts, p.prefix)
			continue
		}
		version := built[p.name]
		if v := o.variantVersion(p.name); version == "" || strings.ContainsAny(version, "<>=!~|,") {
			version, _, _ = strings.Cut(v, " ")
		}
		if e := p.prefix + shortVersion(version, p.parts); !slices.Contains(parts, e) {
			parts = append(parts, e)
		}
	}
	s := strings.Join(parts, "")
	if s != "" {
		s += "_"
	}
	var features []string
	for _, n := range list1(o.get("build", "features")) {
		features = append(features, n.Value)
	}
	if len(features) > 0 {
		s += strings.Join(features, "_") + "_"
	}
	return s + strconv.Itoa(o.out.BuildNumber)
}

// names are the packages of a requirements section, with the versions asked for.
func (o *v0Output) names(section string) map[string]string {
	m := map[string]string{}
	list := map[string][]Dependency{"build": o.out.Requirements.Build, "host": o.out.Requirements.Host, "run": o.out.Requirements.Run}[section]
	for _, d := range list {
		if d.Pin != nil {
			m[strings.ToLower(d.Pin.Name)] = ""
			continue
		}
		spec := d.Spec
		if i := strings.LastIndex(spec, "::"); i >= 0 {
			spec = spec[i+2:]
		}
		end := strings.IndexAny(spec, " =<>!~[")
		if end < 0 {
			end = len(spec)
		}
		version, _, _ := strings.Cut(strings.TrimSpace(spec[end:]), " ")
		m[strings.ToLower(spec[:end])] = version
	}
	return m
}
