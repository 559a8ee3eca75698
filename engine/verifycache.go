package engine

import (
	"context"
	"fmt"
	"strings"

	"forge/digest"
	"forge/internal/diag"
	"forge/store"
)

// CacheMismatchError tells that a package built again is not the one that the cache has for the same inputs:
// the build is not reproducible, or the result is not what its key says.
type CacheMismatchError struct {
	Package     string
	Cached      digest.Digest // archives, sha256
	Again       digest.Digest
	Differences []Difference
}

// Error lists the first differences with the class of each.
func (e *CacheMismatchError) Error() string {
	const most = 10
	var b strings.Builder
	fmt.Fprintf(&b, "%s: built again it is not what the cache has: %s, cached %s", e.Package, e.Again.Short(), e.Cached.Short())
	for i, d := range e.Differences {
		if i == most {
			fmt.Fprintf(&b, "\n  and %d more", len(e.Differences)-most)
			break
		}
		place := d.Path
		if d.Where != "" {
			place += ": " + d.Where
		}
		fmt.Fprintf(&b, "\n  %-10s %s\n      - %s\n      + %s\n      fix %s", d.Class, diag.Printable(place), diag.Printable(d.A), diag.Printable(d.B), d.Fix)
	}
	return b.String()
}

// checkHit builds what the cache has once more and compares. The cached result stays the one that counts.
func (r *run) checkHit(ctx context.Context, a *Action, key store.ActionID, cached *Built, known map[*Action]*Built) error {
	start := r.tools.Now()
	r.report(Event{Kind: EventStart, Action: a})
	again, err := r.build(ctx, a, key.Digest, known)
	if err != nil {
		return fmt.Errorf("build again what the cache has: %w", err)
	}
	if again.Archive == cached.Archive && again.Staged == cached.Staged {
		return nil
	}
	mismatch := &CacheMismatchError{Package: a.Output.String(), Cached: cached.Archive, Again: again.Archive}
	if a.Output.Staging {
		mismatch.Cached, mismatch.Again = cached.Staged, again.Staged
		return mismatch
	}
	if !r.tools.Store.Verify(cached.Archive) {
		return fmt.Errorf("the cached archive of %s was damaged and is removed; build again", a.Output)
	}
	mismatch.Differences, err = comparePackages(ctx, r.tools, r.tools.Store.Path(cached.Archive, false), r.tools.Store.Path(again.Archive, false))
	if err != nil {
		return err
	}
	for i := range mismatch.Differences {
		classify(&mismatch.Differences[i], evidence{start: start, end: r.tools.Now()})
	}
	return mismatch
}
