//go:build !linux && !darwin

package channels

import (
	"io/fs"
	"time"
)

// fileStat knows nothing that would tell one state of a file from another for sure: every file is read.
func fileStat(fs.FileInfo) (stat string, changed time.Time) { return "", time.Time{} }
