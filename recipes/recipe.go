package recipes

import (
	"fmt"
	"io"
	"io/fs"
	"os"

	"forge/internal/diag"
	"forge/platforms"
)

// RenderOptions is all that rendering depends on beside the recipe file; same options, same outputs.
type RenderOptions struct {
	BuildPlatform        platforms.Platform
	HostPlatform         platforms.Platform
	TargetPlatform       platforms.Platform
	Variants             []VariantFile       // in order, later wins
	Set                  map[string][]string // --variant k=v,v
	IgnoreRecipeVariants bool                // do not read the variants file beside the recipe
	BuildNumber          *int                // --build-num
	BuildStringPrefix    string
	Env                  func(name string) (string, bool) // what env.get and environ may see; nil for nothing
	AllowUnhashed        bool                             // a URL source without a hash is a warning, not an error
	MaxOutputs           int                              // refuse more, with the counts; 0 for the default of 10,000
	RepodataV3           bool                             // take flags, extras and conditions of repodata revision 3
	Experimental         bool                             // take load_from_file(), git.*() and attestations of sources
	Git                  Repositories                     // answers git.*(); nil for nothing

	// Solved gives outputs of a meta.yaml the hashes that conda-build's packages have: these hold also what the C
	// library of stdlib("c") exports, which conda-build knows only once it has solved the environments.
	Solved bool

	// Cache, if not nil, keeps variant files read for one render for the next; see NewCache.
	Cache *Cache

	keepPins    bool // leave pins of siblings unresolved, as the vectors have them
	exclusive   bool // the recipe's own variants file wins over others, as after conda-build's -e
	noBuildPins bool // leave pin_run_as_build out, which recipe.yaml does not have
	holes       bool // the file has holes in place of mistakes: find what else is wrong with it
	askLibrary  bool // have the library evaluate all of a recipe.hcl, as a test compares
	noScripts   bool // count scripts that are not there as empty, as the vectors do
}

// BuiltInVariants is the Path of the variants that hold where no file says anything else.
const BuiltInVariants = "built-in/variants.yaml"

// VariantFile is a variants.yaml or conda_build_config.yaml.
type VariantFile struct {
	Path string
	Data []byte
}

// ReadVariantFiles reads variants files, in order.
func ReadVariantFiles(paths []string) (files []VariantFile, err error) {
	for _, path := range paths {
		data, err := readBounded(path)
		if err != nil {
			return nil, err
		}
		files = append(files, VariantFile{Path: path, Data: data})
	}
	return files, nil
}

// readBounded reads a file that may be no longer than a recipe: a device has no end.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxRecipe+1))
	if err == nil && len(data) > maxRecipe {
		err = &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("it has more than the %d bytes it may have", maxRecipe)}
	}
	return data, err
}

// Rendered is what one recipe file gives.
type Rendered struct {
	Outputs     []*Output // in the order of the file, staging outputs included; skipped ones have Skip
	Diagnostics diag.List // warnings, also where there are outputs; errors where there are none

	stuck *stuckAt // how far a meta.yaml was read that could not be read to its end
}
