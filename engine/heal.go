package engine

import (
	"context"
	"errors"
	"fmt"

	"forge/digest"
	"forge/store"
)

// whole reads a blob that is about to be used, once in a run, and holds it to its digest. A damaged one is
// removed; the error is then store.ErrMissing.
func (r *runner) whole(d digest.Digest) error {
	r.mu.Lock()
	known := r.checked[d]
	r.mu.Unlock()
	if known {
		return nil
	}
	if !r.tools.Store.Verify(d) {
		return fmt.Errorf("%s in the store was damaged and is removed; run the build again: %w", d.Short(), store.ErrMissing)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checked[d] = true
	return nil
}

// healing runs a task, and where that finds that the store lost or damaged what was to be reused, makes it
// again and runs the task once more.
func (r *run) healing(ctx context.Context, a *Action, do func(context.Context, *Action) error) error {
	err := do(ctx, a)
	if !errors.Is(err, store.ErrMissing) || ctx.Err() != nil {
		return err
	}
	healed := false
	for b, old := range r.known(a) {
		if r.recorded(store.ActionID{Digest: old.Key}) != nil {
			continue
		}
		r.report(Event{Kind: EventWarning, Action: b, Text: "what the store had of it is damaged; it is built again"})
		if err := r.doBuild(ctx, b); err != nil {
			return err
		}
		if now := r.known(b)[b]; now.Content != old.Content || now.Staged != old.Staged || now.Work != old.Work {
			return fmt.Errorf("%s was damaged in the store and is not the same when built again; run the build again", b.Output)
		}
		healed = true
	}
	if !healed {
		return err
	}
	return do(ctx, a)
}
