package sandbox

import (
	"context"
	"os"
)

const sandboxExec = "/usr/bin/sandbox-exec"

// runSeatbelt runs spec under a profile made of it. sandbox-exec starts the command in its own place, so
// that group, limits and time are those of an ordinary process.
func (r *runner) runSeatbelt(ctx context.Context, spec Spec) (Result, error) {
	if _, err := os.Stat(sandboxExec); err != nil {
		return Result{}, &UnavailableError{Seatbelt, err.Error(), "`--isolation none` accepts an ordinary process"}
	}
	profile, err := seatbeltProfile(spec)
	if err != nil {
		return Result{}, err
	}
	inside := spec
	inside.Argv = append([]string{sandboxExec, "-p", profile}, spec.Argv...)
	res, err := r.plain(ctx, inside, Seatbelt)
	res.Isolation, res.Network = Seatbelt, spec.Network
	return res, err
}
