package recipes

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/packages"
	"forge/platforms"
	"forge/platforms/cpu"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Workspace is what forge.hcl says. What it leaves out is empty; the built-in defaults are the caller's.
type Workspace struct {
	Path       string
	Channels   []Channel // highest priority first
	Externals  []ExternalTool
	Toolchains []Toolchain
	Variants   map[string][]string // key → values, as of a variants.yaml of the lowest priority
	ZipKeys    [][]string
	Keys       []TrustedKey
	Policy     Policy
	Optimize   Optimize
	Cache      StoreLimits
}

// Channel is a place to take packages from: a URL, or a folder relative to the workspace.
type Channel struct {
	Name     string
	URL      string
	Packages []string // globs of names that come from this channel and no other; empty for none
	Pos      diag.Pos
}

// ExternalTool declares a tool of the host, or with Use false refuses one that would be found.
type ExternalTool struct {
	Name     string // of the package it stands for
	Version  string // empty for the observed one
	Use      bool
	Packages []string // of the host's package manager, whose files it is made of
	Files    []string // globs of absolute paths, where no package manager knows them
	Programs []string
	Env      map[string]string
	Pos      diag.Pos
}

// Toolchain sets what compilers are called with.
type Toolchain struct {
	Name     string
	Platform platforms.Platform // zero for all
	Env      map[string]string  // CC, CFLAGS, …
	Pos      diag.Pos
}

// TrustedKey is a public key to verify packages with.
type TrustedKey struct {
	Name        string
	File        string // relative to the workspace
	Fingerprint string
	Packages    []string // globs of the names it may sign; empty for all
	Pos         diag.Pos
}

// Policy is what the workspace demands of builds and packages.
type Policy struct {
	Isolation  string // "full", "landlock", "seatbelt", "appcontainer" or "none": the least that is accepted; empty for full
	Signatures string // "required" or "optional": for packages of channels; empty for optional
	Unhashed   bool   // accept sources without a hash
	// TrustedRoot is a trusted_root.json, relative to the workspace, that attestations of sources are verified
	// with; empty for the one of Sigstore's public-good instance.
	TrustedRoot string
	ABI         string // "off", "warn" or "error": what is done about libraries that lost symbols; empty for off
}

// Optimize says which CPU levels are built of outputs that use a compiler.
type Optimize struct {
	Levels   []string // archspec's names, as x86_64_v3; the psABI's are read, too
	LTO      bool     // with link time optimisation
	Layout   string   // LayoutPackages, the same as none, or LayoutHwcaps
	Packages []string // globs of the packages it is for; empty for all
	Pos      diag.Pos
}

// How the levels of a package lie: each in a package of its own, or the libraries of all in one package, in
// the folders that glibc's loader chooses from.
const (
	LayoutPackages = "packages"
	LayoutHwcaps   = "glibc-hwcaps"
)

// StoreLimits bound the store; it is the caller's to read the sizes and times.
type StoreLimits struct {
	MaxSize string // "20GB": after a build the least recently used goes, until no more is left
	MaxAge  string // "30d": after a build what was not used for so long goes
	Pos     diag.Pos
}

// workspaceBlocks are the blocks of forge.hcl with the type of each attribute: s text, l list of
// texts, b boolean, m mapping of texts.
func workspaceBlocks() map[string]struct {
	named bool
	keys  map[string]byte
} {
	type block = struct {
		named bool
		keys  map[string]byte
	}
	return map[string]block{
		"channel":   {true, map[string]byte{"url": 's', "packages": 'l'}},
		"external":  {true, map[string]byte{"version": 's', "use": 'b', "packages": 'l', "files": 'l', "programs": 'l', "env": 'm'}},
		"toolchain": {true, map[string]byte{"platform": 's', "env": 'm'}},
		"variant":   {false, nil},
		"key":       {true, map[string]byte{"file": 's', "fingerprint": 's', "packages": 'l'}},
		"policy":    {false, map[string]byte{"isolation": 's', "signatures": 's', "unhashed": 'b', "abi": 's', "trusted_root": 's'}},
		"optimize":  {false, map[string]byte{"levels": 'l', "lto": 'b', "layout": 's', "packages": 'l'}},
		"cache":     {false, map[string]byte{"max_size": 's', "max_age": 's'}},
	}
}

