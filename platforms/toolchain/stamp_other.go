//go:build !linux

package toolchain

import "io/fs"

// stampOf is what must be as it was for a file not to be read again.
func stampOf(info fs.FileInfo) stamp {
	return stamp{size: info.Size(), mtime: info.ModTime().UnixNano(), mode: uint32(info.Mode())}
}
