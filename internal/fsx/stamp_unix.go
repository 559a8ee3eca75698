//go:build unix

package fsx

import "golang.org/x/sys/unix"

// StampOf asks for the stamp of a path, of what a link leads to if follow is set. Its errors are bare:
// fs.ErrNotExist where there is nothing.
func StampOf(path string, follow bool) (Stamp, error) {
	var st unix.Stat_t
	flags := unix.AT_SYMLINK_NOFOLLOW
	if follow {
		flags = 0
	}
	for {
		err := unix.Fstatat(unix.AT_FDCWD, path, &st, flags)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return Stamp{}, err
		}
		return Stamp{Device: uint64(st.Dev), Inode: st.Ino, Size: st.Size, Modified: st.Mtim.Nano(), Changed: st.Ctim.Nano(), Mode: uint32(st.Mode)}, nil
	}
}
