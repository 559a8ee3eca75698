package recipes

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forge/internal/diag"
	"forge/platforms"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// ciFile is a file of .ci_support.
type ciFile struct {
	name   string
	values map[string][]string
	zip    [][]string
	pins   []string
}

func readCIFile(t *testing.T, path string) ciFile {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc, _ := yamlx.Load(path, data, yamlx.Options{Duplicates: diag.Warning})
	f := ciFile{name: strings.TrimSuffix(filepath.Base(path), ".yaml"), values: map[string][]string{}}
	for k, n := range yamlx.Pairs(doc.Root) {
		switch k.Value {
		case "zip_keys":
			for _, g := range n.Content {
				f.zip = append(f.zip, scalars(g))
			}
		case "pin_run_as_build":
			for name := range yamlx.Pairs(n) {
				f.pins = append(f.pins, name.Value)
			}
		default:
			f.values[k.Value] = scalars(n)
		}
	}
	return f
}

// ciFeedstock is a feedstock with its files by platform.
type ciFeedstock struct {
	name, dir, recipe string
	platforms         map[string][]ciFile
	build             map[string]string // platform → platform it is built on
	linux             map[string]string // os_version
	noarch            []string          // noarch_platforms
	provider          map[string]string // that runs the jobs
	migrations        []VariantFile
}

func ciFeedstocks(t *testing.T, dir string) (all []ciFeedstock) {
	folders, err := filepath.Glob(filepath.Join(dir, "corpus/conda-forge-feedstocks/*"))
	if err != nil {
		t.Fatal(err)
	}
	current := map[string]VariantFile{} // a rerender takes the pinning's migrations, which are done where it has none
	running, _ := filepath.Glob(filepath.Join(dir, "corpus/conda-forge-pinning/recipe/migrations/*.yaml"))
	for _, m := range running {
		data, err := os.ReadFile(m)
		if err != nil {
			t.Fatal(err)
		}
		current[stampOf(data)] = VariantFile{Path: m, Data: data}
	}
	for _, folder := range folders {
		f := ciFeedstock{name: filepath.Base(folder), dir: folder, platforms: map[string][]ciFile{}, build: map[string]string{}, linux: map[string]string{}, provider: map[string]string{}}
		for _, name := range []string{"recipe.yaml", "meta.yaml"} {
			if _, err := os.Stat(filepath.Join(folder, "recipe", name)); err == nil {
				f.recipe = filepath.Join(folder, "recipe", name)
			}
		}
		files, _ := filepath.Glob(filepath.Join(folder, ".ci_support/*.yaml"))
		for _, file := range files {
			parts := strings.SplitN(filepath.Base(file), "_", 3)
			f.platforms[parts[0]+"-"+parts[1]] = append(f.platforms[parts[0]+"-"+parts[1]], readCIFile(t, file))
		}
		if f.recipe == "" || len(files) == 0 {
			continue
		}
		f.settings(t)
		f.scripts(t)
		moved, _ := filepath.Glob(filepath.Join(folder, ".ci_support/migrations/*.yaml"))
		for _, m := range moved {
			data, err := os.ReadFile(m)
			if err != nil {
				t.Fatal(err)
			}
			if now, ok := current[stampOf(data)]; ok {
				f.migrations = append(f.migrations, now)
			} else if strings.Contains(string(data), "use_local: true") {
				f.migrations = append(f.migrations, VariantFile{Path: m, Data: data})
			}
		}
		all = append(all, f)
	}
	return all
}

