package recipes

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// ciAxis is one dimension of the jobs or of a job: keys that go together, and their rows of values.
type ciAxis struct {
	keys []string
	rows [][]string
}

// axes are the dimensions that the keys span, with the values that outputs have.
func (j *ciJobs) axes(keys []string) (axes []ciAxis, zip [][]string) {
	done := map[string]bool{}
	for _, group := range j.zip {
		var in []string
		for _, k := range group {
			if slices.Contains(keys, k) && !done[k] {
				in, done[k] = append(in, k), true
			}
		}
		if len(in) > 1 {
			zip = append(zip, in)
		}
		if len(in) > 0 {
			axes = append(axes, j.axis(in))
		}
	}
	for _, k := range keys {
		if !done[k] {
			axes = append(axes, j.axis([]string{k}))
		}
	}
	return axes, zip
}

// axis takes the rows of values that outputs have, in the order of the variants.
func (j *ciJobs) axis(keys []string) ciAxis {
	a := ciAxis{keys: keys}
	matters := slices.ContainsFunc(keys, func(k string) bool { return j.used[k] })
	seen := map[string]bool{}
	for i := range j.config.vals[keys[0]] {
		row := j.row(keys, i)
		if id := strings.Join(row, "\n"); !seen[id] && (!matters && i == 0 || matters && j.taken(keys, row)) {
			seen[id] = true
			a.rows = append(a.rows, row)
		}
	}
	return a
}

func (j *ciJobs) row(keys []string, i int) (row []string) {
	for _, k := range keys {
		vals := j.config.vals[k]
		row = append(row, vals[min(i, len(vals)-1)])
	}
	return row
}

// taken reports whether an output has these values, of those that use one of the keys, if any does.
func (j *ciJobs) taken(keys, row []string) bool {
	uses := func(o *Output) bool {
		return slices.ContainsFunc(keys, func(k string) bool { return has(o.Variant, k) || has(o.Variant, normalKey(k)) })
	}
	some := slices.ContainsFunc(j.outputs, uses)
	return slices.ContainsFunc(j.outputs, func(o *Output) bool {
		for i, k := range keys {
			if v, ok := fullValue(o, k); ok && v != row[i] {
				return false
			}
		}
		return !some || uses(o)
	})
}

// fullValue is the value that a key has in an output's variant.
func fullValue(o *Output, key string) (string, bool) {
	v, ok := o.Full[key]
	if !ok {
		v, ok = o.Full[normalKey(key)]
	}
	return fmt.Sprint(v), ok
}

// split makes the jobs: the product of the axes that have a key at the top.
func (j *ciJobs) split() []CIVariant {
	axes, zip := j.axes(j.kept())
	jobs := []CIVariant{{Values: map[string][]string{}, Zip: zip, Pins: map[string]Pin{}}}
	for name, p := range j.config.pins {
		if j.used[name] || j.used[normalKey(name)] {
			jobs[0].Pins[name] = p
		}
	}
	for _, a := range axes {
		groups := j.groups(a)
		next := make([]CIVariant, 0, len(jobs)*len(groups))
		for _, job := range jobs {
			for _, rows := range groups {
				c := job
				c.Values = map[string][]string{}
				for k, v := range job.Values {
					c.Values[k] = v
				}
				for _, row := range rows {
					for i, k := range a.keys {
						c.Values[k] = append(c.Values[k], row[i])
					}
				}
				next = append(next, c)
			}
		}
		jobs = next
	}
	jobs = slices.DeleteFunc(jobs, func(c CIVariant) bool { return !j.builds(c) })
	for i := range jobs {
		jobs[i].Name = j.name(jobs[i].Values)
		jobs[i].tidy()
		j.finish(&jobs[i])
	}
	slices.SortFunc(jobs, func(a, b CIVariant) int { return strings.Compare(a.Name, b.Name) })
	return jobs
}

