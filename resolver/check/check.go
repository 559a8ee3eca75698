// Package check tells whether a solution is one, without the solver's help.
package check

import (
	"fmt"
	"iter"
	"strings"

	"forge/packages"
	"forge/platforms"
	"forge/resolver"
)

// Solution returns one line for each rule that the records break: wanted specs and dependencies are
// met, constraints hold, names are taken once, locked records are there, channel priority and the
// bound on time are kept, and each record comes behind what it depends on where no cycle prevents it.
func Solution(provider resolver.Provider, problem resolver.Problem, records []*packages.Record) []string {
	c := &checker{installed: map[string]*packages.Record{}}
	for _, v := range problem.Virtual {
		c.installed[v.Name] = virtualRecord(v)
	}
	for _, r := range records {
		if other := c.installed[r.Name]; other != nil {
			c.fault("%s and %s have one name", other, r)
		}
		c.installed[r.Name] = r
	}
	for _, s := range problem.Specs {
		c.require("the request", s)
	}
	for _, s := range problem.Constraints {
		c.constrain("the request", s)
	}
	for _, r := range records {
		for _, d := range r.Depends {
			c.require(r.String(), d)
		}
		for _, d := range r.Constrains {
			c.constrain(r.String(), d)
		}
		c.origin(provider, &problem, r)
	}
	for _, r := range problem.Locked {
		if got := c.installed[r.Name]; got == nil || got.String() != r.String() {
			c.fault("locked %s is not there", r)
		}
	}
	return c.faults
}

type checker struct {
	installed map[string]*packages.Record
	faults    []string
}

func virtualRecord(v platforms.VirtualPackage) *packages.Record {
	return &packages.Record{Name: v.Name, Version: v.Version, Build: v.Build}
}

func (c *checker) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *checker) require(who, text string) {
	m, err := packages.ParseMatchSpec(text)
	if err != nil {
		c.fault("%s: %v", who, err)
		return
	}
	if m.When != nil && !c.holds(m.When) {
		return
	}
	if r := c.installed[m.Name]; r == nil || !m.MatchesNameless(r) {
		c.fault("%s needs %s and has %v", who, text, r)
		return
	}
	for _, group := range m.Extras {
		deps, ok := c.installed[m.Name].ExtraDepends[group]
		if !ok {
			c.fault("%s needs %s and has %v without the group", who, text, c.installed[m.Name])
		}
		for _, d := range deps {
			c.require(who+" "+text, d)
		}
	}
}

func (c *checker) holds(cond *packages.Condition) bool {
	if cond.Spec != nil {
		r := c.installed[cond.Spec.Name]
		return r != nil && cond.Spec.MatchesNameless(r)
	}
	for _, t := range cond.Terms {
		if c.holds(t) != cond.And {
			return !cond.And
		}
	}
	return cond.And
}

func (c *checker) constrain(who, text string) {
	m, err := packages.ParseMatchSpec(text)
	if err != nil {
		c.fault("%s: %v", who, err)
		return
	}
	if r := c.installed[m.Name]; r != nil && !m.MatchesNameless(r) {
		c.fault("%s constrains %s and has %v", who, text, r)
	}
}

// origin checks that the record is one the problem allows.
func (c *checker) origin(provider resolver.Provider, problem *resolver.Problem, r *packages.Record) {
	for _, list := range [][]*packages.Record{problem.Favored, problem.Locked} {
		for _, f := range list {
			if f.String() == r.String() {
				return
			}
		}
	}
	if strings.HasPrefix(r.Name, "__") {
		c.fault("virtual %s is among the records", r)
	}
	if problem.ExcludeNewer > 0 && r.Timestamp > problem.ExcludeNewer {
		c.fault("%s is newer than the bound", r)
	}
	all, err := provider.Candidates(r.Name)
	if err != nil {
		c.fault("%v", err)
	}
	rank := func(x *packages.Record) int {
		for i, ch := range problem.Channels {
			if ch == x.Channel {
				return i
			}
		}
		return len(problem.Channels)
	}
	found, pinned := false, false
	for _, s := range problem.Specs {
		m, err := packages.ParseMatchSpec(s)
		pinned = pinned || err == nil && m.Name == r.Name && m.Channel != ""
	}
	for _, x := range all {
		found = found || x == r
		if problem.Priority == resolver.Strict && !pinned && rank(x) < rank(r) {
			c.fault("%s comes from channel %q although %q has the name", r, r.Channel, x.Channel)
			break
		}
	}
	if !found {
		c.fault("%s is no candidate", r)
	}
}

// Solvable reports whether there is any solution. See Solutions.
func Solvable(provider resolver.Provider, problem resolver.Problem) bool {
	for range Solutions(provider, problem) {
		return true
	}
	return false
}

// Solutions tries every combination of candidates of the names that can matter and yields those that
// break no rule. It is for small problems: the cost is the product of the numbers of candidates.
func Solutions(provider resolver.Provider, problem resolver.Problem) iter.Seq[[]*packages.Record] {
	names := reachable(provider, &problem)
	return func(yield func([]*packages.Record) bool) {
		var pick func(i int, chosen []*packages.Record) bool
		pick = func(i int, chosen []*packages.Record) bool {
			if i == len(names) {
				return len(Solution(provider, problem, chosen)) > 0 || yield(chosen)
			}
			if !pick(i+1, chosen) {
				return false
			}
			all, _ := provider.Candidates(names[i])
			for _, r := range all {
				if !pick(i+1, append(chosen[:len(chosen):len(chosen)], r)) {
					return false
				}
			}
			return true
		}
		pick(0, nil)
	}
}

// reachable lists the names that wanted specs can lead to, without virtual ones.
func reachable(provider resolver.Provider, problem *resolver.Problem) []string {
	var names []string
	seen := map[string]bool{}
	var add func(text string)
	add = func(text string) {
		m, err := packages.ParseMatchSpec(text)
		if err != nil || seen[m.Name] || strings.HasPrefix(m.Name, "__") {
			return
		}
		seen[m.Name] = true
		names = append(names, m.Name)
		all, _ := provider.Candidates(m.Name)
		for _, r := range all {
			for _, d := range r.Depends {
				add(d)
			}
			for _, deps := range r.ExtraDepends {
				for _, d := range deps {
					add(d)
				}
			}
		}
	}
	for _, s := range problem.Specs {
		add(s)
	}
	for _, r := range problem.Locked {
		add(r.Name)
	}
	return names
}
