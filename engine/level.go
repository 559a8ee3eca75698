package engine

import (
	"context"
	"errors"
	"fmt"
	"io"

	"forge/internal/fsx"
	"forge/sandbox"
)

// Level is the isolation at which a run of req would do its work. Where the request insists on full
// isolation nothing is tried out: a run would stop at its first sandbox.
func Level(ctx context.Context, req *Request, tools Tools) (sandbox.Isolation, error) {
	return newRunner(req, tools, &Graph{}, nil).level(ctx)
}

// level decides, once a run, at which isolation commands run: full wherever the machine has it; less only
// where it has not and the request accepts less. It matters before a build begins, because the lower
// levels cannot show a folder at another path.
func (r *runner) level(ctx context.Context) (sandbox.Isolation, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reached != "" {
		return r.reached, nil
	}
	if r.req.Isolation == sandbox.Full {
		r.reached = sandbox.Full
		return r.reached, nil
	}
	scratch, err := r.tools.Store.TempDir("probe")
	if err != nil {
		return "", err
	}
	defer fsx.RemoveAll(scratch)
	_, err = r.tools.Runner.Run(ctx, sandbox.Spec{
		Argv: []string{"/bin/true"}, Env: list(map[string]string{"PATH": basePath}), Dir: "/", Scratch: scratch,
		UID: buildUID, GID: buildGID, User: buildUser, Hostname: buildHost, Mounts: hostMounts(), Level: sandbox.Full,
	})
	var no *sandbox.UnavailableError
	switch {
	case err == nil:
		r.reached = sandbox.Full
	case errors.As(err, &no):
		r.reached = r.req.Isolation
	default:
		return "", fmt.Errorf("find out which isolation this machine has: %w", err)
	}
	return r.reached, nil
}

// lessThanFull has the log of a build or test say so where fewer walls are around it than there could be.
func lessThanFull(log io.Writer, level sandbox.Isolation) {
	if level != sandbox.Full {
		fmt.Fprintf(log, "forge: isolation: %s or what this machine has above it, not full: this command can see files of the machine that it did not declare\n", level)
	}
}
