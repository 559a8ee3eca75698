package engine

import (
	"fmt"
	"maps"
	"strings"

	"forge/platforms/cpu"
	"forge/recipes"
)

// hasHwcaps tells whether an output is to hold libraries for several CPU levels.
func hasHwcaps(o *recipes.Output) bool {
	return o.NoArch == "" && o.DebugOf == nil && o.Variant[recipes.KeyHwcaps] != nil
}

// withLevels puts before each output whose libraries are built for several CPU levels a copy of it for each
// level above its own, and copies of the staging outputs that these start from. The copies are staging outputs:
// the output is built of what they leave (linkLevels, mergeLevels).
func (o Optimize) withLevels(outputs []*recipes.Output) ([]*recipes.Output, error) {
	var all []*recipes.Output
	type key struct {
		of    *recipes.Output
		level string
	}
	copies := map[key]*recipes.Output{}
	var copied func(of *recipes.Output, l *cpu.Level) *recipes.Output
	copied = func(of *recipes.Output, l *cpu.Level) *recipes.Output {
		k := key{of, l.Name}
		if copies[k] != nil {
			return copies[k]
		}
		c := levelCopy(of, l)
		if of.InheritFrom != nil {
			c.InheritFrom = copied(of.InheritFrom, l)
		}
		copies[k], all = c, append(all, c)
		return c
	}
	for _, out := range outputs {
		if hasHwcaps(out) && !out.Staging && o.coversOne(out) {
			levels, err := hwcapsOf(out)
			if err != nil {
				return nil, err
			}
			for _, l := range levels {
				copied(out, l)
			}
		}
		all = append(all, out)
	}
	return all, nil
}

func levelCopy(of *recipes.Output, l *cpu.Level) *recipes.Output {
	c := *of
	c.Staging, c.LevelOf, c.Tests = true, of, nil
	c.Variant, c.Full = maps.Clone(of.Variant), maps.Clone(of.Full)
	c.Variant[recipes.KeyMicroarch], c.Full[recipes.KeyMicroarch] = l.Name, l.Name
	return &c
}

// hwcapsOf are the levels above an output's own that its libraries are built for.
func hwcapsOf(o *recipes.Output) ([]*cpu.Level, error) {
	var levels []*cpu.Level
	for _, name := range strings.Split(fmt.Sprint(o.Variant[recipes.KeyHwcaps]), ",") {
		l, err := cpu.Parse(name)
		own := levelOf(o)
		if err != nil || l.HwcapsDir() == "" || own == nil || !l.Includes(own) {
			return nil, fmt.Errorf("%s: the variant says %s: %v and %s: %v, and glibc's loader has no folder for %q above the first: let the optimize block of forge.hcl set them", o.Name,
				recipes.KeyMicroarch, o.Variant[recipes.KeyMicroarch], recipes.KeyHwcaps, o.Variant[recipes.KeyHwcaps], name)
		}
		levels = append(levels, l)
	}
	return levels, nil
}

// linkLevels gives outputs the actions that build them for other levels.
func (p *planner) linkLevels(l *linker) {
	for i, a := range p.all {
		for _, k := range l.levels[l.outputs[i]] {
			a.Levels = append(a.Levels, p.all[k])
		}
	}
}
