package sandbox

import (
	"context"
	"errors"
)

func (r *runner) runLandlock(ctx context.Context, spec Spec) (Result, error) {
	return Result{}, errors.New("not yet")
}

func (r *runner) runNone(ctx context.Context, spec Spec) (Result, error) {
	return Result{}, errors.New("not yet")
}
