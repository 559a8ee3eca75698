package recipes

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
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

// ciDifferences are feedstocks whose files differ, with the reason.
var ciDifferences = map[string]string{
	"clangdev-feedstock":       "TARGET on Windows is in the script of a staging output alone, which its files of then do not count",
	"ctng-compilers-feedstock": "libgomp_ver on osx is used by an output that is skipped there, which conda-smithy counts",
	"jaxlib-feedstock":         "github_actions_labels is kept only with self_hosted in conda-forge.yml, which it has commented out",
	"libtiff-feedstock":        "made with an older conda-smithy, which kept cdt_name",
	"ncurses-feedstock":        "made with an older conda-smithy, which kept cdt_name",
	"openjdk-feedstock":        "one key, c_compiler on Windows, which the recipe names nowhere but in its compiler() calls for other systems",
	"perl-feedstock":           "made with a conda-smithy of years ago: no c_stdlib, no SDK, cdt_name kept",
}

// TestConformanceCIVariants expands the variants of every feedstock and holds jobs, keys and values
// against its .ci_support. A feedstock that was rerendered with another pinning than the corpus has gets
// the values of its files in place of the pinning's; which combinations there are, which jobs, and which
// keys each has is compared all the same.
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
	var files, jobs, keys, same, replaced int
	for _, f := range ciFeedstocks(t, dir) {
		var reasons []string
		for _, subdir := range sortedNames(f.platforms) {
			want := f.platforms[subdir]
			files += len(want)
			first, list := f.expand(t, subdir, VariantFile{Path: pinning, Data: data}, nil)
			if list.HasErrors() {
				t.Errorf("%s for %s: %v", f.name, subdir, list.Err())
				continue
			}
			best := compareCI(want, first)
			if same += best.values; best.values < len(want) {
				for _, loops := range []bool{false, true} {
					got, _ := f.expand(t, subdir, VariantFile{Path: pinning, Data: data}, func(c *v0Config) { c.asPinned(want, loops) })
					if again := compareCI(want, got); again.values > best.values || again.values == best.values && again.keys > best.keys {
						again.replaced = again.values - best.values
						best = again
					}
				}
				replaced += best.replaced
			}
			jobs, keys = jobs+best.jobs, keys+best.keys
			if best.why != "" {
				reasons = append(reasons, subdir+": "+best.why)
			}
		}
		explained := ciDifferences[f.name]
		switch {
		case len(reasons) > 0 && explained == "":
			t.Errorf("%s: %s", f.name, strings.Join(reasons, "\n"))
		case len(reasons) > 0:
			t.Logf("differs: %s: %s", f.name, explained)
			if os.Getenv("FORGE_VERBOSE") != "" {
				t.Log(strings.Join(reasons, "\n"))
			}
		case explained != "":
			t.Errorf("%s is equal now; take it from the list", f.name)
		}
	}
	t.Logf(".ci_support: %d files, %d with the same job, %d of them with the same keys; %d have every value with the corpus's pinning, %d more with the pinning they were made with", files, jobs, keys, same, replaced)
}

// expand is CIVariants with a change to what the variants come to.
func (f ciFeedstock) expand(t *testing.T, subdir string, pinning VariantFile, change func(*v0Config)) ([]CIVariant, diag.List) {
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
	if change == nil {
		return CIVariants(f.recipe, opts)
	}
	text, err := os.ReadFile(f.recipe)
	if err != nil {
		t.Fatal(err)
	}
	opts.Env = ciEnvironment(opts.RenderOptions, text)
	c, list := ciConfig(f.recipe, opts.RenderOptions, opts.Migrations)
	if list.HasErrors() {
		return nil, list
	}
	change(c)
	return ciSplit(f.recipe, text, opts, c)
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
	jobs, keys, values, replaced int
	why                          string
}

func compareCI(want []ciFile, got []CIVariant) (r ciResult) {
	byName := map[string]CIVariant{}
	var names []string
	for _, g := range got {
		byName[g.Name] = g
		names = append(names, g.Name)
	}
	var reasons []string
	var missing []string
	for _, w := range want {
		g, ok := byName[w.name]
		if !ok {
			missing = append(missing, w.name)
			continue
		}
		delete(byName, w.name)
		r.jobs++
		var wk, gk, differ []string
		for _, k := range sortedNames(w.values) {
			if g.Values[k] == nil {
				wk = append(wk, k)
			} else if !slices.Equal(w.values[k], g.Values[k]) {
				differ = append(differ, fmt.Sprintf("%s %v/%v", k, w.values[k], g.Values[k]))
			}
		}
		for _, k := range sortedNames(g.Values) {
			if w.values[k] == nil {
				gk = append(gk, k)
			}
		}
		if wz, gz := fmt.Sprint(sortedZip(w.zip)), fmt.Sprint(sortedZip(g.Zip)); wz != gz && !(len(w.zip) == 0 && len(g.Zip) == 0) {
			differ = append(differ, "zip "+wz+"/"+gz)
		}
		gp := sortedNames(g.Pins)
		sort.Strings(w.pins)
		if !slices.Equal(gp, w.pins) && len(gp)+len(w.pins) > 0 {
			differ = append(differ, fmt.Sprintf("pins %v/%v", w.pins, gp))
		}
		if len(wk)+len(gk) == 0 {
			r.keys++
			if len(differ) == 0 {
				r.values++
			}
		} else {
			reasons = append(reasons, fmt.Sprintf("keys missing %v extra %v", wk, gk))
		}
		if len(differ) > 0 {
			reasons = append(reasons, fmt.Sprint(differ))
		}
	}
	if len(missing) > 0 {
		reasons = append(reasons, fmt.Sprintf("jobs missing %v, left %v", missing, sortedNames(byName)))
	} else if len(byName) > 0 {
		reasons = append(reasons, fmt.Sprintf("jobs too many %v", sortedNames(byName)))
	}
	slices.Sort(reasons)
	r.why = strings.Join(slices.Compact(reasons), "\n      ")
	return r
}
