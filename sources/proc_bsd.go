//go:build unix && !linux

package sources

import (
	"os/exec"
	"syscall"
)

// killGroup makes cmd the leader of a process group, all of which dies when its context ends.
func killGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