// ParseWorkspace reads a forge.hcl. The workspace is of use unless the list has errors; all mistakes
// are reported.
func ParseWorkspace(path string, data []byte) (*Workspace, diag.List) {
	w := &Workspace{Path: path, Variants: map[string][]string{}}
	body, doc, list := parseHCL(path, data)
	if body == nil {
		return w, list
	}
	p := &workspaceParser{w: w, hclEval: hclEval{path: path, doc: doc, ctx: &hcl.EvalContext{Variables: map[string]cty.Value{}}, list: list}}
	for _, a := range body.Attributes {
		p.errorf(a.NameRange, "unknown-key", "", "%q stands outside of any block", a.Name)
	}
	once := map[string]bool{}
	for _, b := range body.Blocks {
		kind, known := workspaceBlocks()[b.Type]
		switch {
		case !known:
			p.errorf(b.TypeRange, "unknown-key", didYouMean(b.Type, sortedNames(workspaceBlocks())), "unknown block %q", b.Type)
			continue
		case kind.named != (len(b.Labels) == 1) || len(b.Labels) > 1:
			p.errorf(b.TypeRange, "bad-block", "", "the block %q takes %s", b.Type, map[bool]string{true: "one name", false: "no name"}[kind.named])
			continue
		case once[b.Type+"\n"+strings.Join(b.Labels, "\n")]:
			p.errorf(b.TypeRange, "duplicate-key", "", "this block is here twice")
			continue
		}
		once[b.Type+"\n"+strings.Join(b.Labels, "\n")] = true
		for _, inner := range b.Body.Blocks {
			p.errorf(inner.TypeRange, "unknown-key", "", "a block %q inside of %q means nothing", inner.Type, b.Type)
		}
		p.block(b, p.attributes(b, kind.keys))
	}
	p.list.Sort()
	return w, p.list
}

type workspaceParser struct {
	w *Workspace
	hclEval
}

// values are the attributes of one block by kind.
type values struct {
	text map[string]string
	list map[string][]string
	flag map[string]bool
	maps map[string]map[string]string
	at   map[string]hcl.Range
}

func (p *workspaceParser) attributes(b *hclsyntax.Block, keys map[string]byte) values {
	v := values{map[string]string{}, map[string][]string{}, map[string]bool{}, map[string]map[string]string{}, map[string]hcl.Range{}}
	for _, name := range sortedNames(b.Body.Attributes) {
		a := b.Body.Attributes[name]
		kind, known := keys[name]
		if keys == nil {
			kind, known = 'l', true
		}
		if !known {
			p.errorf(a.NameRange, "unknown-key", didYouMean(name, sortedNames(keys)), "unknown key %q in %s", name, b.Type)
			continue
		}
		value, problems := a.Expr.Value(p.ctx)
		p.list = append(p.list, hclDiagnostics(p.doc, problems)...)
		if problems.HasErrors() || value.IsNull() {
			continue
		}
		v.at[name] = a.Expr.Range()
		if keys == nil && name == "zip_keys" {
			p.zip(value, a)
		} else if !v.set(name, kind, value) {
			p.errorf(a.Expr.Range(), "wrong-type", "", "%s is %s", name, map[byte]string{'s': "a text in quotes", 'l': "a list of texts in quotes", 'b': "true or false", 'm': "a mapping of texts"}[kind])
		}
	}
	return v
}

func (v *values) set(name string, kind byte, value cty.Value) bool {
	t := value.Type()
	switch kind {
	case 's':
		if t != cty.String {
			return false
		}
		v.text[name] = value.AsString()
	case 'b':
		if t != cty.Bool {
			return false
		}
		v.flag[name] = value.True()
	case 'l':
		words := toWords(value)
		if !isList(value) || len(words) != value.LengthInt() {
			return false
		}
		v.list[name] = words
	case 'm':
		if !t.IsObjectType() {
			return false
		}
		m := map[string]string{}
		for it := value.ElementIterator(); it.Next(); {
			k, e := it.Element()
			if e.IsNull() || e.Type() != cty.String {
				return false
			}
			m[k.AsString()] = e.AsString()
		}
		v.maps[name] = m
	}
	return true
}

