//go:build !windows

package sandbox

import "context"

func (r *runner) runContainer(context.Context, Spec) (Result, error) {
	return Result{}, &UnavailableError{AppContainer, "AppContainers are a part of Windows", "`--isolation none` accepts an ordinary process"}
}
