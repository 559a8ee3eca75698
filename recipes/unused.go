package recipes

import "slices"

// Unused are the keys of the variant that this output was not rendered by. Its script can read them all the same,
// for each is a variable of its environment, so a rebuild needs them. What every meta.yaml of the platform has, a
// statement need not say. It is nil where there are none.
func (o *Output) Unused() map[string]any {
	usual := map[string][]string{}
	if o.Recipe.Format == "meta.yaml" {
		usual = defaultV0Config(o.TargetPlatform).vals
	}
	var rest map[string]any
	for k, v := range o.Full {
		if _, used := o.Variant[k]; used || k == "target_platform" {
			continue
		}
		if vals := usual[k]; len(vals) == 1 && vals[0] == v {
			continue
		}
		if rest == nil {
			rest = map[string]any{}
		}
		rest[k] = v
	}
	return rest
}

// settings are those of the variants files that decide something about this output, in the words of such a file.
func (o *v0Output) settings() map[string]any {
	pins := map[string]Pin{}
	for _, d := range o.out.Requirements.Run {
		if d.Pin == nil || !d.Pin.CondaBuild {
			continue
		}
		if p, ok := o.cfg.pins[d.Pin.Name]; ok && !slices.Contains(usualPins[:], p) {
			pins[p.Name] = p
		}
	}
	if len(pins) == 0 && len(o.cfg.ignoreVersion) == 0 && len(o.cfg.ignoreBuildOnly) == len(usualBuildOnly) {
		return nil
	}
	m := map[string]any{}
	if len(pins) > 0 {
		m["pin_run_as_build"] = pinRunAsBuild(pins)
	}
	if more := o.cfg.ignoreVersion; len(more) > 0 {
		m["ignore_version"] = more
	}
	if more := o.cfg.ignoreBuildOnly[len(usualBuildOnly):]; len(more) > 0 {
		m["ignore_build_only_deps"] = more
	}
	return m
}
