//go:build unix

package store

import (
	"io/fs"
	"syscall"
)

// inodeOf tells hard links of one file apart from copies; 0 where that cannot be known.
func inodeOf(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}
