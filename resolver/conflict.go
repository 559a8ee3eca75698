package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"forge/packages"
)

// Error is the explanation as an indented tree.
func (c *Conflict) Error() string {
	var b strings.Builder
	writeReason(&b, c.Root, "", "")
	if c.Hint != "" {
		b.WriteString("hint: " + c.Hint + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func writeReason(b *strings.Builder, r *Reason, lead, below string) {
	if r == nil {
		return
	}
	b.WriteString(lead + r.Text + "\n")
	for i, cause := range r.Causes {
		if i == len(r.Causes)-1 {
			writeReason(b, cause, below+"└─ ", below+"   ")
		} else {
			writeReason(b, cause, below+"├─ ", below+"│  ")
		}
	}
}

// conflict finds a smallest set of demands that has no solution, why it has none, and what would have
// one. used is a set without solution.
func (c *core) conflict(ctx context.Context, all, used []demand) error {
	// A problem with fewer demands can be much harder: what takes longer than the proof is left.
	proof := c.stats.conflicts
	c.limit = proof*3 + 2000
	least, err := c.leastDemands(ctx, used)
	if err != nil {
		return err
	}
	weight := map[string]float64{}
	for i := range c.pkgs {
		weight[c.pkgs[i].name] = c.pkgs[i].activity
	}
	root, e, err := refute(ctx, c.provider, c.problem, least, weight)
	if err != nil {
		return err
	}
	hints, err := c.hints(ctx, all, least)
	if err == nil && len(hints) < 2 {
		hints = append(hints, e.machineHint(ctx)...)
	}
	if err == nil && len(hints) == 0 && proof <= easyProof {
		hints = e.boundHint(ctx)
	}
	if err != nil {
		return err
	}
	return &Conflict{Root: root, Hint: strings.Join(hints, "; ")}
}

// solvable searches with the given demands alone. Where there is no solution it returns those that
// were used to show it. What was learned serves the next call.
func (c *core) solvable(ctx context.Context, ds []demand) (bool, []demand, error) {
	c.undo(0)
	c.assumed = c.assumed[:0]
	for _, d := range ds {
		c.assumed = append(c.assumed, d.l)
	}
	ok, err := c.search(ctx)
	if ok || err != nil {
		return ok, nil, err
	}
	used := c.assumptionsOf(c.clash)
	return false, slices.DeleteFunc(slices.Clone(ds), func(d demand) bool { return !used[d.l] }), nil
}

// assumptionsOf follows the reasons of true literals back to the assumptions.
func (c *core) assumptionsOf(clash []lit) map[lit]bool {
	out := map[lit]bool{}
	seen := make([]bool, len(c.vars))
	queue := slices.Clone(clash)
	for len(queue) > 0 {
		l := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		v := &c.vars[l.variable()]
		if seen[l.variable()] || v.level == 0 && !v.late {
			continue
		}
		seen[l.variable()] = true
		if v.why.kind == whyDecision {
			out[l] = true
		}
		queue = c.explain(queue, l, v.why)
	}
	// An assumption that was false when its turn came is used as well.
	if len(clash) == 1 {
		out[clash[0].not()] = true
	}
	return out
}

// leastDemands leaves out one demand after the other as long as there is no solution.
func (c *core) leastDemands(ctx context.Context, least []demand) ([]demand, error) {
	for i := 0; i < len(least) && len(least) > 1; {
		without := slices.Delete(slices.Clone(least), i, i+1)
		ok, used, err := c.solvable(ctx, without)
		switch {
		case err != nil && !errors.Is(err, errTooHard):
			return nil, err
		case ok, err != nil:
			i++
		default:
			least = used
		}
	}
	return least, nil
}

// hints tell which change of one demand would make the problem solvable.
func (c *core) hints(ctx context.Context, all, least []demand) (out []string, err error) {
	for i := len(least) - 1; i >= 0 && len(out) < 3; i-- {
		d := least[i]
		rest := slices.DeleteFunc(slices.Clone(all), func(o demand) bool { return o.text == d.text })
		name := c.pkgs[c.specs[d.spec].pkg].name
		bare := c.specFor(name, &packages.MatchSpec{Name: name})
		if !isReal(name) {
			bare = d.spec
		}
		if bare != d.spec && !d.limit {
			v, _ := c.needVar(bare)
			rest = append(rest, demand{text: name, spec: bare, l: pos(v)})
		}
		ok, _, err := c.solvable(ctx, rest)
		if errors.Is(err, errTooHard) {
			break
		}
		if err != nil {
			return nil, err
		}
		if !ok || len(rest) == 0 {
			continue
		}
		if p := &c.pkgs[c.specs[d.spec].pkg]; p.chosen >= 0 && !d.limit && bare != d.spec {
			out = append(out, fmt.Sprintf("%s %s would do instead of %s", name, c.cands[p.chosen].record.Version, d.text))
		} else {
			out = append(out, "it is solvable without "+d.text)
		}
	}
	return out, nil
}
