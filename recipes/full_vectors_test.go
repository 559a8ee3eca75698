package recipes

import (
	"encoding/json"
	"os"
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

// TestFullVectors holds everything else of a rendered recipe (sources, scripts, tests, about, build)
// against rattler-build 0.73.
func TestFullVectors(t *testing.T) {
	dir := shared(t)
	folder := filepath.Join(dir, "vectors/rattler-build/render")
	for origin, floor := range map[string]float64{"rattler-build": 1, "others": 1, "emscripten-forge": 505.0 / 506} {
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
				} else if os.Getenv("FORGE_VERBOSE") != "" {
					t.Logf("%s %s %v: %s", want.Recipe, want.Target, want.VariantFiles, diff)
				}
			})
			t.Logf("%s: %d of %d equal", origin, equal, total)
			if share := float64(equal) / float64(total); share < floor {
				t.Errorf("%s: %.4f equal, less than the recorded %.4f", origin, share, floor)
			}
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
	byBuild := map[string]*Output{}
	for _, o := range r.Outputs {
		byBuild[o.Name+" "+o.BuildString] = o
	}
	for _, w := range want.Rendered {
		name := w["package"].(map[string]any)["name"].(string)
		build, _ := w["build"].(map[string]any)["string"].(string)
		o := byBuild[strings.ToLower(name)+" "+build]
		if o == nil || o.Skip {
			continue // skipped outputs; what is missing is reported by TestRenderVectors
		}
		wanted, got := peerWanted(w), peerFull(o)
		openScripts(wanted, got)
		if d := cmp.Diff(withoutHosts(wanted), withoutHosts(got)); d != "" {
			return name + "\n" + d
		}
	}
	return ""
}

// peerWanted is the peer's rendering without what is compared elsewhere or has no counterpart.
func peerWanted(w map[string]any) map[string]any {
	out := map[string]any{}
	for _, k := range []string{"about", "source", "tests", "build"} {
		if v, ok := w[k]; ok {
			out[k] = v
		}
	}
	for _, s := range anyList(out["source"]) {
		delete(s.(map[string]any), "attestation")
		if one, ok := s.(map[string]any)["url"].(string); ok {
			s.(map[string]any)["url"] = []any{one}
		}
	}
	b := out["build"].(map[string]any)
	for _, k := range []string{"string", "number", "noarch", "variant", "flags"} {
		delete(b, k)
	}
	if s := scriptText(b["script"]); s == nil || *s == "" {
		delete(b, "script")
	} else {
		b["script"] = *s
	}
	if f, ok := b["files"].([]any); ok {
		b["files"] = map[string]any{"include": f}
	}
	for _, x := range anyList(out["tests"]) {
		test := x.(map[string]any)
		if s := scriptText(test["script"]); s != nil {
			if test["script"] = *s; *s == "" {
				delete(test, "script")
			}
		}
		if p, ok := test["python"].(map[string]any); ok {
			if v, ok := p["python_version"].(string); ok {
				p["python_version"] = []any{v}
			}
			if p["pip_check"] == false {
				p["pip_check"] = 0.0
			}
		}
	}
	if len(b) == 0 {
		delete(out, "build")
	}
	if m, ok := withoutEmpty(out).(map[string]any); ok {
		return m
	}
	return map[string]any{}
}

// openScripts leaves scripts uncompared that the peer has not filled in.
func openScripts(want, got any) {
	switch want := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for k, v := range want {
			if _, has := g[k]; k == "script" && v == "?" && has {
				g[k] = "?"
			} else {
				openScripts(v, g[k])
			}
		}
	case []any:
		g, _ := got.([]any)
		for i, v := range want {
			if i < len(g) {
				openScripts(v, g[i])
			}
		}
	}
}

var hosts = regexp.MustCompile(`://[^/]+`)

// withoutHosts takes the hosts out of URLs: some were renamed in the vectors.
func withoutHosts(v map[string]any) map[string]any {
	raw, _ := json.Marshal(v)
	var out map[string]any
	_ = json.Unmarshal(hosts.ReplaceAll(raw, []byte("://")), &out)
	return out
}

func anyList(v any) []any { l, _ := v.([]any); return l }

// scriptText is a script of the peer as one text; "?" where it has something to fill in, which the
// peer does when it builds, or names a file, which the corpus has not.
func scriptText(v any) *string {
	var s string
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		s = v
	case []any:
		var lines []string
		for _, l := range v {
			lines = append(lines, l.(string))
		}
		s = strings.Join(lines, "\n")
	case map[string]any:
		if c := scriptText(v["content"]); c != nil {
			return c
		}
		s = "?"
	}
	if isTemplate(s) {
		s = "?"
	}
	return &s
}

