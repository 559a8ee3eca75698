package engine

import (
	"os"

	"golang.org/x/sys/unix"
)

// folderState is what an empty folder shows of itself, but for its times.
type folderState struct {
	device, links, size int64 // on ext4 a folder that once held much stays large
	mode, uid, gid      uint32
	flags               int // of chattr(1)
	attributes          string
}

// stateOf looks at an empty folder.
func stateOf(path string) (folderState, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return folderState{}, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return folderState{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	state := folderState{device: int64(st.Dev), links: int64(st.Nlink), size: st.Size, mode: st.Mode, uid: st.Uid, gid: st.Gid}
	if flags, err := unix.IoctlGetInt(fd, unix.FS_IOC_GETFLAGS); err == nil { // tmpfs of old kernels has none
		state.flags = flags
	}
	state.attributes, err = attributesOf(fd)
	return state, err
}

// attributesOf are the names of a file's extended attributes, ACLs among them.
func attributesOf(fd int) (string, error) {
	n, err := unix.Flistxattr(fd, nil)
	if n > 0 {
		names := make([]byte, n)
		n, err = unix.Flistxattr(fd, names)
		return string(names[:max(0, n)]), os.NewSyscallError("listxattr", err)
	}
	if err == unix.ENOTSUP {
		return "", nil
	}
	return "", os.NewSyscallError("listxattr", err)
}
