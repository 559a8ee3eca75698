//go:build !linux

package packages

import (
	"io"
	"math"
)

// dataIn is for Linux, where builds are strangers'.
func dataIn(io.Seeker) int64 { return math.MaxInt64 }
