package recipes

import "gopkg.in/yaml.v3"

// File is the job as a file of .ci_support: a conda_build_config.yaml that fixes the job's keys and has those
// that stay lists within it, with zip_keys and pin_run_as_build (conda-smithy, conda-build's variants).
func (v CIVariant) File() ([]byte, error) {
	m := map[string]any{}
	for k, values := range v.Values {
		m[k] = values
	}
	if len(v.Zip) > 0 {
		m["zip_keys"] = v.Zip
	}
	if len(v.Pins) > 0 {
		m["pin_run_as_build"] = pinRunAsBuild(v.Pins)
	}
	return yaml.Marshal(m)
}

// pinRunAsBuild are pins in conda-build's words.
func pinRunAsBuild(pins map[string]Pin) map[string]any {
	m := map[string]any{}
	for name, p := range pins {
		m[name] = map[string]string{"min_pin": p.Lower, "max_pin": p.Upper}
	}
	return m
}
