package engine

import (
	"context"
	"errors"
	"fmt"

	"forge/digest"
)

// Publisher puts a package and its signatures into the output channel.
type Publisher interface {
	// Put places the archive file of that digest under subdir/fileName with statement signed beside
	// it, and tested, a statement of test results, where it is not nil; what is there and good is left
	// alone. replaced tells that other bytes had the name.
	Put(ctx context.Context, file, subdir, fileName string, sum digest.Digest, statement, tested []byte) (path string, replaced bool, err error)
}

// publish puts b's package into the output channel, with the statement of its tests if they were run.
func (r *runner) publish(ctx context.Context, a *Action, b *Built, o *Outcome, tested []byte) error {
	statement, err := r.tools.Store.Bytes(b.Statement)
	if err != nil {
		return err
	}
	path, replaced, err := r.tools.Publisher.Put(ctx, r.tools.Store.Path(b.Archive, false), a.Output.Subdir(), b.FileName, b.Archive, statement, tested)
	if err != nil {
		return errors.Join(err, r.whole(b.Archive))
	}
	o.Path, o.Signed = path, r.tools.KeyID
	o.stampPlaced()
	if replaced {
		r.report(Event{Kind: EventWarning, Action: a, Phase: "sign", Text: fmt.Sprintf(
			"%s replaces other bytes of that name; package caches elsewhere may keep those (--build-num avoids that)", b.FileName)})
	}
	return nil
}
