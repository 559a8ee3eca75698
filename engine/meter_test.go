package engine

import (
	"context"
	"testing"
	"time"

	"forge/sandbox"
)

type spending struct{ sandbox.Runner }

func (spending) Run(context.Context, sandbox.Spec) (sandbox.Result, error) {
	return sandbox.Result{CPU: 3 * time.Second}, nil
}

// TestMeter: what was run counts, and what this process did since the run began.
func TestMeter(t *testing.T) {
	own := 40 * time.Second
	for _, c := range []struct {
		name string
		cpu  func() time.Duration
		want time.Duration
	}{
		{"scripts and this process", func() time.Duration { return own }, 5 * time.Second},
		{"no clock of this process", nil, 3 * time.Second},
	} {
		own = 40 * time.Second
		m := newMeter(Tools{Runner: spending{}, CPU: c.cpu})
		if _, err := m.Run(t.Context(), sandbox.Spec{}); err != nil {
			t.Fatal(err)
		}
		own += 2 * time.Second
		if got := m.used(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
