package recipes

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type wantFull struct {
	Recipe       string
	Target       string
	VariantFiles []string `json:"variant_files"`
	V3           bool
	Rendered     []map[string]any
}

// TestFullVectors holds the whole of a rendered recipe, in the shape of `--render-only`, against
// rattler-build 0.73.
func TestFullVectors(t *testing.T) {
	dir := shared(t)
	folder := filepath.Join(dir, "vectors/rattler-build/render")
	for _, origin := range []string{"rattler-build", "others", "emscripten-forge"} {
		t.Run(origin, func(t *testing.T) {
			short := map[string]*wantRender{}
			eachLine(t, filepath.Join(folder, origin+".jsonl"), func(line []byte) {
				var w wantRender
				if err := json.Unmarshal(line, &w); err != nil {
					t.Fatal(err)
				}
				short[fullKey(w.Recipe, w.Target, w.VariantFiles, w.V3)] = &w
			})
			total, equal := 0, 0
			eachLine(t, filepath.Join(folder, origin+".full.jsonl"), func(line []byte) {
				var want wantFull
				if err := json.Unmarshal(line, &want); err != nil {
					t.Fatal(err)
				}
				total++
				if diff := compareFull(t, dir, &want, short[fullKey(want.Recipe, want.Target, want.VariantFiles, want.V3)]); diff == "" {
					equal++
				} else {
					t.Errorf("%s %s %v: %s", want.Recipe, want.Target, want.VariantFiles, diff)
				}
			})
			t.Logf("%s: %d of %d recipes equal in every key of --render-only", origin, equal, total)
		})
	}
}

func fullKey(recipe, target string, files []string, v3 bool) string {
	key := recipe + " " + target + " " + strings.Join(files, " ")
	if v3 {
		key += " v3"
	}
	return key
}

func compareFull(t *testing.T, dir string, want *wantFull, short *wantRender) string {
	if short == nil {
		return "no line for it in the short vectors"
	}
	r := renderWant(t, dir, short)
	byBuild, done := map[string]*Output{}, map[string]bool{}
	for _, o := range r.Outputs {
		byBuild[o.Name+" "+o.BuildString] = o
	}
	for _, w := range want.Rendered {
		if seen := fmt.Sprint(w["package"], w["build"].(map[string]any)["string"]); done[seen] {
			continue // the command line drops what came out twice
		} else {
			done[seen] = true
		}
		name := w["package"].(map[string]any)["name"].(string)
		build, _ := w["build"].(map[string]any)["string"].(string)
		o := byBuild[strings.ToLower(name)+" "+build]
		if o == nil || o.Skip {
			continue // skipped outputs; what is missing is reported by TestRenderVectors
		}
		w["package"].(map[string]any)["name"] = o.Name // here the peer has it as written, "r-caTools"; the package is r-catools
		if d := cmp.Diff(withoutHosts(w), withoutHosts(o.RecipeView())); d != "" {
			return name + "\n" + d
		}
	}
	return ""
}

var hosts = regexp.MustCompile(`://[^/"]+`)

// withoutHosts takes the hosts out of URLs: some were renamed in the vectors.
func withoutHosts(v any) map[string]any {
	raw, _ := json.Marshal(v)
	var out map[string]any
	_ = json.Unmarshal(hosts.ReplaceAll(raw, []byte("://")), &out)
	return out
}
