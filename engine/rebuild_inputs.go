package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"forge/packages"
	"forge/provenance"
	"forge/recipes"
)

// inputDifferences says, as exactly as the record allows, why the key of a rebuild is another.
func (r *rebuild) inputDifferences(ctx context.Context, run *runner, m Manifest) []string {
	var list []string
	now := strings.Join(m, "\n")
	whole := r.target.Staging == nil && r.target.After == nil && len(r.target.Levels) == 0 && r.target.DebugOf == nil // all that was used stands in its own key
	for _, material := range r.ask.Statement.Materials {
		switch material.Kind {
		case "external":
			if has := r.otherExternal(ctx, run, material); has != "" {
				list = append(list, fmt.Sprintf("the host's %s as it was then (%s, tree %.12s): this machine has %s", material.Name, material.URI, material.Digests[provenance.DigestTree], has))
			}
		case "package":
			content := material.Digests[provenance.DigestContent]
			if content == "" {
				content = material.Digests["sha256"]
			}
			if whole && !strings.Contains(now, content) {
				list = append(list, fmt.Sprintf("which environment %s was in: solving the recorded packages does not take it", material.Name))
			}
		case "source":
			if sum := material.Digests["sha256"]; sum != "" && whole && !strings.Contains(now, sum) && strings.Contains(now, "source") {
				list = append(list, fmt.Sprintf("the source %s (sha256 %.12s): the recipe gives another", material.Name, sum))
			}
		}
	}
	if v := r.ask.Statement.BuilderVersion; v != r.tools.Version {
		list = append(list, fmt.Sprintf("forge %s, which built it; this is %s", v, r.tools.Version))
	}
	var old remembered
	if r.tools.Store.Result(rememberKey(r.req, r.target), &old) == nil && old.Key == r.ask.Statement.Key {
		for _, l := range m.Diff(old.Lines) {
			list = append(list, "this line of the key (- then, + now): "+l)
		}
	}
	if names := variablesOf(r.ask.Statement.Widened); len(names) > 0 {
		list = append(list, "perhaps the values of variables of the environment, which no statement holds: "+strings.Join(names, ", "))
	}
	if len(list) == 0 {
		list = append(list, fmt.Sprintf("something that goes into its key (%s) and that its statement does not name; forge explain on the machine that built it lists the lines of the key, of which this rebuild's is %s",
			r.ask.Statement.Key.Short(), m.ID().Digest.Short()))
	}
	return list
}

// otherExternal says what this machine has in place of an external of the record; empty where it has the same.
func (r *rebuild) otherExternal(ctx context.Context, run *runner, m provenance.Material) string {
	e, err := run.external(ctx, m.Name)
	switch {
	case err != nil:
		return "none: " + err.Error()
	case e.Tree.Hex() != m.Digests[provenance.DigestTree]:
		return fmt.Sprintf("another (%s %s, tree %s)", e.Record.Name, e.Record.Version, e.Tree.Short())
	}
	return ""
}

// variablesOf lists the variables that a widened build took from its caller.
func variablesOf(widened []string) (names []string) {
	for _, l := range widened {
		if name, ok := strings.CutPrefix(l, "variable "); ok {
			names = append(names, name)
		}
	}
	return names
}

// extraMeta finds what --extra-meta gave: what about.json has in extra and the recipe has not.
func (r *rebuild) extraMeta(pkg packages.Package, o *recipes.Output) error {
	data, err := pkg.Info("about.json")
	if err != nil {
		return nil
	}
	var about struct {
		Extra map[string]any `json:"extra"`
	}
	if err := json.Unmarshal(data, &about); err != nil {
		return fmt.Errorf("info/about.json: %w", err)
	}
	own := aboutExtra(o, nil)
	for k, v := range about.Extra {
		text, ok := v.(string)
		if given, same := own[k]; ok && (!same || fmt.Sprint(given) != text) {
			if r.req.ExtraMeta == nil {
				r.req.ExtraMeta = map[string]string{}
			}
			r.req.ExtraMeta[k] = text
		}
	}
	return nil
}
