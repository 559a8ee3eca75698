//go:build !linux

package engine

import "errors"

// folderState is what an empty folder shows of itself.
type folderState struct{}

// stateOf fails: where nobody can tell a used folder from a new one, each build gets a new one.
func stateOf(string) (folderState, error) { return folderState{}, errors.ErrUnsupported }