// settings reads conda-forge.yml, and what conda-smithy assumes where it says nothing.
func (f *ciFeedstock) settings(t *testing.T) {
	var forge struct {
		Build    map[string]string `yaml:"build_platform"`
		Linux    map[string]string `yaml:"os_version"`
		NoArch   yaml.Node         `yaml:"noarch_platforms"`
		Provider map[string]yaml.Node
	}
	data, err := os.ReadFile(filepath.Join(f.dir, "conda-forge.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &forge); err != nil {
		t.Fatal(err)
	}
	for k, v := range forge.Build {
		f.build[strings.Replace(k, "_", "-", 1)] = strings.Replace(v, "_", "-", 1)
	}
	for k, v := range forge.Linux {
		f.linux[strings.Replace(k, "_", "-", 1)] = v
	}
	for _, p := range scalars(&forge.NoArch) {
		f.noarch = append(f.noarch, strings.Replace(p, "_", "-", 1))
	}
	if f.noarch == nil {
		f.noarch = []string{"linux-64"}
	}
	for k, v := range forge.Provider {
		f.provider[strings.Replace(k, "_", "-", 1)] = strings.Join(scalars(&v), " ")
	}
}

// onGitHub reports whether GitHub Actions runs the jobs for subdir, which it does for all but macOS where
// conda-forge.yml does not say otherwise. The platform that builds counts.
func (f *ciFeedstock) onGitHub(subdir string) bool {
	if b := f.build[subdir]; b != "" {
		subdir = b
	}
	system, _, _ := strings.Cut(subdir, "-")
	said := f.provider[subdir]
	if of := f.provider[system]; of != "" && strings.HasSuffix(subdir, "-64") {
		said = of
	}
	if said == "" || said == "default" || said == "native" || said == "emulated" {
		return system != "osx"
	}
	return strings.Contains(said, "github_actions")
}

// stampOf is a migration's migrator_ts.
func stampOf(data []byte) string {
	for _, line := range strings.Split(string(data), "\n") {
		if stamp, ok := strings.CutPrefix(line, "migrator_ts:"); ok {
			stamp, _, _ = strings.Cut(stamp, "#")
			return strings.TrimSpace(stamp)
		}
	}
	return ""
}

// TestConformanceCIVariants expands the variants of every feedstock and holds jobs, keys and values
// against its .ci_support. A feedstock that was rerendered with another pinning than the corpus has gets
// the values of its files in place of the pinning's, and one that was rerendered with older tools gets
// their rules; which combinations there are, which jobs, and which keys each has is compared all the same.
func TestConformanceCIVariants(t *testing.T) {
	if os.Getenv("FORGE_CONFORMANCE") == "" {
		t.Skip("takes a minute: `make conformance` runs it (FORGE_CONFORMANCE=1)")
	}
	dir := shared(t)
	pinning := filepath.Join(dir, "corpus/conda-forge-pinning/recipe/conda_build_config.yaml")
	data, err := os.ReadFile(pinning)
	if err != nil {
		t.Fatal(err)
	}
	tally := newCITally(dir, VariantFile{Path: pinning, Data: data})
	for _, f := range ciFeedstocks(t, dir) {
		for _, subdir := range sortedNames(f.platforms) {
			tally.count(t, f, subdir)
		}
	}
	tally.report(t)
}

// options are those of the jobs for subdir.
func (f ciFeedstock) options(t *testing.T, subdir string, pinning VariantFile) CIOptions {
	target, err := platforms.Parse(subdir)
	if err != nil {
		t.Fatal(err)
	}
	build := target
	if b := f.build[subdir]; b != "" {
		if build, err = platforms.Parse(b); err != nil {
			t.Fatal(err)
		}
	}
	linux := f.linux[subdir]
	opts := CIOptions{Migrations: f.migrations, NoArch: slices.Contains(f.noarch, subdir), GitHubActions: f.onGitHub(subdir)}
	opts.RenderOptions = RenderOptions{TargetPlatform: target, HostPlatform: target, BuildPlatform: build, Variants: []VariantFile{pinning},
		Env: func(name string) (string, bool) { return linux, name == "DEFAULT_LINUX_VERSION" && linux != "" }}
	return opts
}

// variants is what CIVariants divides.
func (f ciFeedstock) variants(t *testing.T, opts CIOptions) (*v0Config, CIOptions, []byte) {
	text, err := os.ReadFile(f.recipe)
	if err != nil {
		t.Fatal(err)
	}
	opts.Env = ciEnvironment(opts.RenderOptions, text)
	c, list := ciConfig(f.recipe, opts.RenderOptions, opts.Migrations)
	if list.HasErrors() {
		t.Fatalf("%s for %s: %v", f.name, opts.TargetPlatform, list.Err())
	}
	return c, opts, text
}

// expand is CIVariants with a change to what the variants come to, and the rules of an era.
func (f ciFeedstock) expand(t *testing.T, opts CIOptions, change func(*v0Config), era ciEra) []CIVariant {
	c, opts, text := f.variants(t, opts)
	if change != nil {
		change(c)
	}
	jobs, list := ciSplit(f.recipe, text, opts, c)
	if list.HasErrors() {
		t.Errorf("%s for %s: %v", f.name, opts.TargetPlatform, list.Err())
	}
	for i := range jobs {
		for _, k := range era.kept {
			if vals := c.vals[k]; vals != nil {
				jobs[i].Values[k] = vals[:1]
			}
		}
		for _, k := range era.dropped {
			delete(jobs[i].Values, k)
		}
	}
	return jobs
}

func sortedZip(zip [][]string) (out []string) {
	for _, g := range zip {
		g = slices.Clone(g)
		slices.Sort(g)
		out = append(out, strings.Join(g, " "))
	}
	slices.Sort(out)
	return out
}

// asPinned puts the values that the files have in place of those of the pinning. With loops a key that
// had several values counts as one to loop over still.
func (c *v0Config) asPinned(files []ciFile, loops bool) {
	if loops {
		c.looped = map[string]bool{}
		for _, k := range c.keys {
			c.looped[k] = len(slices.Compact(slices.Clone(c.vals[k]))) > 1
		}
	}
	done := map[string]bool{}
	for _, group := range append(slices.Clone(c.zip), allKeys(files)...) {
		var keys []string
		for _, k := range group {
			if c.vals[k] != nil && files[0].values[k] != nil && !done[k] {
				keys, done[k] = append(keys, k), true
			}
		}
		if len(keys) == 0 {
			continue
		}
		var rows []string
		for _, f := range files {
			for i := range f.values[keys[0]] {
				var row []string
				for _, k := range keys {
					row = append(row, f.values[k][min(i, len(f.values[k])-1)])
				}
				if r := strings.Join(row, "\n"); !slices.Contains(rows, r) {
					rows = append(rows, r)
				}
			}
		}
		for n, k := range keys {
			var vals []string
			for _, r := range rows {
				vals = append(vals, strings.Split(r, "\n")[n])
			}
			c.set(k, vals)
		}
		for _, k := range group {
			if !slices.Contains(keys, k) && c.vals[k] != nil && len(group) > 1 {
				c.set(k, slices.Repeat(c.vals[k][:1], len(rows)))
			}
		}
	}
}

func allKeys(files []ciFile) (out [][]string) {
	for _, k := range sortedNames(files[0].values) {
		out = append(out, []string{k})
	}
	return out
}

// ciResult counts the files that have their job, the same keys, and the same values.
type ciResult struct {
	combinations, jobs, keys, values int
	equal                            map[string]bool
	why                              []string
}

// better compares by what matters most.
func (r ciResult) better(than ciResult) bool {
	a, b := []int{r.keys, r.values, r.jobs, r.combinations}, []int{than.keys, than.values, than.jobs, than.combinations}
	return slices.Compare(a, b) > 0
}

func compareCI(want []ciFile, got []CIVariant) ciResult {
	byName := map[string]CIVariant{}
	for _, g := range got {
		byName[g.Name] = g
	}
	r := ciResult{equal: map[string]bool{}}
	for _, w := range want {
		if g, ok := byName[w.name]; ok {
			delete(byName, w.name)
			r.jobs++
			r.combinations++
			r.compare(w, g)
			continue
		}
		r.why = append(r.why, "no job "+w.name)
		for _, name := range sortedNames(byName) {
			if sameValues(w, byName[name]) {
				delete(byName, name)
				r.combinations++
				break
			}
		}
	}
	for _, name := range sortedNames(byName) {
		r.why = append(r.why, "one job too many: "+name)
	}
	return r
}

// sameValues reports whether a file and a job have the same values under the keys that both have.
func sameValues(w ciFile, g CIVariant) bool {
	for k, vals := range w.values {
		if g.Values[k] != nil && !slices.Equal(vals, g.Values[k]) {
			return false
		}
	}
	return true
}

// compare holds a job against its file.
func (r *ciResult) compare(w ciFile, g CIVariant) {
	var differ []string
	keys := true
	for _, k := range sortedNames(w.values) {
		if g.Values[k] == nil {
			keys = false
			differ = append(differ, "lacks "+k)
		} else if !slices.Equal(w.values[k], g.Values[k]) {
			differ = append(differ, fmt.Sprintf("%s %v/%v", k, w.values[k], g.Values[k]))
		}
	}
	for _, k := range sortedNames(g.Values) {
		if w.values[k] == nil {
			keys = false
			differ = append(differ, "has "+k)
		}
	}
	if wz, gz := fmt.Sprint(sortedZip(w.zip)), fmt.Sprint(sortedZip(g.Zip)); wz != gz && len(w.zip)+len(g.Zip) > 0 {
		differ = append(differ, "zip "+wz+"/"+gz)
	}
	gp := sortedNames(g.Pins)
	slices.Sort(w.pins)
	if !slices.Equal(gp, w.pins) && len(gp)+len(w.pins) > 0 {
		differ = append(differ, fmt.Sprintf("pins %v/%v", w.pins, gp))
	}
	if keys {
		r.keys++
	}
	if len(differ) == 0 {
		r.values++
		r.equal[w.name] = true
		return
	}
	r.why = append(r.why, w.name+": "+strings.Join(differ, ", "))
}
