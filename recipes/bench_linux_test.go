package recipes

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"forge/platforms"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"golang.org/x/sys/unix"
	"gopkg.in/yaml.v3"
)

// benchCase is one recipe file in one setting.
type benchCase struct {
	name     string
	variants int        // that are rendered
	render   func() int // gives the number of outputs
	floor    func()     // one parse of the file by the library for its language
	yaml     func()     // one parse of the recipe.yaml that a recipe.hcl was made from; nil for none
}

// TestBenchWorker is not a test: bench/render.py drives it. It reads a command a line and answers with
// a line of JSON; all times are CPU seconds of this process, user and system, garbage collection
// included.
//
//	run GROUP      every recipe of the group once
//	runs GROUP     the same again and again for half a second, per round
//	parses GROUP   one parse of every file, likewise
//	floor GROUP    every recipe against one parse of its file, measured in turn
//	scale FORMAT N one recipe with N outputs
//	many FORMAT N  one recipe with N variants
//	explode FORMAT a recipe whose variants multiply to 10^6
func TestBenchWorker(t *testing.T) {
	if os.Getenv("FORGE_BENCH_WORKER") == "" {
		t.Skip("only for bench/render.py")
	}
	groups := map[string][]benchCase{}
	for s := bufio.NewScanner(os.Stdin); s.Scan(); {
		words := strings.Fields(s.Text())
		var answer any
		switch words[0] {
		case "scale":
			answer = benchScale(t, words[1], words[2])
		case "many":
			answer = benchMany(t, words[1], words[2])
		case "explode":
			answer = benchExplode(t, words[1])
		default:
			if groups[words[1]] == nil {
				groups[words[1]] = benchGroup(t, words[1])
			}
			answer = benchOn(words[0], groups[words[1]])
		}
		line, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%s\n", line)
	}
}

func benchOn(command string, group []benchCase) any {
	switch command {
	case "run":
		return benchRun(group, 0)
	case "runs":
		return benchRun(group, steady)
	case "parses":
		return benchParse(group, steady)
	}
	return benchFloor(group)
}

// cpu is the CPU time of this process so far in seconds.
func cpuTime() float64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return float64(t.Sec) + float64(t.Nsec)/1e9
}

type benchTotal struct {
	CPU                        float64
	Recipes, Variants, Outputs int
	Says                       string  `json:",omitempty"`
	Bare                       float64 `json:",omitempty"` // CPU while the collector rests
}

// steady is how long what allocates little is repeated, in seconds, so that the collector has its share of it.
const steady = 0.5

// benchParse is the floor of benchRun.
func benchParse(all []benchCase, atLeast float64) (b benchTotal) {
	b.CPU = benchRounds(atLeast, func() {
		for _, c := range all {
			c.floor()
		}
	})
	b.Recipes = len(all)
	return b
}

// benchRun renders all, again and again until it took atLeast seconds; the time is that of one round.
func benchRun(all []benchCase, atLeast float64) (b benchTotal) {
	b.CPU = benchRounds(atLeast, func() {
		b.Outputs, b.Variants = 0, 0
		for _, c := range all {
			b.Outputs += c.render()
			b.Variants += c.variants
		}
	})
	b.Recipes = len(all)
	return b
}

func benchRounds(atLeast float64, f func()) float64 {
	runtime.GC()
	start := cpuTime()
	for n := 1; ; n++ {
		f()
		if took := cpuTime() - start; took >= atLeast {
			return took / float64(n)
		}
	}
}

type benchRatio struct {
	Name          string
	Variants      int
	Render, Floor float64 // CPU seconds
	YAML          float64 `json:",omitempty"`
}

