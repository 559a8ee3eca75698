//go:build unix

package sources

import (
	"io/fs"
	"os/exec"
	"syscall"
)

const exeSuffix = ""

func executable(info fs.FileInfo) bool { return info.Mode()&0o111 != 0 }

// killGroup makes cmd the leader of a process group, all of which dies when its context ends.
func killGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// errNotDir is what the system says of a path below a file.
const errNotDir = syscall.ENOTDIR
