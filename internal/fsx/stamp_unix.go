//go:build unix

package fsx

import (
	"strings"

	"golang.org/x/sys/unix"
)

// StampOf asks for the stamp of a path, of what a link leads to if follow is set. Its errors are bare:
// fs.ErrNotExist where there is nothing.
func StampOf(path string, follow bool) (Stamp, error) { return stampAt(unix.AT_FDCWD, path, follow) }

// Stamps gives the stamps of one path after the other. Where several in a row lie in one folder, the way to it is
// walked once. The zero value is ready; Close it at the end.
type Stamps struct {
	dir  string // of the last path
	fd   int    // dir, opened when a second path lies in it; -1 where it cannot be
	open bool
}

// Of is StampOf.
func (s *Stamps) Of(path string, follow bool) (Stamp, error) {
	slash := strings.LastIndexByte(path, '/')
	if slash <= 0 || slash == len(path)-1 {
		return StampOf(path, follow)
	}
	if dir := path[:slash]; dir != s.dir {
		s.Close()
		s.dir = dir
		return StampOf(path, follow)
	}
	if !s.open {
		fd, err := unix.Open(s.dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			fd = -1
		}
		s.fd, s.open = fd, true
	}
	if s.fd < 0 {
		return StampOf(path, follow)
	}
	return stampAt(s.fd, path[slash+1:], follow)
}

// Close closes what is open.
func (s *Stamps) Close() {
	if s.open && s.fd >= 0 {
		unix.Close(s.fd)
	}
	*s = Stamps{}
}

func stampAt(dir int, path string, follow bool) (Stamp, error) {
	var st unix.Stat_t
	flags := unix.AT_SYMLINK_NOFOLLOW
	if follow {
		flags = 0
	}
	for {
		err := unix.Fstatat(dir, path, &st, flags)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return Stamp{}, err
		}
		return Stamp{Device: uint64(st.Dev), Inode: st.Ino, Size: st.Size, Modified: st.Mtim.Nano(), Changed: st.Ctim.Nano(), Mode: uint32(st.Mode)}, nil
	}
}
