//go:build !darwin

package sandbox

import "context"

func (r *runner) runSeatbelt(context.Context, Spec) (Result, error) {
	return Result{}, &UnavailableError{Seatbelt, "seatbelt is a part of macOS", "`--isolation none` accepts an ordinary process"}
}
