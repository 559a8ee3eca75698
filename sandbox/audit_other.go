//go:build !linux

package sandbox

import (
	"context"
	"time"
)

// Attacks lists what Audit tries: all of it is about Linux.
func Attacks() []Attack { return nil }

// Audit is for Linux alone.
func Audit(context.Context, func() time.Time, string, []Attack, func(Finding)) error {
	return &UnavailableError{Full, lacksFull, "run the audit on Linux"}
}
