package recipes

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"forge/platforms"
)

// shared is the folder of test vectors beside the repository; tests that need it skip without it.
func shared(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{os.Getenv("FORGE_SHARED"), "../../shared", "/work/shared"} {
		if dir != "" {
			if info, err := os.Stat(filepath.Join(dir, "vectors")); err == nil && info.IsDir() {
				return dir
			}
		}
	}
	t.Skip("no folder of shared vectors here (FORGE_SHARED names it)")
	return ""
}

func eachLine(t *testing.T, path string, each func(line []byte)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 64<<20)
	for s.Scan() {
		each(s.Bytes())
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
}

type wantRender struct {
	Recipe        string
	Target        string
	BuildPlatform string   `json:"build_platform"`
	VariantFiles  []string `json:"variant_files"`
	V3            bool
	Experimental  bool
	OK            bool
	Outputs       []wantOutput
	Error         *wantError
}

type wantError struct {
	Message, Kind string
	Line, Column  int
}

type wantOutput struct {
	Name, Version, Build, Hash, NoArch, Subdir string
	Number                                     int
	Skip                                       bool
	Variant                                    map[string]any
	Requirements                               map[string]any
}

var vectorCache = NewCache()

// TestRenderVectors holds rendering against what rattler-build 0.73 renders of real recipes.
func TestRenderVectors(t *testing.T) {
	dir := shared(t)
	floors := map[string]float64{"rattler-build": 1, "others": 1, "cdt-builds": 1, "feedstocks": 1, "emscripten-forge": 1}
	for _, origin := range sortedNames(floors) {
		t.Run(origin, func(t *testing.T) {
			total, equal := 0, 0
			why := map[string]int{}
			eachLine(t, filepath.Join(dir, "vectors/rattler-build/render", origin+".jsonl"), func(line []byte) {
				var want wantRender
				if err := json.Unmarshal(line, &want); err != nil {
					t.Fatal(err)
				}
				total++
				diff := compareRender(t, dir, &want)
				if diff == "" {
					equal++
					return
				}
				why[diff]++
				if os.Getenv("FORGE_VERBOSE") != "" {
					t.Logf("%s %s %v v3=%v: %s", want.Recipe, want.Target, want.VariantFiles, want.V3, diff)
				}
			})
			t.Logf("%s: %d of %d equal", origin, equal, total)
			if share := float64(equal) / float64(total); share < floors[origin] {
				t.Errorf("%s: %.4f equal, less than the recorded %.4f", origin, share, floors[origin])
			}
		})
	}
}

// TestMoreRenderVectors reads vectors of the same form from the file that FORGE_RENDER_VECTORS names:
// for looking further with the peer at hand.
func TestMoreRenderVectors(t *testing.T) {
	file := os.Getenv("FORGE_RENDER_VECTORS")
	if file == "" {
		t.Skip("FORGE_RENDER_VECTORS names no file")
	}
	dir, total, equal := shared(t), 0, 0
	eachLine(t, file, func(line []byte) {
		var want wantRender
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		total++
		if diff := compareRender(t, dir, &want); diff == "" {
			equal++
		} else {
			t.Logf("%s %s %v: %s", want.Recipe, want.Target, want.VariantFiles, diff)
		}
	})
	t.Logf("%d of %d equal", equal, total)
}

func corpusFile(dir, name string) string {
	if name == "emscripten-variant.yaml" {
		return filepath.Join(dir, "vectors/rattler-build/render/inputs", name)
	}
	return filepath.Join(dir, "corpus", name)
}

func renderWant(t *testing.T, dir string, want *wantRender) *Rendered {
	path := corpusFile(dir, want.Recipe)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return renderV1(path, data, wantOptions(t, dir, want))
}

func wantOptions(t *testing.T, dir string, want *wantRender) RenderOptions {
	o := RenderOptions{IgnoreRecipeVariants: true, AllowUnhashed: true, RepodataV3: want.V3, Experimental: want.Experimental}
	var err error
	if o.TargetPlatform, err = platforms.Parse(want.Target); err != nil {
		t.Fatal(err)
	}
	if o.BuildPlatform, err = platforms.Parse(want.BuildPlatform); err != nil {
		t.Fatal(err)
	}
	o.HostPlatform = o.TargetPlatform
	for _, v := range want.VariantFiles {
		data, err := os.ReadFile(corpusFile(dir, v))
		if err != nil {
			t.Fatal(err)
		}
		o.Variants = append(o.Variants, VariantFile{Path: v, Data: data})
	}
	o.keepPins, o.noScripts, o.Cache = true, true, vectorCache
	return o
}

// compareRender says in what a rendering differs; empty where it is equal.
func compareRender(t *testing.T, dir string, want *wantRender) string {
	r := renderWant(t, dir, want)
	if !want.OK {
		if !r.Diagnostics.HasErrors() {
			return fmt.Sprintf("no error, want %s: %.200s", want.Error.Kind, want.Error.Message)
		}
		return ""
	}
	if r.Diagnostics.HasErrors() {
		for _, d := range r.Diagnostics {
			if d.Severity == 0 {
				return "error: " + d.String()
			}
		}
	}
	var got, wanted []string
	for _, o := range r.Outputs {
		if !o.Staging && !o.Skip {
			got = append(got, describe(o))
		}
	}
	for _, o := range want.Outputs {
		if !o.Skip {
			wanted = append(wanted, o.describe())
		}
	}
	got, wanted = unique(got), unique(wanted)
	if len(got) != len(wanted) {
		return fmt.Sprintf("%d outputs, want %d; ", len(got), len(wanted)) + firstDifference(strings.Join(got, "\n"), strings.Join(wanted, "\n"))
	}
	for i := range got {
		if got[i] != wanted[i] {
			return firstDifference(got[i], wanted[i])
		}
	}
	return ""
}

// unique keeps the first of outputs with one file name and hash, as the peer's command line does.
func unique(in []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, s := range in {
		key := s[:strings.LastIndex(s, "} {")]
		if !seen[key] {
			seen[key] = true
			out = append(out, s)
		}
	}
	sort.Strings(out)
	return out
}

func (o wantOutput) describe() string {
	if o.Requirements == nil {
		o.Requirements = map[string]any{}
	}
	req, _ := json.Marshal(o.Requirements)
	variant := hashInput(wholeNumbers(o.Variant))
	return fmt.Sprintf("%s %s %s %d %q %s %s %s", strings.ToLower(o.Name), o.Version, o.Build, o.Number, o.NoArch, o.Subdir, variant, strings.ToLower(string(req)))
}

func wholeNumbers(m map[string]any) map[string]any {
	for k, v := range m {
		if f, ok := v.(float64); ok {
			m[k] = int(f)
		}
	}
	return m
}

func describe(o *Output) string {
	req, _ := json.Marshal(plainJSON(o.Requirements.recipeView()))
	return fmt.Sprintf("%s %s %s %d %q %s %s %s", o.Name, o.Version, o.BuildString, o.BuildNumber, o.NoArch, o.Subdir(), o.HashInput, strings.ToLower(string(req)))
}

// plainJSON is v with the keys of its objects sorted.
func plainJSON(v any) (out any) {
	raw, _ := json.Marshal(v)
	_ = json.Unmarshal(raw, &out)
	return out
}

// firstDifference shows where two texts part.
func firstDifference(got, want string) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	cut := func(s string) string { return s[max(0, min(i-60, len(s))):min(i+140, len(s))] }
	head, _, _ := strings.Cut(got, "{")
	return head + "\n got …" + cut(got) + "\nwant …" + cut(want)
}
