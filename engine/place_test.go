package engine

import (
	"errors"
	"strings"
	"testing"

	"forge/internal/diag"
	"forge/recipes"
)

func TestRequirementAt(t *testing.T) {
	at := func(line int) diag.Pos { return diag.Pos{File: "meta.yaml", Line: line, Column: 7} }
	o := &recipes.Output{Pos: at(1)}
	o.Requirements.Build = []recipes.Dependency{{Spec: "cython", Pos: at(10)}, {Spec: "gcc_linux-64 14.*", Pos: at(11)}}
	o.Requirements.Host = []recipes.Dependency{{Spec: "python", Variant: "python 3.14.*", Pos: at(20)}, {Spec: "Cython <3", Pos: at(21)}}
	for reason, line := range map[string]int{
		"build environment: no solution for gcc_linux-64 14.*: there is only 12":     11,
		"host environment: no solution for python 3.14.*: there is only 3.11.2":      20,
		"host environment: no solution for cython <3, python 3.14.*: they need each": 21,
		"build environment: no solution for cython: it needs zlib":                   10,
		"host environment: no solution for somebody-else 1: x":                       1,
		"dependency cycle: a -> b -> a":                                              1,
	} {
		if got := requirementAt(o, reason); got != at(line) {
			t.Errorf("%s: %v, want line %d", reason, got, line)
		}
	}
}

func TestReportSaysWhichTest(t *testing.T) {
	a := &Action{Output: &recipes.Output{Name: "click", Pos: diag.Pos{File: "recipe.yaml", Line: 2}}}
	test := recipes.Test{Pos: diag.Pos{File: "recipe.yaml", Line: 33, Column: 5}}
	p := &planner{}
	p.report(a, inTest(a, test, errors.New("test 0: no solution for python 3.14.*: there is only python 3.11.2")))
	if len(p.problems) != 1 || p.problems[0].Pos != test.Pos || !strings.Contains(p.problems[0].Suggestion, "--test skip") {
		t.Errorf("%+v", p.problems)
	}
}