// builds reports whether a job has any output: a product of keys may hold what the recipe skips.
func (j *ciJobs) builds(c CIVariant) bool {
	return slices.ContainsFunc(j.outputs, func(o *Output) bool {
		for k, fixed := range j.top {
			if !fixed {
				continue
			}
			v, ok := fullValue(o, k)
			if vals := c.Values[k]; ok && len(vals) > 0 && !slices.Contains(vals, v) {
				return false
			}
		}
		return true
	})
}

// tidy sorts the values of each key, and the rows of keys that go together.
func (c *CIVariant) tidy() {
	done := map[string]bool{}
	for _, group := range c.Zip {
		for _, k := range group {
			done[k] = true
		}
		c.sortRows(group)
	}
	for k, v := range c.Values {
		if !done[k] {
			slices.Sort(v)
		}
	}
}

func (c *CIVariant) sortRows(group []string) {
	rows := make([][]string, len(c.Values[group[0]]))
	for i := range rows {
		for _, k := range group {
			rows[i] = append(rows[i], c.Values[k][i])
		}
	}
	slices.SortStableFunc(rows, slices.Compare[[]string])
	for i, row := range rows {
		for n, k := range group {
			c.Values[k][i] = row[n]
		}
	}
}

// groups are the rows that go into one job: those that agree in the keys at the top.
func (j *ciJobs) groups(a ciAxis) (groups [][][]string) {
	index := map[string]int{}
	for _, row := range a.rows {
		id := ""
		for i, k := range a.keys {
			if j.top[k] {
				id += row[i] + "\n"
			}
		}
		n, ok := index[id]
		if !ok {
			n = len(groups)
			index[id] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], row)
	}
	return groups
}

// finish leaves one image to run in, and one value each of what goes with it, where a container builds.
func (j *ciJobs) finish(c *CIVariant) {
	image := c.Values["docker_image"]
	if len(image) == 0 || j.opts.BuildPlatform.OS() != "linux" {
		return
	}
	c.Values["docker_image"] = image[:1]
	for _, group := range c.Zip {
		if slices.Contains(group, "docker_image") {
			for _, k := range group {
				c.Values[k] = c.Values[k][:1]
			}
		}
	}
}

// illegal are characters that no file name may have somewhere.
var illegal = pattern{src: `[<>:?*,"/|\\]`}

// longestPath is what Windows takes (MAX_PATH, without the NUL at its end).
const longestPath = 259

// name is the platform with the keys at the top and their values. One that would make a path too long in
// the checkout of a Windows runner ends with its digest instead.
func (j *ciJobs) name(values map[string][]string) string {
	key := ""
	for _, k := range sortedNames(j.top) {
		if !j.top[k] {
			continue
		}
		if v := values[k]; len(v) > 0 && k != "target_platform" {
			key += k + v[0]
		}
	}
	name := strings.ReplaceAll(j.opts.TargetPlatform.String(), "-", "_") + "_" + strings.NewReplacer("*", "_", " ", "_").Replace(key)
	name = illegal.ReplaceAllString(name, "")
	repo := j.repository()
	outside := len("C:/Users/runnerx/_work/" + repo + "/" + repo + "/.ci_support/")
	if outside+len(name+".yaml") <= longestPath {
		return name
	}
	end := fmt.Sprintf("_h%x", sha256.Sum256([]byte(name)))[:len("_h01234567")]
	return name[:max(0, min(len(name), longestPath-outside-len(end+".yaml")))] + end
}

// repository is the name that conda-smithy thinks a feedstock's has: that of its extra section, or of the
// package; a recipe.yaml's package is none to it, and is written as Python writes that.
func (j *ciJobs) repository() string {
	o := slices.MinFunc(j.outputs, func(a, b *Output) int { return strings.Compare(a.Name, b.Name) })
	name, ok := o.Extra["feedstock-name"]
	switch {
	case ok:
	case o.Recipe.Format == "meta.yaml":
		name = o.Name
	default:
		name = "None"
	}
	return fmt.Sprint(name) + "-feedstock"
}
