//go:build unix

package engine

import (
	"errors"

	"golang.org/x/sys/unix"
)

// sameDevice reports whether two folders lie on one file system; so it counts where that cannot be told.
func sameDevice(a, b string) bool {
	var sa, sb unix.Stat_t
	return unix.Stat(a, &sa) != nil || unix.Stat(b, &sb) != nil || sa.Dev == sb.Dev
}

// alive reports whether a process of that number runs.
func alive(pid int) bool {
	err := unix.Kill(pid, 0)
	return err == nil || errors.Is(err, unix.EPERM)
}
