package sandbox

import (
	"os/exec"
	"syscall"
)

// lacksFull: seatbelt profiles made from the Spec are the way to more than None on macOS.
const lacksFull = "macOS has no namespaces"

type host struct{}

// kin is a command's process group. What leaves the group is not found again.
type kin struct{}

func newKin(cmd *exec.Cmd) (kin, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return kin{}, nil
}

func (kin) adopt(*exec.Cmd) error { return nil }
func (kin) kill(cmd *exec.Cmd)    { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
func (kin) close()                {}
