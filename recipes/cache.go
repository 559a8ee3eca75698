package recipes

import (
	"bytes"
	"sync"

	"forge/internal/diag"
)

// Cache keeps what was read of variant files, so that hundreds of recipes with one pinning file cost
// one reading of it. It may be used by several goroutines; what it returns depends on content alone.
type Cache struct {
	mu    sync.Mutex
	files map[cacheKey]*cachedFile
}

// NewCache returns an empty cache.
func NewCache() *Cache { return &Cache{files: map[cacheKey]*cachedFile{}} }

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
