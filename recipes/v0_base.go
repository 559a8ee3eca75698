package recipes

import (
	"path/filepath"
	"reflect"
	"slices"

	"forge/internal/diag"
	"forge/platforms"
)

// v0Base is what the variant files say, which recipes may share: it is not to be changed.
type v0Base struct {
	cfg   *v0Config
	plain v0Variant      // the first value of every key
	full  map[string]any // the same
	keys  *v0Keys
	list  diag.List
	env   bool // the caller's environment was asked
}

// configured reads the variant files, or finds them read before, and reports whether they are good.
func (v *v0) configured() bool {
	v.base = v.opts.cache().base(v.opts, v.variantFiles(), v.readBase)
	v.cfg, v.usage = v.base.cfg, newUsage(v.base.keys)
	for _, d := range v.base.list {
		v.found.add(d)
	}
	return !v.base.list.HasErrors()
}

// variantFiles are the variant files in the order they are read. The recipe's own was put last by the
// dispatcher; conda-build takes it before those given with -m, which win, and after those of the place, which
// the workspace's stands for.
func (v *v0) variantFiles() []VariantFile {
	files := v.opts.Variants
	n := len(files)
	if n < 2 || v.opts.exclusive || filepath.Dir(files[n-1].Path) != filepath.Dir(v.path) {
		return files
	}
	given := 0
	for given < n-1 && (files[given].Path == BuiltInVariants || filepath.Base(files[given].Path) == "forge.hcl") {
		given++
	}
	return slices.Concat(files[:given], files[n-1:], files[given:n-1])
}

func (v *v0) readBase(files []VariantFile) *v0Base {
	b := &v0Base{cfg: defaultV0Config(v.opts.TargetPlatform)}
	for _, f := range files {
		scope := newScope(v.opts, b.cfg.first())
		b.list = append(b.list, b.cfg.read(f, newDecider(scope.selector, parsedSelectors{}).decide, v.opts.cache())...)
		b.env = b.env || scope.asked
	}
	for _, k := range sortedNames(v.opts.Set) {
		b.cfg.choose(k, v.opts.Set[k])
	}
	b.plain, b.keys = b.cfg.first(), newKeys(b.cfg.sorted())
	b.full = b.plain.values()
	return b
}

// sameVariant reports whether two variants are one and the same, not only equal.
func sameVariant(a, b v0Variant) bool {
	return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}

// values is the variant as an output has it.
func (v v0Variant) values() map[string]any {
	m := make(map[string]any, len(v))
	for k, s := range v {
		m[k] = s
	}
	return m
}

// baseKey tells which variant files a base was made of, but for their bytes.
type baseKey struct {
	build, target platforms.Platform
	files         int
	last          string
}

type cachedBase struct {
	files []VariantFile
	base  *v0Base
}

// base reads variant files, or finds them read before.
func (c *Cache) base(o *RenderOptions, files []VariantFile, read func([]VariantFile) *v0Base) *v0Base {
	if c == nil || len(o.Set) > 0 {
		return read(files)
	}
	key := baseKey{build: o.BuildPlatform, target: o.TargetPlatform, files: len(files)}
	if len(files) > 0 {
		key.last = files[len(files)-1].Path
	}
	c.mu.Lock()
	known := c.bases[key]
	c.mu.Unlock()
	if known != nil && slices.EqualFunc(known.files, files, sameFile) {
		return known.base
	}
	b := read(files)
	if !b.env {
		c.mu.Lock()
		c.bases[key] = &cachedBase{slices.Clone(files), b}
		c.mu.Unlock()
	}
	return b
}
