package recipes

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestConvertCorpus converts every meta.yaml of the vectors and renders both with the same variants. Of
// each it is said whether they are equal, differ, or cannot be carried.
func TestConvertCorpus(t *testing.T) {
	dir := shared(t)
	for origin, floor := range map[string]float64{"conda-build": 0, "feedstocks": 0} {
		t.Run(origin, func(t *testing.T) {
			seen := map[string]bool{}
			count, why := map[string]int{}, map[string]int{}
			eachLine(t, filepath.Join(dir, "vectors/conda-build-render", origin+".jsonl"), func(line []byte) {
				var want v0Want
				if err := json.Unmarshal(line, &want); err != nil {
					t.Fatal(err)
				}
				if seen[want.Recipe] || want.Error != nil {
					return
				}
				seen[want.Recipe] = true
				file, opts := v0VectorOptions(t, dir, origin, &want)
				verdict, detail := convertVerdict(t, file, opts, "recipe.yaml")
				if verdict == "" {
					return
				}
				count[verdict]++
				if verdict != "equal" {
					why[verdict+": "+firstWords(detail)]++
				}
				if os.Getenv("FORGE_VERBOSE") != "" && verdict != "equal" {
					t.Logf("%s: %s: %s", want.Recipe, verdict, detail)
				}
			})
			t.Logf("%s: %v", origin, count)
			for _, k := range topWords(why) {
				t.Log(k)
			}
			carried := count["equal"] + count["not equal"] + count["unreadable"]
			if share := float64(count["equal"]) / float64(max(1, carried)); share < floor {
				t.Errorf("%s: %.3f of what is carried is equal, less than the recorded %.3f", origin, share, floor)
			}
		})
	}
}

func firstWords(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	if len(line) > 110 {
		line = line[:110]
	}
	return line
}

func topWords(m map[string]int) []string {
	var out []string
	for k, n := range m {
		out = append(out, fmt.Sprintf("%4d %s", n, k))
	}
	sort.Sort(sort.Reverse(sort.StringSlice(out)))
	return out[:min(len(out), 40)]
}

// convertVerdict converts one recipe and compares what both render.
func convertVerdict(t *testing.T, file string, opts RenderOptions, to string) (verdict, detail string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before := RenderFile(file, opts)
	if len(before.Outputs) == 0 {
		return "", ""
	}
	out, list := Convert(file, data, to)
	if list.HasErrors() {
		for _, d := range list {
			if d.Severity == 0 {
				return "cannot be carried", d.Summary
			}
		}
	}
	after := Render(filepath.Join(filepath.Dir(file), to), out, sameVariants(file, opts))
	if after.Diagnostics.HasErrors() {
		return "unreadable", after.Diagnostics[0].String() + "\n" + string(out)
	}
	if d := cmp.Diff(convertView(before), convertView(after)); d != "" {
		return "not equal", d
	}
	return "equal", ""
}

// sameVariants gives Render the variants file that RenderFile reads.
func sameVariants(file string, opts RenderOptions) RenderOptions {
	if beside, err := variantsBeside(file); err == nil && !opts.IgnoreRecipeVariants {
		opts.Variants = append(opts.Variants[:len(opts.Variants):len(opts.Variants)], beside...)
	}
	return opts
}

// convertView is what two formats must agree about. Hashes differ by design: the formats do not hash the
// same variant keys.
func convertView(r *Rendered) []string {
	var out []string
	for _, o := range r.Outputs {
		if o.Staging {
			continue
		}
		if o.Skip {
			out = append(out, o.Name+" skipped")
			continue
		}
		v := o.View()
		v.Build, v.Hash, v.Variant, v.Recipe, v.Format, v.Inherit = "", "", nil, "", "", ""
		v.About.Extra, v.About.LicenseFamily = nil, ""
		v.About.LicenseURL = ""
		for _, list := range []*[]string{&v.Requirements.Build, &v.Requirements.Host, &v.Requirements.Run, &v.Requirements.RunConstraints} {
			for i, s := range *list {
				(*list)[i] = strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "\n", "")
			}
		}
		for i := range v.Scripts {
			v.Scripts[i].File = ""
			v.Scripts[i].Text = strings.TrimSpace(v.Scripts[i].Text)
		}
		for _, l := range []*[]string{&v.About.Home, &v.About.DocURL, &v.About.DevURL} {
			for i, u := range *l {
				(*l)[i] = canonicalURL(strings.TrimSuffix(u, "/"))
			}
			if len(*l) > 1 {
				*l = (*l)[:1]
			}
		}
		for i := range v.Sources {
			for k, u := range v.Sources[i].URL {
				v.Sources[i].URL[k] = canonicalURL(u)
			}
		}
		v.About.Summary, v.About.Description = strings.TrimSpace(v.About.Summary), strings.TrimSpace(v.About.Description)
		data, _ := json.MarshalIndent(v, "", " ")
		out = append(out, string(data))
	}
	sort.Strings(out)
	return out
}
