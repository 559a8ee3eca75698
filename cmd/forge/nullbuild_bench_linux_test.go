package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"forge/digest"
	"forge/engine"
	"forge/internal/fsx"
	"forge/platforms"
	"forge/platforms/toolchain"
	"forge/recipes"
)

// BenchmarkNullBuild compares a build with nothing to do with ninja's, on the same nodes, edges and files:
// CPU time of both programs, in turn (A B B A), medians. Ninja has one folder and one recipe to look at for
// each node, and the three files of its package; forge looks at these and at two files in its store. That
// the packages were built is made up, by the code that records a run; that nothing has changed is not.
func BenchmarkNullBuild(b *testing.B) {
	for _, c := range []struct {
		name  string
		graph func(b *testing.B) map[string][]string
	}{
		{"spack8", spackGraph},
		{"10k", func(*testing.B) map[string][]string { return layeredGraph(10_000) }},
		{"100k", func(*testing.B) map[string][]string { return layeredGraph(100_000) }},
	} {
		b.Run(c.name+"/target=1.5x", func(b *testing.B) { compareWithNinja(b, c.graph(b)) })
	}
}

// spackGraph is the build graph of the derived universe.
func spackGraph(b *testing.B) map[string][]string {
	shared := os.Getenv("FORGE_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	data, err := os.ReadFile(filepath.Join(shared, "universe", "spack8", "graph.json"))
	if err != nil {
		b.Skip("the derived universe is not here: ", err)
	}
	var nodes map[string]struct{ Build []string }
	if err := json.Unmarshal(data, &nodes); err != nil {
		b.Fatal(err)
	}
	graph := map[string][]string{}
	for name, n := range nodes {
		graph[name] = slices.DeleteFunc(n.Build, func(d string) bool { _, ok := nodes[d]; return !ok })
	}
	return graph
}

// layeredGraph has n nodes that each need four earlier ones, as many as real packages do.
func layeredGraph(n int) map[string][]string {
	graph := map[string][]string{}
	for i := range n {
		var needs []string
		for k := range min(i, 4) {
			needs = append(needs, fmt.Sprintf("package-%d", (i*(2*k+1)/8+k)%i))
		}
		slices.Sort(needs)
		graph[fmt.Sprintf("package-%d", i)] = slices.Compact(needs)
	}
	return graph
}

func compareWithNinja(b *testing.B, graph map[string][]string) {
	ninja, err := exec.LookPath("ninja")
	if err != nil {
		b.Skip("ninja is not installed: ", err)
	}
	dir := b.TempDir()
	b.Chdir(dir)
	b.Setenv("FORGE_CACHE", filepath.Join(dir, ".cache"))
	b.Setenv("FORGE_KEYS", filepath.Join(dir, ".keys"))
	b.Setenv("FORGE_TEST_AS_PROGRAM", "1")
	forge := []string{os.Args[0], "build", "./r/..."}
	pretendBuilt(b, graph, ninja)
	said, err := exec.Command(forge[0], append(forge[1:], "-v")...).CombinedOutput()
	if err != nil || !bytes.Contains(said, []byte("nothing to do: ")) || !bytes.Contains(said, []byte(closing(len(graph), map[engine.Status]int{engine.StatusReused: len(graph)}))) {
		b.Fatalf("forge: %v\n%.2000s", err, said)
	}
	if said, err := exec.Command(ninja).CombinedOutput(); err != nil || !bytes.Contains(said, []byte("no work to do")) {
		b.Fatalf("ninja: %v\n%.2000s", err, said)
	}
	var ours, theirs []time.Duration
	for b.Loop() {
		for _, who := range "ABBA" {
			if who == 'A' {
				ours = append(ours, cpuOf(b, forge...))
			} else {
				theirs = append(theirs, cpuOf(b, ninja))
			}
		}
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	a, n := ours[len(ours)/2], theirs[len(theirs)/2]
	b.ReportMetric(float64(a.Microseconds())/1000, "forge-cpu-ms")
	b.ReportMetric(float64(n.Microseconds())/1000, "ninja-cpu-ms")
	b.ReportMetric(float64(a)/float64(n), "x-ninja")
	b.ReportMetric(0, "ns/op")
}

func cpuOf(b *testing.B, command ...string) time.Duration {
	c := exec.Command(command[0], command[1:]...)
	if err := c.Run(); err != nil {
		b.Fatalf("%s: %v", command[0], err)
	}
	return c.ProcessState.UserTime() + c.ProcessState.SystemTime()
}

// pretence is a workspace that looks as if it had been built.
type pretence struct {
	b        *testing.B
	graph    map[string][]string
	subdir   string
	actions  []*engine.Action
	outcomes []*engine.Outcome
	ninja    strings.Builder
	log      strings.Builder
	hash     string // of the command, as ninja logs it
}

func (p *pretence) must(err error) {
	p.b.Helper()
	if err != nil {
		p.b.Fatal(err)
	}
}

// pretendBuilt writes recipes, packages, the part of the store that belongs to them, ninja's files, and the
// record of a run that found all of it as it is.
func pretendBuilt(b *testing.B, graph map[string][]string, ninja string) {
	p := &pretence{b: b, graph: graph, subdir: platforms.Host().String()}
	ctx := context.Background()
	a := &app{lookupEnv: os.LookupEnv, stdout: os.Stdout, stderr: os.Stderr}
	a.global.color, a.global.logStyle, a.global.quiet = "auto", "fancy", true
	defer a.closeStores()
	var f buildFlags
	flags := pflag.NewFlagSet("build", pflag.ContinueOnError)
	f.register(flags)
	f.registerRun(flags)
	for _, dir := range []string{"r", "output/noarch", "output/" + p.subdir} {
		p.must(os.MkdirAll(dir, 0o755))
	}
	names := sortedNames(graph)
	for _, name := range names {
		p.recipe(name)
	}
	req, err := a.requestFor(&f, nil)
	p.must(err)
	args := []string{"./r/..."}
	last, err := a.lastRunOf(ctx, req, &f, args, buildReports{})
	p.must(err)
	p.must(f.find(a, req, args))
	tools, finish, err := a.tools(ctx, req)
	p.must(err)
	p.must(finish(ctx))
	p.must(a.sign(req, &tools))
	base, err := tools.Externals.Find(ctx, toolchain.Base)
	p.must(err)
	p.must(tools.Externals.Load(ctx, base))
	last.begin(req)
	p.ninjaHead(ninja)
	for _, name := range names {
		p.built(req, tools, name)
	}
	p.must(os.WriteFile("build.ninja", []byte(p.ninja.String()), 0o644))
	p.must(os.WriteFile(".ninja_log", []byte(p.log.String()), 0o644))
	time.Sleep(50 * time.Millisecond)
	a.began = time.Now()
	p.must(last.tryKeep(req, tools, &engine.Graph{Actions: p.actions}, p.outcomes))
}

// Times of files that suit ninja: what is made is newer than what it is made of.
func older() time.Time { return time.Unix(1_700_000_000, 0) }
func newer() time.Time { return time.Unix(1_700_000_100, 0) }

func (p *pretence) write(path, text string, mtime time.Time) {
	p.must(os.WriteFile(path, []byte(text), 0o644))
	p.must(os.Chtimes(path, mtime, mtime))
}

func (p *pretence) recipe(name string) {
	dir := "r/" + name
	p.must(os.Mkdir(dir, 0o755))
	p.write(dir+"/recipe.yaml", fmt.Sprintf("package: {name: %s, version: '1'}\nbuild: {script: 'true'}\nrequirements: {host: [%s]}\n",
		name, strings.Join(p.graph[name], ", ")), older())
	p.must(os.Chtimes(dir, older(), older()))
}

const pretendedRule = "rule build\n  command = true\n"

// ninjaHead begins ninja's files; the version of the log and what it has of a command are learned from a run.
func (p *pretence) ninjaHead(ninja string) {
	dir := p.b.TempDir()
	p.must(os.WriteFile(filepath.Join(dir, "build.ninja"), []byte(pretendedRule+"build out: build\n"), 0o644))
	if out, err := exec.Command(ninja, "-C", dir).CombinedOutput(); err != nil {
		p.b.Fatalf("ninja: %v\n%s", err, out)
	}
	log, err := os.ReadFile(filepath.Join(dir, ".ninja_log"))
	p.must(err)
	head, line, _ := strings.Cut(string(log), "\n")
	p.log.WriteString(head + "\n")
	p.hash = strings.TrimSpace(line[strings.LastIndex(line, "\t")+1:])
	p.ninja.WriteString(pretendedRule)
}

func (p *pretence) built(req *engine.Request, tools engine.Tools, name string) {
	o := &recipes.Output{Name: name, Version: "1", BuildString: "h0000000_0", TargetPlatform: platforms.Host(),
		Recipe: recipes.Origin{File: "r/" + name + "/recipe.yaml", Dir: "r/" + name}}
	file := o.String() + ".conda"
	built := &engine.Built{FileName: file, Archive: digest.Of([]byte(name)), Statement: digest.Of([]byte(name + " statement")),
		Content: digest.Of([]byte(name)), Isolation: "full"}
	outcome := &engine.Outcome{Action: &engine.Action{Output: o}, Status: engine.StatusReused, Built: built,
		Path: filepath.Join(req.OutputDir, p.subdir, file), Signed: tools.KeyID}
	p.ninja.WriteString("build")
	for _, suffix := range []string{"", ".asc", ".intoto.jsonl"} {
		path := "output/" + p.subdir + "/" + file + suffix
		p.write(path, name, newer())
		stamp, err := fsx.StampOf(path, false)
		p.must(err)
		outcome.Placed = append(outcome.Placed, stamp)
		p.ninja.WriteString(" " + path)
		fmt.Fprintf(&p.log, "0\t1\t%d\t%s\t%s\n", newer().UnixNano(), path, p.hash)
	}
	fmt.Fprintf(&p.ninja, ": build r/%s/recipe.yaml r/%s |", name, name)
	for _, need := range p.graph[name] {
		fmt.Fprintf(&p.ninja, " output/%s/%s-1-h0000000_0.conda", p.subdir, need)
	}
	p.ninja.WriteString("\n")
	for _, blob := range []digest.Digest{built.Archive, built.Statement} {
		path := tools.Store.Path(blob, false)
		p.must(os.MkdirAll(filepath.Dir(path), 0o700))
		p.must(os.WriteFile(path, []byte(name), 0o444))
	}
	p.actions, p.outcomes = append(p.actions, outcome.Action), append(p.outcomes, outcome)
}
