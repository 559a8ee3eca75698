package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forge/internal/fsx"
	"forge/recipes"
)

// Bench is what forge bench found out about one package.
type Bench struct {
	Package string    `json:"package"` // name-version-build
	Level   string    `json:"level"`   // CPU level it is built for; empty for the platform's own
	CPU     []float64 `json:"cpu_seconds"`
	Median  float64   `json:"median"`
}

// benchCommands are extra.forge.bench of a recipe: a command or a list of them.
func benchCommands(o *recipes.Output) []string {
	forge, _ := o.Extra["forge"].(map[string]any)
	switch v := forge["bench"].(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, c := range v {
			if s, ok := c.(string); ok {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}

// testsOf are the tests of o, or in their place what of it is measured: planned like a test, and no part
// of the package.
func (r *Request) testsOf(o *recipes.Output) []recipes.Test {
	if !r.Bench {
		return o.Tests
	}
	commands := benchCommands(o)
	if r.BenchCommand != "" {
		commands = []string{r.BenchCommand}
	}
	if len(commands) == 0 {
		return nil
	}
	return []recipes.Test{{Pos: o.Pos, Script: &recipes.ScriptTest{Script: recipes.Script{Text: "set -e\n" + strings.Join(commands, "\n"), Pos: o.Pos}}}}
}

// RunBench builds every package of g that is not built, and then measures the recipe's command
// (extra.forge.bench) with each of those that are called name: the CPU time of the command and all its
// children, in the sandbox of a test. Packages take turns, forward and back, so that what else the machine
// does falls on all of them. req.Bench must have been set before the plan was made.
func RunBench(ctx context.Context, req *Request, tools Tools, g *Graph, name string, rounds int, report func(Event)) ([]Bench, error) {
	untested := *req
	untested.SkipTests = true
	r := newRun(&untested, tools, g, report)
	if _, err := r.all(ctx, g); err != nil {
		return nil, err
	}
	var contenders []*contender
	defer func() {
		for _, c := range contenders {
			c.site.remove()
		}
	}()
	for _, a := range g.Actions {
		if a.Output.Name != name {
			continue
		}
		if len(a.Test) == 0 {
			if why := needsEmulation(req, a.Output); why != "" {
				report(Event{Kind: EventWarning, Action: a, Text: a.Output.String() + " is not measured: it is " + why})
			}
			continue
		}
		c, err := r.contender(ctx, a)
		if err != nil {
			return nil, err
		}
		contenders = append(contenders, c)
	}
	if len(contenders) == 0 && !slices.ContainsFunc(g.Actions, func(a *Action) bool { return a.Output.Name == name }) {
		return nil, fmt.Errorf("there is nothing to measure: no output is called %q", name)
	}
	if len(contenders) == 0 {
		return nil, fmt.Errorf("there is nothing to measure: the recipe of %s has no extra.forge.bench (--command says what to run)", name)
	}
	log, err := createLog(filepath.Join(contenders[0].site.dir, "bench.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	for range rounds {
		for _, c := range contenders {
			if err := r.measure(ctx, c, log); err != nil {
				return nil, err
			}
		}
		slices.Reverse(contenders)
	}
	return results(contenders), nil
}

// contender is one package with the place where its command runs.
type contender struct {
	action *Action
	site   *site
	cpu    []float64
}

func (r *run) contender(ctx context.Context, a *Action) (*contender, error) {
	known := withSelf(r.known(a), a, r.built[a])
	s, err := r.newSite(ctx, "bench-"+a.Output.Name, insideTestLayout())
	if err != nil {
		return nil, err
	}
	c := &contender{action: a, site: s}
	silent := func(string, ...any) {} // its tests have said it
	err = errors.Join(r.install(ctx, a.Test[0].Run, known, s.prefix, s.at.prefix, silent), r.install(ctx, a.Test[0].Build, known, s.build, s.at.build, silent))
	if err != nil {
		s.remove()
		return nil, err
	}
	return c, nil
}

func (r *run) measure(ctx context.Context, c *contender, log *logFile) error {
	if err := errors.Join(fsx.RemoveAll(c.site.work), os.Mkdir(c.site.work, 0o755)); err != nil { // as if it were the first time
		return err
	}
	result, err := r.runTest(ctx, c.action, c.action.Test[0], c.site, log, nil)
	if err != nil {
		return err
	}
	if result.ExitCode != 0 {
		lines := logTail(log.Name(), 25)
		return &ScriptError{Package: c.action.Output.String(), What: "command to measure", Result: result, Line: failedLine(lines), Tail: withoutMarks(lines)}
	}
	c.cpu = append(c.cpu, result.CPU.Seconds())
	return nil
}

// results are sorted by level, the oldest first.
func results(contenders []*contender) []Bench {
	slices.SortStableFunc(contenders, func(a, b *contender) int {
		la, lb := levelOf(a.action.Output), levelOf(b.action.Output)
		switch {
		case la == lb:
			return strings.Compare(a.action.Output.String(), b.action.Output.String())
		case la == nil, lb != nil && lb.Includes(la):
			return -1
		}
		return 1
	})
	var all []Bench
	for _, c := range contenders {
		b := Bench{Package: c.action.Output.String(), CPU: c.cpu, Median: median(c.cpu)}
		if l := levelOf(c.action.Output); l != nil {
			b.Level = l.Name
		}
		all = append(all, b)
	}
	return all
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)/2]
}
