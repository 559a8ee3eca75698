package recipes

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ciScripts are what scripts that the corpus leaves out say of variants: conda-build reads the keys that
// a script uses.
var ciScripts = map[string]map[string]string{
	"ctng-compilers-feedstock": {"install-libgcc-no-gomp.sh": "ln -s libgomp.so.${libgomp_ver}\n"},
}

// scripts puts those scripts beside a copy of the recipe.
func (f *ciFeedstock) scripts(t *testing.T) {
	if ciScripts[f.name] == nil {
		return
	}
	dir := filepath.Join(t.TempDir(), "recipe")
	if err := os.CopyFS(dir, os.DirFS(filepath.Dir(f.recipe))); err != nil {
		t.Fatal(err)
	}
	for name, text := range ciScripts[f.name] {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f.recipe = filepath.Join(dir, filepath.Base(f.recipe))
}

// ciEra is a rule that the tools had when some files were made. That a file is of an era is proven by
// its being equal with this one rule changed.
type ciEra struct {
	what          string
	kept, dropped []string // keys of the jobs
	without       []string // keys that the variants did not have
}

var ciEras = []ciEra{
	{},
	{what: "conda-smithy before 3.58.1, which kept github_actions_labels only with self_hosted", dropped: []string{"github_actions_labels"}},
	{what: "conda-smithy before 3.52.3, which kept cdt_name, cdt_arch and BUILD in every job", kept: []string{"cdt_name", "cdt_arch", "BUILD"}},
	{what: "conda-smithy before 3.36, which also had no c_stdlib_version to raise the deployment target and made no SDK version, and conda-build before 26.7, which did not count the name in pin_subpackage(\"perl\", …)",
		kept: []string{"cdt_name", "cdt_arch", "BUILD", "MACOSX_DEPLOYMENT_TARGET"}, dropped: []string{"MACOSX_SDK_VERSION", "perl"}, without: []string{"c_stdlib_version"}},
}

// ciDifferences are files that differ still, with the reason and the line of rattler-build's own renders
// that proves it: of the recipe, for the platform, with this file alone.
var ciDifferences = map[string]struct {
	why   string
	proof func(render ciRender) bool
}{
	"openjdk-feedstock win-64": {"c_compiler is in a branch for Unix alone, and rattler-build 0.73 does not count it on Windows either",
		func(r ciRender) bool { return r.OK && !r.uses("c_compiler") }},
	"clangdev-feedstock win-64": {"the files lack TARGET, without which rattler-build 0.73 cannot render the recipe",
		func(r ciRender) bool { return !r.OK && strings.Contains(string(r.Error), "undefined") }},
	"clangdev-feedstock win-arm64": {"the files lack TARGET, without which rattler-build 0.73 cannot render the recipe",
		func(r ciRender) bool { return !r.OK && strings.Contains(string(r.Error), "undefined") }},
}

// ciRender is what rattler-build makes of a recipe with a file of .ci_support.
type ciRender struct {
	Recipe  string
	Target  string
	Files   []string `json:"variant_files"`
	OK      bool
	Error   json.RawMessage
	Outputs []struct{ Variant map[string]any }
}

func (r ciRender) uses(key string) bool {
	for _, o := range r.Outputs {
		if _, ok := o.Variant[key]; ok {
			return true
		}
	}
	return false
}

// ciRenders reads the renders of feedstocks with one file each.
func ciRenders(t *testing.T, dir string) (all []ciRender) {
	f, err := os.Open(filepath.Join(dir, "vectors/rattler-build/render/feedstocks.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var r ciRender
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if len(r.Files) == 1 {
			all = append(all, r)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// ciTally is what the files of the corpus come to.
type ciTally struct {
	dir                                          string
	pinning                                      VariantFile
	files, combinations, jobs, keys, same, other int
	eras                                         map[string]int // era → files
	differ                                       map[string][]string
	foreign                                      map[string]int // key → files with a value that the pinning has not
	unproven                                     []string       // files that differ from the pinning in no value
}

func newCITally(dir string, pinning VariantFile) *ciTally {
	return &ciTally{dir: dir, pinning: pinning, eras: map[string]int{}, differ: map[string][]string{}, foreign: map[string]int{}}
}

// count compares the files of a feedstock for a platform.
func (c *ciTally) count(t *testing.T, f ciFeedstock, subdir string) {
	want, opts := f.platforms[subdir], f.options(t, subdir, c.pinning)
	jobs, list := CIVariants(f.recipe, opts)
	if list.HasErrors() {
		t.Errorf("%s for %s: %v", f.name, subdir, list.Err())
	}
	best, era := compareCI(want, jobs), ciEras[0]
	pinned := best.equal
	for _, e := range ciEras {
		plain := best
		if e.what != "" && best.values < len(want) {
			plain = compareCI(want, f.expand(t, opts, nil, e))
		}
		for _, try := range []func() ciResult{
			func() ciResult { return plain },
			func() ciResult { return c.asMade(t, f, opts, want, e, false) },
			func() ciResult { return c.asMade(t, f, opts, want, e, true) },
		} {
			if best.values == len(want) {
				break
			}
			if r := try(); r.better(best) {
				best, era, pinned = r, e, plain.equal
			}
		}
	}
	c.files, c.combinations, c.jobs, c.keys = c.files+len(want), c.combinations+best.combinations, c.jobs+best.jobs, c.keys+best.keys
	c.same, c.other = c.same+len(pinned), c.other+best.values-len(pinned)
	if era.what != "" {
		c.eras[era.what] += len(want)
	}
	if len(best.why) > 0 {
		c.differ[f.name+" "+subdir] = best.why
	}
	c.prove(t, f, opts, func(file string) bool { return best.equal[file] && !pinned[file] })
}

// asMade expands with the values that the files have.
func (c *ciTally) asMade(t *testing.T, f ciFeedstock, opts CIOptions, want []ciFile, era ciEra, loops bool) ciResult {
	return compareCI(want, f.expand(t, opts, func(v *v0Config) {
		for _, k := range era.kept {
			if vals := want[0].values[k]; v.vals[k] == nil && vals != nil {
				v.set(k, vals)
			}
		}
		for _, k := range era.without {
			delete(v.vals, k)
		}
		v.asPinned(want, loops)
	}, era))
}

// prove finds for each file of another pinning than the corpus's a value that is not in that one.
func (c *ciTally) prove(t *testing.T, f ciFeedstock, opts CIOptions, other func(file string) bool) {
	config, _, _ := f.variants(t, opts)
	if opts.TargetPlatform.OS() == "osx" {
		config.deploymentTarget()
	}
	for _, w := range f.platforms[opts.TargetPlatform.String()] {
		if !other(w.name) {
			continue
		}
		proven := false
		for k, vals := range w.values {
			if slices.ContainsFunc(vals, func(v string) bool { return !slices.Contains(config.vals[k], v) }) {
				proven = true
				c.foreign[k]++
			}
		}
		if !proven {
			c.unproven = append(c.unproven, f.name+" "+w.name)
		}
	}
}

func (c *ciTally) report(t *testing.T) {
	t.Logf(".ci_support: %d files, %d combinations equal, %d jobs of the same name, %d of them with the same keys; %d have every value with the corpus's pinning, %d more with the pinning they were made with",
		c.files, c.combinations, c.jobs, c.keys, c.same, c.other)
	for _, what := range sortedNames(c.eras) {
		t.Logf("%d files are made with %s", c.eras[what], what)
	}
	var foreign []string
	for _, k := range sortedNames(c.foreign) {
		foreign = append(foreign, fmt.Sprintf("%s in %d", k, c.foreign[k]))
	}
	t.Logf("values that the corpus's pinning has not: %s", strings.Join(foreign, ", "))
	for _, name := range c.unproven {
		t.Errorf("%s differs from what the corpus's pinning gives, but in no value that it has not", name)
	}
	renders := ciRenders(t, c.dir)
	for _, name := range sortedNames(c.differ) {
		c.explain(t, name, renders)
	}
	for name := range ciDifferences {
		if c.differ[name] == nil {
			t.Errorf("%s is equal now; take it from the list", name)
		}
	}
}

// explain logs a difference with its reason, whose proof has to hold.
func (c *ciTally) explain(t *testing.T, name string, renders []ciRender) {
	known, ok := ciDifferences[name]
	if !ok {
		t.Errorf("%s: %s", name, strings.Join(c.differ[name], "\n"))
		return
	}
	feedstock, subdir, _ := strings.Cut(name, " ")
	proven := false
	for _, r := range renders {
		if strings.Contains(r.Recipe, "/"+feedstock+"/") && r.Target == subdir && known.proof(r) {
			proven = true
		}
	}
	if !proven {
		t.Errorf("%s: the vectors do not prove that %s", name, known.why)
	}
	t.Logf("differs: %s: %s (%s)", name, known.why, strings.Join(c.differ[name], "; "))
}
