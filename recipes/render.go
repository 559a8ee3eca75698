package recipes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/platforms"
)

const maxRecipe = 16 << 20

// RenderFile reads the recipe at path, whose name tells its format: meta.yaml, meta.yml or conda.yaml
// (conda-build), recipe.yaml or recipe.yml (CEP 13, 14) or recipe.hcl (Forge's own). The variants file
// beside it counts after those of opts, unless IgnoreRecipeVariants is set. Platforms that opts leaves
// out are those of this machine. What cannot be read is a diagnostic, too.
func RenderFile(path string, opts RenderOptions) *Rendered {
	opts = opts.withDefaults()
	data, err := ReadFile(path)
	if err != nil {
		return &Rendered{Diagnostics: CannotRead(path, err)}
	}
	render := renderer(path)
	if render == nil {
		return failed(path, "the name of a recipe is one of %s", strings.Join(recipeNames(), ", "))
	}
	if !opts.IgnoreRecipeVariants {
		f, err := variantsBeside(path)
		if err != nil {
			return noVariants(path, err)
		}
		opts.Variants = append(opts.Variants[:len(opts.Variants):len(opts.Variants)], f...)
	}
	return withLines(render(path, data, opts), path, data, opts)
}

// withLines fills in the lines that diagnostics speak of.
func withLines(r *Rendered, path string, data []byte, opts RenderOptions) *Rendered {
	quoteLines(r.Diagnostics, path, data, opts.Variants)
	return r
}

// Render is RenderFile for a recipe that is in memory; it reads no variants file.
func Render(path string, data []byte, opts RenderOptions) *Rendered {
	render := renderer(path)
	if render == nil {
		return failed(path, "the name of a recipe is one of %s", strings.Join(recipeNames(), ", "))
	}
	return withLines(render(path, data, opts.withDefaults()), path, data, opts)
}

func (o RenderOptions) withDefaults() RenderOptions {
	var none platforms.Platform
	if o.BuildPlatform == none {
		o.BuildPlatform = platforms.Host()
	}
	if o.TargetPlatform == none {
		o.TargetPlatform = o.BuildPlatform
		if o.HostPlatform != none {
			o.TargetPlatform = o.HostPlatform
		}
	}
	if o.HostPlatform == none {
		o.HostPlatform = o.TargetPlatform
	}
	return o
}

// recipeNames are the names a recipe file may have, the preferred one of a folder first.
func recipeNames() []string {
	return []string{"recipe.hcl", "recipe.yaml", "recipe.yml", "meta.yaml", "meta.yml", "conda.yaml"}
}

// IsRecipeName reports whether a file of that name is a recipe.
func IsRecipeName(name string) bool { return slices.Contains(recipeNames(), name) }

func renderer(path string) func(string, []byte, RenderOptions) *Rendered {
	switch base := filepath.Base(path); {
	case base == "meta.yaml" || base == "meta.yml" || base == "conda.yaml":
		return mended(renderV0)
	case strings.HasSuffix(base, ".hcl"):
		return mended(renderHCL)
	case strings.HasSuffix(base, ".yaml") || strings.HasSuffix(base, ".yml"):
		return mended(renderV1)
	}
	return nil
}

func failed(path, format string, args ...any) *Rendered {
	return &Rendered{Diagnostics: diag.List{{Code: "cannot-read", Pos: diag.Pos{File: path}, Summary: fmt.Sprintf(format, args...)}}}
}

// CannotRead says that the recipe at path was not read, and why.
func CannotRead(path string, err error) diag.List {
	return failed(path, "the recipe cannot be read: %v", plainError(err)).Diagnostics
}

// ReadFile reads a recipe's file. What is no file is not opened, since a pipe may wait for ever, and of a longer one
// than a recipe may be no more is read.
func ReadFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("it is not a file")}
	}
	return readBounded(path)
}

func noVariants(path string, err error) *Rendered {
	return failed(path, "the variants file beside the recipe cannot be read: %v", err)
}

// variantsBeside is the recipe's own variants file; variants.yaml is taken before conda_build_config.yaml.
func variantsBeside(path string) ([]VariantFile, error) {
	for _, name := range []string{"variants.yaml", "conda_build_config.yaml"} {
		file := filepath.Join(filepath.Dir(path), name)
		if _, err := os.Stat(file); err != nil {
			continue
		}
		data, err := ReadFile(file)
		return []VariantFile{{Path: file, Data: data}}, err
	}
	return nil, nil
}
