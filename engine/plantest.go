package engine

import (
	"fmt"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/packages"
	"forge/recipes"
)

// draftTests solves the environment of each of a's tests: the package with what it runs with, and
// what the test asks for beside it.
func (p *planner) draftTests(a *Action) *solving {
	s := &solving{planner: p, self: a, draft: &Action{}, from: p.from.view(nil, nil)}
	tests := p.req.testsOf(a.Output)
	if a.Output.Staging || !p.req.testsRun(a.Output) && !slices.ContainsFunc(tests, runsNothing) {
		return s
	}
	seen := map[*Action]bool{}
	for i, t := range tests {
		if reason := p.req.notRun(a.Output); reason != "" && !runsNothing(t) {
			s.draft.Test = append(s.draft.Test, TestPlan{Index: i, NotRun: reason})
			continue
		}
		plans, err := s.testPlans(a, i, t)
		if err != nil {
			s.err = inTest(a, t, fmt.Errorf("test %d: %w", i, err))
			return s
		}
		for _, plan := range plans {
			for _, b := range s.actionsOf(plan.Run, plan.Build) {
				if !seen[b] {
					seen[b] = true
					s.draft.TestNeeds = append(s.draft.TestNeeds, b)
				}
			}
		}
		s.draft.Test = append(s.draft.Test, plans...)
	}
	return s
}

// runsNothing reports whether a test only looks at the package, which may then be for any machine.
func runsNothing(t recipes.Test) bool { return t.PackageContents != nil }

func (p *solving) testPlans(a *Action, index int, t recipes.Test) ([]TestPlan, error) {
	self := append([]string{exactSpec(&a.Record)}, p.with...)
	one := func(run, build []string) ([]TestPlan, error) {
		plan := TestPlan{Index: index}
		var err error
		if plan.Run, err = p.environment(testKind, append(slices.Clone(self), run...)); err != nil {
			return nil, err
		}
		plan.Build, err = p.environment(toolsKind, build)
		return []TestPlan{plan}, err
	}
	switch {
	case t.Script != nil:
		return one(t.Script.Run, t.Script.Build)
	case t.Python != nil:
		return p.pythonPlans(self, index, t)
	case t.Perl != nil:
		return one([]string{"perl"}, nil)
	case t.R != nil:
		return one([]string{"r-base"}, nil)
	case t.Ruby != nil:
		return one([]string{"ruby"}, nil)
	case t.Downstream != "":
		return []TestPlan{{Index: index, Downstream: true}}, nil
	}
	return []TestPlan{{Index: index}}, nil
}

// exactSpec is the match spec of that very package.
func exactSpec(r *packages.Record) string { return r.Name + " " + r.Version + " " + r.Build }

// pythonPlans gives one environment for each Python version the test names.
func (p *solving) pythonPlans(self []string, index int, t recipes.Test) ([]TestPlan, error) {
	versions := t.Python.PythonVersions
	if len(versions) == 0 {
		versions = []string{""}
	}
	var plans []TestPlan
	for _, v := range versions {
		specs := append(slices.Clone(self), strings.TrimSpace("python "+pythonSpec(v)))
		specs = append(specs, t.Python.Requires...)
		if t.Python.PipCheck {
			specs = append(specs, "pip")
		}
		env, err := p.environment(testKind, specs)
		if err != nil {
			return nil, p.withoutPip(t, err)
		}
		plans = append(plans, TestPlan{Index: index, Run: env, Python: v})
	}
	return plans, nil
}

// withoutPip says more than err where nobody has the pip that a test asks for without naming it.
func (p *solving) withoutPip(t recipes.Test, err error) error {
	if !t.Python.PipCheck || p.ctx.Err() != nil {
		return err
	}
	if _, alone := p.environment("test", []string{"pip"}); alone == nil {
		return err
	}
	return diag.List{{Code: "unsolvable", Pos: t.Pos,
		Summary:    p.self.Output.Name + ": the test runs `pip check`, and there is no pip: no recipe of this run and no channel has it",
		Suggestion: "pip_check: false in the test does without; or add a recipe of pip to the command, or a channel with -c"}}.Err()
}

// pythonSpec makes "3.11" match its patch releases, as a test's python_version is meant.
func pythonSpec(v string) string {
	if v == "" || strings.ContainsAny(v, "*<>=!~ ,|") {
		return v
	}
	return v + ".*"
}
