//go:build !linux

package engine

import "errors"

// makeFIFO is for sandboxes that named pipes can be bound into.
func makeFIFO(string) (tokenPipe, error) { return nil, errors.ErrUnsupported }
