package engine

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"forge/recipes"
)

// declaredResources is what a recipe says its build needs at once:
//
//	extra:
//	  forge:
//	    resources:
//	      cpus: 4        # jobs that it runs whatever -j says: of tools that know no jobserver
//	      memory: 6GB    # of all its processes together; used with --max-memory
func declaredResources(o *recipes.Output) (resources, error) {
	forge, _ := o.Extra["forge"].(map[string]any)
	said, ok := forge["resources"]
	if !ok {
		return resources{}, nil
	}
	all, ok := said.(map[string]any)
	if !ok {
		return resources{}, resourceError(o, "is no mapping of cpus and memory")
	}
	var r resources
	for key, v := range all {
		text := fmt.Sprint(v)
		switch key {
		case "cpus":
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > 1<<16 {
				return r, resourceError(o, fmt.Sprintf("cpus: %q is no number of CPUs", text))
			}
			r.jobs = n
		case "memory":
			n, err := ParseSize(text)
			if err != nil {
				return r, resourceError(o, "memory: "+err.Error())
			}
			r.memory = n
		default:
			return r, resourceError(o, fmt.Sprintf("%q is neither cpus nor memory", key))
		}
	}
	return r, nil
}

func resourceError(o *recipes.Output, why string) error {
	return fmt.Errorf("%s: %s: extra.forge.resources: %s", o.Recipe.File, o.Name, why)
}

// ParseSize reads a number of bytes with or without a unit: 500MB, 20GiB.
func ParseSize(s string) (int64, error) {
	text := strings.TrimSpace(s)
	i := strings.IndexFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	unit := ""
	if i >= 0 {
		text, unit = text[:i], strings.ToLower(strings.TrimSpace(text[i:]))
	}
	units := map[string]float64{"": 1, "b": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12,
		"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}
	n, err := strconv.ParseFloat(text, 64)
	factor, ok := units[unit]
	if err != nil || !ok || n*factor > math.MaxInt64/2 {
		return 0, fmt.Errorf("%q: want a size such as 500MB or 20GiB", s)
	}
	return int64(n * factor), nil
}

// needsOf says what a's build takes: what its recipe declares, else the memory that it took last time.
func (r *runner) needsOf(a *Action) (resources, error) {
	n, err := declaredResources(a.Output)
	if err != nil || n.memory > 0 || r.req.MaxMemory == 0 {
		return n, err
	}
	n.memory = effortOf(r.tools.Store, a.Output.Name).Memory
	return n, nil
}
