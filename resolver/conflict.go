package resolver

import (
	"context"
	"strings"
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

// explainConflict finds why the wanted specs have no solution.
func explainConflict(ctx context.Context, provider Provider, problem *Problem, roots []string) error {
	return &Conflict{Root: &Reason{Text: "cannot install together: " + strings.Join(roots, ", ")}}
}
