package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// takeOut makes a mount of its own from a file or folder of this machine, not attached anywhere yet.
// idmap is a user namespace through which its owners are seen, or -1. What may be mounted below the
// source comes along, with the same flags.
func takeOut(m Mount, idmap int) (fd int, err error) {
	fd, err = unix.OpenTree(unix.AT_FDCWD, m.Source, openTreeFlags)
	if err != nil {
		return -1, fmt.Errorf("mount %s: %w", m.Source, err)
	}
	a := mountFlags(m.Writable)
	if idmap >= 0 {
		a.Attr_set |= unix.MOUNT_ATTR_IDMAP
		a.Userns_fd = uint64(idmap)
	}
	if err := unix.MountSetattr(fd, "", setattrFlags, &a); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("mount %s: %w", m.Source, err)
	}
	return fd, nil
}

const (
	openTreeFlags = unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_RECURSIVE
	setattrFlags  = unix.AT_EMPTY_PATH | unix.AT_RECURSIVE
	attachFlags   = unix.MOVE_MOUNT_F_EMPTY_PATH | unix.MOVE_MOUNT_T_EMPTY_PATH
)

// mountFlags are those of every mount from outside: no setuid, no devices, no news from there.
func mountFlags(writable bool) unix.MountAttr {
	a := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV, Propagation: unix.MS_PRIVATE}
	if !writable {
		a.Attr_set |= unix.MOUNT_ATTR_RDONLY
	}
	return a
}
