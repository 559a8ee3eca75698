package recipes

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge/platforms"
)

type v0Want struct {
	Recipe, Platform string
	VariantFile      string `json:"variant_file"`
	Error            any
	Outputs          []v0WantOutput
}

type v0WantOutput struct {
	Name, Version  string
	Number         int
	BuildString    string         `json:"build_string"`
	HashInput      map[string]any `json:"hash_input"`
	NoArch         any
	Build          []string
	Host           []string
	Run            []string
	RunConstrained []string `json:"run_constrained"`
	Used           []string
}

// TestV0Vectors holds meta.yaml rendering against what conda-build 26.7 renders.
func TestV0Vectors(t *testing.T) {
	dir := shared(t)
	floors := map[string]float64{"conda-build": 0, "feedstocks": 0}
	for _, origin := range sortedNames(floors) {
		t.Run(origin, func(t *testing.T) {
			total, equal := 0, 0
			why := map[string]int{}
			eachLine(t, filepath.Join(dir, "vectors/conda-build-render", origin+".jsonl"), func(line []byte) {
				var want v0Want
				if err := json.Unmarshal(line, &want); err != nil {
					t.Fatal(err)
				}
				if f := os.Getenv("FORGE_RECIPE"); f != "" && !strings.Contains(want.Recipe+" "+want.VariantFile, f) {
					return
				}
				total++
				diff := compareV0(t, dir, origin, &want)
				if diff == "" {
					equal++
					return
				}
				kind, _, _ := strings.Cut(diff, ":")
				why[kind]++
				if os.Getenv("FORGE_VERBOSE") != "" {
					t.Logf("%s %s %s: %s", want.Recipe, want.Platform, want.VariantFile, diff)
				}
			})
			t.Logf("%s: %d of %d equal", origin, equal, total)
			for _, k := range sortedNames(why) {
				t.Logf("%5d %s", why[k], k)
			}
			if share := float64(equal) / float64(max(1, total)); share < floors[origin] {
				t.Errorf("%s: %.4f equal, less than the recorded %.4f", origin, share, floors[origin])
			}
		})
	}
}

func v0VectorOptions(t *testing.T, dir, origin string, want *v0Want) (string, RenderOptions) {
	t.Helper()
	p, err := platforms.Parse(want.Platform)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "corpus", want.Recipe)
	opts := RenderOptions{BuildPlatform: p, HostPlatform: p, TargetPlatform: p, AllowUnhashed: true, keepPins: true, noScripts: true}
	file := filepath.Join(folder, "meta.yaml")
	if origin == "feedstocks" {
		v := filepath.Join(filepath.Dir(folder), ".ci_support", want.VariantFile)
		data, err := os.ReadFile(v)
		if err != nil {
			t.Fatal(err)
		}
		opts.exclusive = true
		opts.Variants = []VariantFile{{v, data}}
	}
	return file, opts
}

func compareV0(t *testing.T, dir, origin string, want *v0Want) string {
	file, opts := v0VectorOptions(t, dir, origin, want)
	got := RenderFile(file, opts)
	if want.Error != nil {
		return "" // conda-build could not render it; answering is allowed
	}
	if got.Diagnostics.HasErrors() {
		for _, d := range got.Diagnostics {
			if d.Severity == 0 {
				return "error: " + d.Pos.String() + " " + d.Summary
			}
		}
	}
	var mine []*Output
	for _, o := range got.Outputs {
		if !o.Skip && !o.Staging {
			mine = append(mine, o)
		}
	}
	taken := map[*Output]bool{}
	for _, w := range want.Outputs {
		var best *Output
		var diff []string
		for _, o := range mine {
			if o.Name != w.Name || taken[o] {
				continue
			}
			if d := v0Diff(o, &w); best == nil || len(d) < len(diff) {
				best, diff = o, d
			}
		}
		if best == nil {
			return fmt.Sprintf("missing output: %s %s %v", w.Name, w.BuildString, w.HashInput)
		}
		if len(diff) > 0 {
			var kinds []string
			for _, d := range diff {
				k, _, _ := strings.Cut(d, ":")
				kinds = append(kinds, k)
			}
			return strings.Join(kinds, "+") + ": " + w.Name + " " + strings.Join(diff, "\n    ")
		}
		taken[best] = true
	}
	for _, o := range mine {
		if !taken[o] {
			return "surplus output: " + o.Name + " " + o.BuildString
		}
	}
	return ""
}

// v0Diff lists what differs between an output and the wanted one.
func v0Diff(o *Output, w *v0WantOutput) (out []string) {
	noarch, _ := w.NoArch.(string)
	text := func(name, want, got string) {
		if want != got {
			out = append(out, fmt.Sprintf("%s: want %s got %s", name, want, got))
		}
	}
	text("version", w.Version, o.Version)
	text("build string", w.BuildString, o.BuildString)
	text("hash input", string(hashInput(w.HashInput)), string(o.HashInput))
	text("noarch", noarch, o.NoArch)
	text("used", strings.Join(w.Used, " "), strings.Join(sortedNames(o.Variant), " "))
	r := &o.Requirements
	for _, l := range []struct {
		name string
		want []string
		got  []Dependency
	}{{"build", w.Build, r.Build}, {"host", w.Host, r.Host}, {"run", w.Run, r.Run}, {"run_constrained", w.RunConstrained, r.RunConstraints}} {
		if !sameSpecs(l.want, l.got) {
			out = append(out, fmt.Sprintf("%s: want %q got %q", l.name, l.want, depTexts(l.got)))
		}
	}
	return out
}

// sameSpecs compares requirements. Pins are not solved in the vectors, so of a pin only the name counts.
func sameSpecs(want []string, got []Dependency) bool {
	if len(want) != len(got) {
		return false
	}
	for i, w := range want {
		d := got[i]
		name, _, _ := strings.Cut(w, " ")
		if d.Pin != nil && d.Pin.Name != name || d.Pin == nil && d.Spec != w {
			return false
		}
	}
	return true
}

func depTexts(deps []Dependency) (out []string) {
	for _, d := range deps {
		if d.Pin != nil {
			out = append(out, "*"+d.Pin.Name)
		} else {
			out = append(out, d.Spec)
		}
	}
	return out
}
