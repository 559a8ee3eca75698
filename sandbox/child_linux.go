package sandbox

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Child keeps the sandbox this process was started for and returns the exit code to end with.
// See IsChild.
func Child(args []string) int {
	switch filepath.Base(args[0]) {
	case markKeeper:
		return keeperMain()
	case markTool:
		return systool(args[1:])
	}
	return 1
}

// waitFor waits until the command ends, or the runner that wants to know: its end of the life pipe
// closes, however that comes about. Orphans that land here are reaped on the way.
func waitFor(pid int) (exit int, orphaned bool) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 255, true
	}
	fds := []unix.PollFd{{Fd: fdLife, Events: unix.POLLIN}, {Fd: int32(pidfd), Events: unix.POLLIN}}
	pause := 1000
	for {
		unix.Poll(fds, pause)
		if fds[0].Revents != 0 {
			return 0, true
		}
		pause = 1000
		for {
			var ws unix.WaitStatus
			got, err := unix.Wait4(-1, &ws, unix.WNOHANG, nil)
			if err != nil || got == 0 {
				break
			}
			if got == pid {
				return exitCode(ws), false
			}
			pause = 20 // where one orphan ends, more do
		}
	}
}

func exitCode(ws unix.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}
