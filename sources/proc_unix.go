//go:build unix

package sources

import (
	"io/fs"
	"syscall"
)

const exeSuffix = ""

func executable(info fs.FileInfo) bool { return info.Mode()&0o111 != 0 }

// errNotDir is what the system says of a path below a file.
const errNotDir = syscall.ENOTDIR
