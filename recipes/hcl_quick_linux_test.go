package recipes

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// What forge evaluates itself comes out as the library has it, in recipes of the corpus as they are converted:
// one in 25 renders, or all with FORGE_ALL_QUICK set.
func TestQuickIsTheLibrary(t *testing.T) {
	dir := shared(t)
	count := 0
	for _, origin := range []string{"emscripten-forge@emscripten-wasm32", "feedstocks"} {
		eachV1(t, dir, origin, func(name, path string, data []byte, o RenderOptions) {
			if count++; count%25 != 0 && os.Getenv("FORGE_ALL_QUICK") == "" {
				return
			}
			text, _ := convertWith(path, data, "recipe.hcl", newHints())
			path = filepath.Join(filepath.Dir(path), "recipe.hcl")
			slow := o
			slow.askLibrary = true
			want, got := renderHCL(path, text, slow), renderHCL(path, text, o)
			all := cmp.Exporter(func(reflect.Type) bool { return true })
			if d := cmp.Diff(want, got, all, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("%s (-library +quick)\n%s", name, d)
			}
		})
	}
	t.Logf("%d renders", count)
}