func peerFull(o *Output) map[string]any {
	m := map[string]any{}
	set := func(key string, v any) {
		if v = plainJSON(v); v != nil {
			m[key] = v
		}
	}
	a := o.About
	about := map[string]any{"license": a.License, "license_family": a.LicenseFamily, "summary": a.Summary, "description": a.Description, "license_file": lateNames(a.LicenseFiles)}
	for k, v := range map[string][]string{"homepage": a.Home, "repository": a.DevURL, "documentation": a.DocURL} {
		about[k] = strings.Join(v, " ")
	}
	set("about", about)
	var sources, tests []any
	for _, s := range o.Sources {
		sources = append(sources, peerSource(s))
	}
	set("source", sources)
	for _, t := range o.Tests {
		tests = append(tests, peerTest(t))
	}
	set("tests", tests)
	b := o.Build
	build := map[string]any{"always_copy_files": b.AlwaysCopy, "always_include_files": b.AlwaysInclude, "merge_build_and_host_envs": b.MergeBuildHost,
		"script": peerScript(b.Scripts), "files": map[string]any{"include": b.Files.Include, "exclude": b.Files.Exclude},
		"python": map[string]any{"entry_points": b.EntryPoints, "skip_pyc_compilation": b.SkipPyc, "version_independent": b.Python.VersionIndependent,
			"use_python_app_entrypoint": b.Python.UseAppEntrypoint, "site_packages_path": b.Python.SitePackagesPath},
		"prefix_detection": map[string]any{"force_file_type": map[string]any{"text": b.Prefix.ForceText, "binary": b.Prefix.ForceBinary}, "ignore": b.Prefix.Ignore, "ignore_binary_files": b.Prefix.IgnoreBinary}}
	linking := map[string]any{"missing_dso_allowlist": b.Linking.MissingDSOAllow, "rpath_allowlist": b.Linking.RPathAllow, "binary_relocation": b.Linking.RelocateOnly}
	if strings.Join(b.Linking.RPaths, " ") != "lib/" {
		linking["rpaths"] = b.Linking.RPaths
	}
	if b.Linking.OverlinkError {
		linking["overlinking_behavior"] = "error"
	}
	if b.Linking.OverdependError {
		linking["overdepending_behavior"] = "error"
	}
	build["dynamic_linking"] = linking
	var post []any
	for _, p := range b.PostProcess {
		post = append(post, map[string]any{"files": p.Files.Include, "regex": p.Regex, "replacement": p.Replacement})
	}
	build["post_process"] = post
	set("build", build)
	return m
}

func lateNames(paths []string) []string {
	var out []string
	for _, p := range paths {
		if rest, ok := strings.CutPrefix(p, "$"); ok {
			name, tail, _ := strings.Cut(rest, "/")
			p = "${{ " + name + " }}/" + tail
		}
		out = append(out, p)
	}
	return out
}

func peerScript(scripts []Script) string {
	var lines []string
	for _, s := range scripts {
		if s.File != "" {
			return "?"
		}
		lines = append(lines, strings.ReplaceAll(s.Text, "\nif errorlevel 1 exit 1", ""))
	}
	return strings.Join(lines, "\n")
}

func peerSource(s Source) map[string]any {
	m := map[string]any{"file_name": s.FileName, "target_directory": s.TargetDirectory, "patches": lateNames(s.Patches), "path": s.Path, "url": s.URLs,
		"sha256": s.Hashes["sha256"], "md5": s.Hashes["md5"]}
	if s.Exclude != nil {
		m["filter"] = map[string]any{"include": s.Include, "exclude": s.Exclude}
	} else {
		m["filter"] = s.Include
	}
	if s.Git != nil {
		m["git"], m["rev"], m["expected_commit"], m["lfs"] = s.Git.URL, s.Git.Rev, s.Git.ExpectedCommit, s.Git.LFS
		if s.Git.Tag != "" {
			m["rev"] = "refs/tags/" + s.Git.Tag
		}
		if s.Git.Branch != "" {
			m["rev"] = "refs/heads/" + s.Git.Branch
		}
	}
	return m
}

func peerTest(t Test) map[string]any {
	switch {
	case t.Script != nil:
		s := t.Script
		return map[string]any{"script": peerScript([]Script{s.Script}), "requirements": map[string]any{"run": s.Run, "build": s.Build},
			"files": map[string]any{"source": s.SourceFiles, "recipe": s.RecipeFiles}}
	case t.Python != nil:
		m := map[string]any{"imports": t.Python.Imports, "python_version": t.Python.PythonVersions}
		if !t.Python.PipCheck {
			m["pip_check"] = 0
		}
		return map[string]any{"python": m}
	case t.Perl != nil:
		return map[string]any{"perl": map[string]any{"uses": t.Perl.Names}}
	case t.R != nil:
		return map[string]any{"r": map[string]any{"libraries": t.R.Names}}
	case t.Ruby != nil:
		return map[string]any{"ruby": map[string]any{"requires": t.Ruby.Names}}
	case t.PackageContents != nil:
		c := t.PackageContents
		pair := func(yes, no []string) any {
			if no == nil {
				return yes
			}
			return map[string]any{"exists": yes, "not_exists": no}
		}
		return map[string]any{"package_contents": map[string]any{"files": pair(c.Files, c.NotFiles), "bin": pair(c.Bin, c.NotBin), "lib": pair(c.Lib, c.NotLib),
			"include": pair(c.Include, c.NotInclude), "site_packages": pair(c.SitePackages, c.NotSitePackages), "strict": c.Strict}}
	}
	return map[string]any{"downstream": t.Downstream}
}

// plainJSON drops what is empty, as the peer does.
func plainJSON(v any) any {
	raw, _ := json.Marshal(v)
	var out any
	_ = json.Unmarshal(raw, &out)
	return withoutEmpty(out)
}

func withoutEmpty(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if e = withoutEmpty(e); e == nil {
				delete(v, k)
			} else {
				v[k] = e
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		if len(v) == 0 {
			return nil
		}
		for i, e := range v {
			v[i] = withoutEmpty(e)
		}
	case string:
		if v == "" {
			return nil
		}
	case bool:
		if !v {
			return nil
		}
	}
	return v
}
