package sources

import (
	"os/exec"
	"syscall"
)

// killGroup makes cmd the leader of a process group, all of which dies when its context ends. The
// kernel ends cmd when the thread that started it does, so a killed Forge leaves nothing running:
// run keeps its thread until then.
func killGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