// benchFloor measures A B B A A B B A, each as often as takes some milliseconds, and gives the medians. The
// collector rests meanwhile: what it does falls on whoever runs when it wakes. Groups as a whole are
// measured with it.
func benchFloor(all []benchCase) (out []benchRatio) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for _, c := range all {
		runtime.GC()
		render := func() { c.render() }
		render()
		c.floor()
		var a, b []float64
		for range 2 {
			a = append(a, benchTime(render))
			b = append(b, benchTime(c.floor), benchTime(c.floor))
			a = append(a, benchTime(render))
		}
		one := benchRatio{Name: c.name, Variants: c.variants, Render: middle(a), Floor: middle(b)}
		if c.yaml != nil {
			one.YAML = middle([]float64{benchTime(c.yaml), benchTime(c.yaml), benchTime(c.yaml), benchTime(c.yaml)})
		}
		out = append(out, one)
	}
	return out
}

// middle is the median of an even number of values.
func middle(v []float64) float64 {
	slices.Sort(v)
	return (v[len(v)/2-1] + v[len(v)/2]) / 2
}

func benchTime(f func()) float64 {
	const atLeast = 2e-3
	start := cpuTime()
	for n := 1; ; n++ {
		f()
		if took := cpuTime() - start; took > atLeast {
			return took / float64(n)
		}
	}
}

// benchGroup reads the recipes of a group before anything is measured.
func benchGroup(t *testing.T, group string) []benchCase {
	dir := shared(t)
	format, origin, _ := strings.Cut(group, ":")
	switch format {
	case "v0":
		return benchV0(t, dir, origin)
	case "v1":
		return benchV1(t, dir, origin)
	}
	if origin == "" {
		return benchShipped(t)
	}
	return benchHCL(t, dir, origin)
}

func benchV1(t *testing.T, dir, origin string) (out []benchCase) {
	eachV1(t, dir, origin, func(name, path string, data []byte, o RenderOptions) {
		c := benchCase{name: name, variants: v1Variants(path, data, o)}
		c.render = func() int { return len(renderV1(path, data, o).Outputs) }
		c.floor = func() { parseYAML(data) }
		out = append(out, c)
	})
	return out
}

// benchHCL are recipes of the corpus as `forge convert` writes them in HCL.
func benchHCL(t *testing.T, dir, origin string) (out []benchCase) {
	eachV1(t, dir, origin, func(name, path string, data []byte, o RenderOptions) {
		text, _ := convertWith(path, data, "recipe.hcl", newHints())
		path = filepath.Join(filepath.Dir(path), "recipe.hcl")
		r := renderHCL(path, text, o)
		if r.Diagnostics.HasErrors() {
			return
		}
		combos := map[string]bool{}
		for _, output := range r.Outputs {
			combos[fmt.Sprint(output.Full)] = true
		}
		c := benchCase{name: name, variants: max(1, len(combos))}
		c.render = func() int { return len(renderHCL(path, text, o).Outputs) }
		c.floor = func() { hclsyntax.ParseConfig(text, path, hcl.InitialPos) }
		c.yaml = func() { parseYAML(data) }
		out = append(out, c)
	})
	return out
}

// eachV1 calls f for the renders of the vectors that are good.
func eachV1(t *testing.T, dir, origin string, f func(name, path string, data []byte, o RenderOptions)) {
	origin, target, _ := strings.Cut(origin, "@")
	cache := NewCache()
	eachLine(t, filepath.Join(dir, "vectors/rattler-build/render", origin+".jsonl"), func(line []byte) {
		var w wantRender
		if err := json.Unmarshal(line, &w); err != nil {
			t.Fatal(err)
		}
		if !w.OK || target != "" && w.Target != target {
			return
		}
		o := wantOptions(t, dir, &w)
		o.Cache = cache
		path := corpusFile(dir, w.Recipe)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f(fmt.Sprint(w.Recipe, " ", w.Target, " ", w.VariantFiles), path, data, o)
	})
}

func v1Variants(path string, data []byte, o RenderOptions) int {
	combos := map[string]bool{}
	r := newV1(path, "recipe.yaml", &o)
	r.load(data)
	for _, x := range r.renderings() {
		combos[x.combo] = true
	}
	return max(1, len(combos))
}