func (p *workspaceParser) zip(value cty.Value, a *hclsyntax.Attribute) {
	if isList(value) {
		for it := value.ElementIterator(); it.Next(); {
			_, group := it.Element()
			if words := toWords(group); len(words) > 1 {
				p.w.ZipKeys = append(p.w.ZipKeys, words)
				continue
			}
			p.errorf(a.Expr.Range(), "zip-keys", "", "a group of zip_keys is a list of two keys or more")
		}
		return
	}
	p.errorf(a.Expr.Range(), "wrong-type", "", "zip_keys is a list of lists of keys")
}

func (p *workspaceParser) block(b *hclsyntax.Block, v values) {
	name, pos := strings.Join(b.Labels, ""), hclPos(p.path, b.TypeRange)
	switch b.Type {
	case "channel":
		if v.text["url"] == "" {
			p.errorf(b.TypeRange, "missing-key", "", "the channel %q lacks its url", name)
		}
		p.w.Channels = append(p.w.Channels, Channel{name, v.text["url"], v.list["packages"], pos})
	case "external":
		use, said := v.flag["use"]
		p.checkName(b, name)
		p.checkEnv(v)
		p.checkVersion(b, name, v)
		p.w.Externals = append(p.w.Externals, ExternalTool{Name: name, Version: v.text["version"], Use: use || !said, Packages: v.list["packages"],
			Files: p.absolute(v, "files"), Programs: p.absolute(v, "programs"), Env: v.maps["env"], Pos: pos})
	case "toolchain":
		t := Toolchain{Name: name, Env: v.maps["env"], Pos: pos}
		p.checkEnv(v)
		if s := v.text["platform"]; s != "" {
			var err error
			if t.Platform, err = platforms.Parse(s); err != nil {
				p.errorf(v.at["platform"], "bad-value", didYouMean(s, platforms.Subdirs()), "unknown platform %q", s)
			}
		}
		p.w.Toolchains = append(p.w.Toolchains, t)
	case "variant":
		for key, list := range v.list {
			p.w.Variants[normalKey(key)] = list
		}
	case "key":
		p.key(b, name, v, pos)
	case "policy":
		p.w.Policy = Policy{Isolation: p.word(v, "isolation", "full", "landlock", "seatbelt", "appcontainer", "none"), Signatures: p.word(v, "signatures", "required", "optional"),
			Unhashed: v.flag["unhashed"], TrustedRoot: v.text["trusted_root"], ABI: p.word(v, "abi", "off", "warn", "error")}
	case "cache":
		p.w.Cache = StoreLimits{v.text["max_size"], v.text["max_age"], pos}
	case "optimize":
		p.optimize(v, pos)
	}
}

// optimize wants levels that are known, each once.
func (p *workspaceParser) optimize(v values, pos diag.Pos) {
	o := Optimize{LTO: v.flag["lto"], Packages: v.list["packages"], Pos: pos, Layout: p.word(v, "layout", LayoutPackages, LayoutHwcaps)}
	for _, name := range v.list["levels"] {
		l, err := cpu.Parse(name)
		switch {
		case err != nil:
			p.errorf(v.at["levels"], "bad-value", didYouMean(name, levelNames()), "%v", err)
		case contains(o.Levels, l.Name):
			p.errorf(v.at["levels"], "bad-value", "", "the level %s is there twice", l.Name)
		default:
			o.Levels = append(o.Levels, l.Name)
		}
	}
	if o.Layout == LayoutHwcaps {
		p.hwcaps(&o, v.at["levels"])
	}
	p.w.Optimize = o
}

