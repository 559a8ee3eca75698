package engine

import (
	"errors"
	"slices"
	"strings"
)

// Stage is a part of a graph that can be built once the stages before it are: its shards need nothing
// of each other and can be built at the same time, on different machines.
type Stage struct {
	Shards []Shard
}

// Shard is what one machine builds in one stage.
type Shard struct {
	Nodes   []*Node // in build order
	Seconds float64 // estimated
}

// stageOverhead is what starting one more stage is taken to cost, as a part of the ideal time of a shard:
// it keeps stages from becoming many and small.
const stageOverhead = 0.05

// Shards divides the graph among n machines. Packages that need each other to run stay together. Each
// stage takes what needs only earlier stages or the same shard, up to the load that gets most work done
// in the time of its longest shard. A graph with a loop of hard edges cannot be divided.
func (g *RecipeGraph) Shards(n int) ([]Stage, error) {
	if loops := g.Loops(); len(loops) > 0 {
		return nil, errors.New("dependency cycle: " + strings.Join(loops, "; "))
	}
	d := g.divider(n)
	var stages []Stage
	for d.left > 0 {
		placed, _ := d.bestStage()
		stage := Stage{Shards: make([]Shard, n)}
		for u, s := range placed {
			if s < 0 {
				continue
			}
			d.done[u] = true
			d.left--
			for _, i := range d.units[u] {
				stage.Shards[s].Nodes = append(stage.Shards[s].Nodes, g.Nodes[i])
				stage.Shards[s].Seconds += g.Nodes[i].Seconds
			}
		}
		for s := range stage.Shards {
			slices.SortFunc(stage.Shards[s].Nodes, func(a, b *Node) int { return a.index - b.index })
		}
		stages = append(stages, stage)
	}
	return stages, nil
}

// divider is the state of dividing: units are components, in build order.
type divider struct {
	n     int
	units [][]int
	needs [][]int // units that a unit needs
	cost  []float64
	done  []bool
	left  int
}

func (g *RecipeGraph) divider(n int) *divider {
	d := &divider{n: n, units: g.units()}
	d.left = len(d.units)
	d.done, d.cost, d.needs = make([]bool, d.left), make([]float64, d.left), make([][]int, d.left)
	unitOf := make([]int, len(g.Nodes))
	for u, group := range d.units {
		for _, i := range group {
			unitOf[i] = u
		}
	}
	for u, group := range d.units {
		for _, i := range group {
			d.cost[u] += g.Nodes[i].Seconds
			for _, m := range slices.Concat(g.Nodes[i].Hard, g.Nodes[i].Soft) {
				if v := unitOf[m.index]; v != u {
					d.needs[u] = append(d.needs[u], v)
				}
			}
		}
		d.needs[u] = sorted(d.needs[u])
	}
	return d
}

// units are the groups of nodes that stay together: those that need each other, and those that share a work folder.
func (g *RecipeGraph) units() [][]int {
	next := make([][]int, len(g.Nodes))
	for i, n := range g.Nodes {
		for _, m := range slices.Concat(n.Hard, n.Soft) {
			next[i] = append(next[i], m.index)
		}
		for m := range n.together {
			next[i], next[m.index] = append(next[i], m.index), append(next[m.index], i)
		}
	}
	return components(len(g.Nodes), func(i int) []int { return sorted(next[i]) })
}

// bestStage tries several bounds on the load of a shard and takes the one with the most work in a time.
func (d *divider) bestStage() (best []int, rate float64) {
	total := 0.0
	for u := range d.units {
		if !d.done[u] {
			total += d.cost[u]
		}
	}
	ideal := total / float64(d.n)
	for bound := ideal * 1.05; bound > ideal/200; bound /= 1.5 {
		placed, work, longest := d.fill(bound)
		if r := work / (longest + stageOverhead*ideal); r > rate {
			best, rate = placed, r
		}
	}
	return best, rate
}

// fill places what it can: what needs nothing of this stage goes to the shard with the least load, what
// needs one shard goes there, what needs several waits for the next stage. A shard takes no more than
// bound, but always a first unit.
func (d *divider) fill(bound float64) (placed []int, work, longest float64) {
	placed = make([]int, len(d.units))
	load := make([]float64, d.n)
	for u := range d.units {
		placed[u] = -1
		if d.done[u] {
			continue
		}
		s, ok := d.shardFor(u, placed, load)
		if !ok || load[s] > 0 && load[s]+d.cost[u] > bound {
			continue
		}
		placed[u] = s
		load[s] += d.cost[u]
		work += d.cost[u]
	}
	return placed, work, slices.Max(load)
}

func (d *divider) shardFor(u int, placed []int, load []float64) (int, bool) {
	s := -1
	for _, v := range d.needs[u] {
		switch {
		case d.done[v]:
		case placed[v] < 0 || s >= 0 && placed[v] != s:
			return 0, false
		default:
			s = placed[v]
		}
	}
	if s < 0 {
		s = 0
		for k := range load {
			if load[k] < load[s] {
				s = k
			}
		}
	}
	return s, true
}