func parseYAML(data []byte) {
	var n yaml.Node
	_ = yaml.Unmarshal(data, &n)
}

func benchV0(t *testing.T, dir, origin string) (out []benchCase) {
	origin, only, _ := strings.Cut(origin, "@")
	eachLine(t, filepath.Join(dir, "vectors/conda-build-render", origin+".jsonl"), func(line []byte) {
		var w v0Want
		if err := json.Unmarshal(line, &w); err != nil {
			t.Fatal(err)
		}
		if w.Error != nil || only != "" && !strings.Contains(w.Recipe, only) {
			return
		}
		file, o := v0VectorOptions(t, dir, origin, &w)
		o.Cache = vectorCache
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		own, err := variantsBeside(file)
		if err != nil {
			t.Fatal(err)
		}
		o.Variants = append(o.Variants, own...)
		rendered, variants := v0Text(file, text, o)
		if rendered == nil {
			return
		}
		c := benchCase{name: fmt.Sprint(w.Recipe, " ", w.Platform, " ", w.VariantFile), variants: variants}
		c.render = func() int { return len(renderV0(file, text, o).Outputs) }
		c.floor = func() { parseYAML(rendered) }
		out = append(out, c)
	})
	return out
}

// v0Text is the text of the first variant, which is YAML, and the number of variants; nil where the
// recipe has mistakes.
func v0Text(file string, text []byte, o RenderOptions) ([]byte, int) {
	v := newV0(file, string(text), o)
	if !v.configured() {
		return nil, 0
	}
	all, problem := v.cfg.expand(v.base.plain, v.among(v.loopKeys()), v.limit())
	if problem != nil {
		return nil, 0
	}
	all = v.reduceNoarch(all)
	p := v.pass(all[0])
	if p == nil {
		return nil, 0
	}
	s, _, _ := p.fill()
	return []byte(s), len(all)
}

func benchShipped(t *testing.T) (out []benchCase) {
	files, err := filepath.Glob("*/recipe.hcl")
	if err != nil {
		t.Fatal(err)
	}
	p, _ := platforms.Parse("linux-64")
	cache := NewCache()
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		o := RenderOptions{BuildPlatform: p, Cache: cache}.withDefaults()
		c := benchCase{name: path, variants: 1}
		c.render = func() int { return len(renderHCL(path, data, o).Outputs) }
		c.floor = func() { hclsyntax.ParseConfig(data, path, hcl.InitialPos) }
		out = append(out, c)
	}
	return out
}

// benchScale renders a recipe with n outputs, each of which pins the one before (not in recipe.hcl).
func benchScale(t *testing.T, format, n string) benchTotal {
	return benchOne(t, format, manyOutputs(format, number(t, n)), nil, true)
}

// benchMany renders a recipe with n variants.
func benchMany(t *testing.T, format, n string) benchTotal {
	values := make([]string, number(t, n))
	for i := range values {
		values[i] = fmt.Sprintf("1.%d", i)
	}
	return benchOne(t, format, usingKeys(format, "mpi"), map[string][]string{"mpi": values}, true)
}

// benchExplode asks for 10^6 variants, which is refused.
func benchExplode(t *testing.T, format string) benchTotal {
	set, keys := map[string][]string{}, []string{"aa", "bb", "cc", "dd", "ee", "ff"}
	for _, k := range keys {
		set[k] = strings.Fields("0 1 2 3 4 5 6 7 8 9")
	}
	return benchOne(t, format, usingKeys(format, keys...), set, false)
}

