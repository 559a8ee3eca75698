//go:build !linux

package packages

import (
	"math"
	"os"
)

// dataIn is for Linux, where builds are strangers'.
func dataIn(*os.File) int64 { return math.MaxInt64 }