// hwcaps wants, of each family of machines, the level of the package itself and others above it that the
// loader knows. It puts the package's own first.
func (p *workspaceParser) hwcaps(o *Optimize, at hcl.Range) {
	families := map[string][]*cpu.Level{}
	for _, name := range o.Levels {
		if l, err := cpu.Parse(name); err == nil {
			families[l.Family().Name] = append(families[l.Family().Name], l)
		}
	}
	o.Levels = nil
	for _, family := range sortedNames(families) {
		list := families[family]
		slices.SortStableFunc(list, func(a, b *cpu.Level) int { return len(a.Features) - len(b.Features) })
		if len(list) < 2 {
			p.errorf(at, "bad-value", "name the level of the package itself and those above it: [\"x86-64\", \"x86-64-v3\"]", "layout glibc-hwcaps needs two levels of %s, and there is %s", family, list[0].Name)
		}
		for i, l := range list {
			o.Levels = append(o.Levels, l.Name)
			switch {
			case i > 0 && l.HwcapsDir() == "":
				p.errorf(at, "bad-value", "it knows x86-64-v2, x86-64-v3, x86-64-v4, power9le and power10le; layout = \"packages\" makes a package of any other", "glibc's loader knows no level %s", l.Name)
			case !l.Includes(list[0]):
				p.errorf(at, "bad-value", "", "%s does not run what is built for %s, so they cannot lie in one package", l.Name, list[0].Name)
			}
		}
	}
}

func levelNames() []string {
	var names []string
	for _, family := range []string{"x86_64", "aarch64", "ppc64le", "riscv64"} {
		for _, l := range cpu.Levels(family) {
			names = append(names, l.Name)
		}
	}
	return names
}

func (p *workspaceParser) checkName(b *hclsyntax.Block, name string) {
	if !packages.ValidName(name) {
		p.errorf(b.LabelRanges[0], "bad-value", "", "%q is not a package name", name)
	}
}

func (p *workspaceParser) absolute(v values, key string) []string {
	for _, path := range v.list[key] {
		if !strings.HasPrefix(path, "/") && !(len(path) > 2 && path[1] == ':') {
			p.errorf(v.at[key], "bad-value", "", "%s: %q is not an absolute path", key, path)
		}
	}
	return v.list[key]
}

func (p *workspaceParser) word(v values, key string, words ...string) string {
	s := v.text[key]
	if s != "" && !contains(words, s) {
		p.errorf(v.at[key], "bad-value", didYouMean(s, words), "%s is one of %s, not %q", key, strings.Join(words, ", "), s)
	}
	return s
}

func (p *workspaceParser) key(b *hclsyntax.Block, name string, v values, pos diag.Pos) {
	k := TrustedKey{Name: name, File: v.text["file"], Fingerprint: strings.ToUpper(strings.ReplaceAll(v.text["fingerprint"], " ", "")), Packages: v.list["packages"], Pos: pos}
	if k.File == "" {
		p.errorf(b.TypeRange, "missing-key", "", "the key %q lacks its file", name)
	}
	if n := len(k.Fingerprint); n != 0 && n != 40 && n != 64 || strings.Trim(k.Fingerprint, "0123456789ABCDEF") != "" {
		p.errorf(v.at["fingerprint"], "bad-value", "", "the fingerprint is the whole one, 40 or 64 hex digits, not %s", fmt.Sprintf("%q", v.text["fingerprint"]))
	}
	p.w.Keys = append(p.w.Keys, k)
}

// VariantFile is the workspace's variants as a variants.yaml, to be given before all others; false
// where it sets none.
func (w *Workspace) VariantFile() (VariantFile, bool) {
	if len(w.Variants) == 0 {
		return VariantFile{}, false
	}
	var b strings.Builder
	list := func(words []string) string {
		quoted := make([]string, len(words))
		for i, s := range words {
			var q bytes.Buffer
			writeJSONString(&q, s) // JSON's texts are YAML's
			quoted[i] = q.String()
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	for _, key := range sortedNames(w.Variants) {
		fmt.Fprintf(&b, "%s: %s\n", key, list(w.Variants[key]))
	}
	if len(w.ZipKeys) > 0 {
		b.WriteString("zip_keys:\n")
		for _, group := range w.ZipKeys {
			fmt.Fprintf(&b, "  - %s\n", list(group))
		}
	}
	return VariantFile{Path: w.Path, Data: []byte(b.String())}, true
}