func number(t *testing.T, word string) (n int) {
	if _, err := fmt.Sscan(word, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// benchOne renders a text three times and gives the middle one.
func benchOne(t *testing.T, format, text string, set map[string][]string, good bool) (b benchTotal) {
	p, _ := platforms.Parse("linux-64")
	name := map[string]string{"v0": "meta.yaml", "v1": "recipe.yaml", "hcl": "recipe.hcl"}[format]
	path := filepath.Join(t.TempDir(), name)
	o := RenderOptions{BuildPlatform: p, AllowUnhashed: true, Set: set}.withDefaults()
	one := func() float64 {
		runtime.GC()
		start := cpuTime()
		r := Render(path, []byte(text), o)
		took := cpuTime() - start
		if r.Diagnostics.HasErrors() == good {
			t.Fatal(format, r.Diagnostics.Err())
		}
		if b.Outputs = len(r.Outputs); !good {
			b.Says = r.Diagnostics[0].Summary
		}
		return took
	}
	b.Recipes, b.CPU = 1, middleOf3(one)
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	b.Bare = middleOf3(one)
	return b
}

func middleOf3(f func() float64) float64 {
	times := []float64{f(), f(), f()}
	slices.Sort(times)
	return times[1]
}

// usingKeys is a small recipe that depends on variant keys.
func usingKeys(format string, keys ...string) string {
	switch format {
	case "v0":
		return "package:\n  name: many\n  version: \"1\"\nbuild:\n  script: make\nrequirements:\n  build:\n    - {{ compiler('c') }}\n  host:\n    - " +
			strings.Join(keys, "\n    - ") + "\nabout:\n  summary: many variants\n  license: MIT\n"
	case "v1":
		return "package:\n  name: many\n  version: \"1\"\nbuild:\n  script: make\nrequirements:\n  build:\n    - ${{ compiler('c') }}\n  host:\n    - " +
			strings.Join(keys, "\n    - ") + "\nabout:\n  summary: many variants\n  license: MIT\n"
	}
	specs := make([]string, len(keys))
	for i, k := range keys {
		specs[i] = fmt.Sprintf("\"%s ==${variant.%s}\"", k, k)
	}
	return "package \"many\" {\n  version = \"1\"\n}\nbuild {\n  script = [\"make\"]\n}\nrequirements {\n  build = [compiler(\"c\")]\n  host = [" +
		strings.Join(specs, ", ") + "]\n}\nabout {\n  summary = \"many variants\"\n  license = \"MIT\"\n}\n"
}

func manyOutputs(format string, n int) string {
	var b strings.Builder
	switch format {
	case "v0":
		b.WriteString("{% set version = \"1.2\" %}\npackage:\n  name: many\n  version: {{ version }}\noutputs:\n")
		for i := range n {
			fmt.Fprintf(&b, "  - name: many-%d\n    requirements:\n      build:\n        - {{ compiler('c') }}\n      host:\n        - zlib\n      run:\n        - lib {{ version }}\n", i)
			if i > 0 {
				fmt.Fprintf(&b, "        - {{ pin_subpackage('many-%d', exact=True) }}\n", i-1)
			}
		}
	case "v1":
		b.WriteString("context:\n  version: \"1.2\"\nrecipe:\n  version: ${{ version }}\noutputs:\n")
		for i := range n {
			fmt.Fprintf(&b, "  - package:\n      name: many-%d\n    requirements:\n      build:\n        - ${{ compiler('c') }}\n      host:\n        - zlib\n      run:\n        - lib ==${{ version }}\n", i)
			if i > 0 {
				fmt.Fprintf(&b, "        - ${{ pin_subpackage('many-%d', exact=true) }}\n", i-1)
			}
		}
	case "hcl":
		b.WriteString("locals {\n  version = \"1.2\"\n}\npackage \"many\" {\n  version = local.version\n}\n")
		for i := 0; i < n; i += 200 {
			numbers := make([]string, 0, 200)
			for k := i; k < min(n, i+200); k++ {
				numbers = append(numbers, fmt.Sprintf("\"%d\"", k))
			}
			fmt.Fprintf(&b, "output \"many\" {\n  for_each = [%s]\n  name = \"many-${each.value}\"\n  requirements {\n    build = [compiler(\"c\")]\n    host = [\"zlib\"]\n    run = [\"lib ==${local.version}\"]\n  }\n}\n", strings.Join(numbers, ", "))
		}
	}
	return b.String()
}
