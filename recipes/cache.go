package recipes

import (
	"bytes"
	"slices"
	"sync"

	"forge/internal/diag"
	"forge/platforms"
	"forge/recipes/internal/yamlx"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Cache keeps what was read of variant files, so that hundreds of recipes with one pinning file cost
// one reading of it, the pipelines that recipes use, and what they see of the platforms. It may be used by several goroutines; what it
// returns depends on content and platforms alone.
type Cache struct {
	mu    sync.Mutex
	files map[cacheKey]*cachedFile
	docs  map[textKey]*cachedDoc
	bases map[baseKey]*cachedBase
	outer map[[3]platforms.Platform]*hcl.EvalContext
	pipes map[textKey]*parsedPipeline
}

// parsedPipeline is a pipeline's file as parseHCL read it. It is not to be changed.
type parsedPipeline struct {
	body *hclsyntax.Body
	list diag.List
}

// pipeline parses a pipeline, or finds it parsed before: hundreds of recipes use the same ones.
func (c *Cache) pipeline(name, text string) (*hclsyntax.Body, diag.List) {
	if c == nil {
		body, _, list := parseHCL(name, []byte(text))
		return body, list
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := textKey{name, text}
	if c.pipes[key] == nil {
		body, _, list := parseHCL(name, []byte(text))
		c.pipes[key] = &parsedPipeline{body, list}
	}
	return c.pipes[key].body, slices.Clip(c.pipes[key].list)
}

// NewCache returns an empty cache.
func NewCache() *Cache {
	return &Cache{files: map[cacheKey]*cachedFile{}, docs: map[textKey]*cachedDoc{}, bases: map[baseKey]*cachedBase{}, outer: map[[3]platforms.Platform]*hcl.EvalContext{},
		pipes: map[textKey]*parsedPipeline{}}
}

type cacheKey struct {
	path                string
	build, host, target string
	allText             bool
}

type cachedFile struct {
	data   []byte
	config *variantConfig
	list   diag.List
}

func sameFile(a, b VariantFile) bool { return a.Path == b.Path && bytes.Equal(a.Data, b.Data) }

// file reads a variant file, or finds it read before. Files that read the environment are read anew.
func (c *Cache) file(f VariantFile, env variantEnv, o *RenderOptions) (*variantConfig, diag.List) {
	if c == nil || o == nil {
		v := newVariantConfig()
		return v, v.read(f, env)
	}
	key := cacheKey{f.Path, o.BuildPlatform.String(), o.HostPlatform.String(), o.TargetPlatform.String(), env.AllText}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.files[key]; known != nil && bytes.Equal(known.data, f.Data) {
		return known.config, known.list
	}
	v := newVariantConfig()
	list := v.read(f, env)
	if o.Env == nil || !readsEnvironment(f.Data) {
		c.files[key] = &cachedFile{f.Data, v, list}
	}
	return v, list
}

// textKey is a text under its name: a variant file of conda-build after its selectors, a pipeline.
type textKey struct{ path, text string }

type cachedDoc struct {
	data  []byte // the whole file, which lines are quoted from
	lines []int
	doc   *yamlx.Document
	list  diag.List
}

// selected reads what selectors left of a conda_build_config.yaml, or finds it read before. The document
// is not to be changed.
func (c *Cache) selected(f VariantFile, sel selection) (*yamlx.Document, diag.List) {
	read := func() (*yamlx.Document, diag.List) {
		return yamlx.LoadText(f.Path, sel.text, yamlx.Options{Aliases: yamlx.ExpandAliases, Duplicates: diag.Warning,
			Source: string(f.Data), MapLine: mapLines(sel.lines)})
	}
	if c == nil {
		return read()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := textKey{f.Path, sel.text}
	known := c.docs[key]
	if known == nil || !bytes.Equal(known.data, f.Data) || !slices.Equal(known.lines, sel.lines) {
		known = &cachedDoc{data: f.Data, lines: sel.lines}
		if known.doc, known.list = read(); known.doc != nil {
			known.doc.Line(1) // cuts the lines now: later several may ask at once
		}
		c.docs[key] = known
	}
	return known.doc, slices.Clip(known.list)
}

// scope is what make makes for the platforms, or made before.
func (c *Cache) scope(o *RenderOptions, make func() *hcl.EvalContext) *hcl.EvalContext {
	if c == nil {
		return make()
	}
	key := [3]platforms.Platform{o.BuildPlatform, o.HostPlatform, o.TargetPlatform}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outer[key] == nil {
		c.outer[key] = make()
	}
	return c.outer[key]
}
