package sources

import (
	"io/fs"
	"os/exec"
	"syscall"
)

const exeSuffix = ".exe"

func executable(fs.FileInfo) bool { return true }

// killGroup leaves cmd as it is: its context kills the process itself.
func killGroup(*exec.Cmd) {}

// errNotDir is what the system says of a path below a file.
const errNotDir = syscall.ERROR_PATH_NOT_FOUND
