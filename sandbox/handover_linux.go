package sandbox

import (
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// handOver gives a tree from one owner to another, and returns how to take it back. It follows no link
// and leaves alone what belongs to anybody else. A file with a second name outside the tree (a hard link
// into a store, say) refuses the whole: its other name would change hands, too.
func handOver(dir string, fromUID, fromGID, toUID, toGID int) (back func() error, err error) {
	seen := map[[2]uint64]uint64{}
	want := map[[2]uint64]uint64{}
	err = walkOwners(dir, func(st *unix.Stat_t) bool {
		if st.Mode&unix.S_IFMT != unix.S_IFDIR && st.Nlink > 1 {
			key := [2]uint64{st.Dev, st.Ino}
			seen[key]++
			want[key] = uint64(st.Nlink)
		}
		return false
	}, 0, 0)
	if err != nil {
		return nil, err
	}
	for k, n := range want {
		if seen[k] < n {
			return nil, fmt.Errorf("a file in %s (inode %d) has a hard link outside of it; copy it first", dir, k[1])
		}
	}
	give := func(from, to, gid int) error {
		return walkOwners(dir, func(st *unix.Stat_t) bool { return int(st.Uid) == from }, to, gid)
	}
	back = func() error { return give(toUID, fromUID, fromGID) }
	if err := give(fromUID, toUID, toGID); err != nil {
		back()
		return nil, err
	}
	return back, nil
}

// walkOwners changes the owner of all below dir, dir included, for which pick says so. It goes by folder
// descriptors, one open at a time for each level, so that no name is resolved twice.
func walkOwners(dir string, pick func(*unix.Stat_t) bool, uid, gid int) error {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == unix.ENOTDIR {
		return ownOne(unix.AT_FDCWD, dir, pick, uid, gid)
	}
	if err != nil {
		return &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	if err := ownTree(fd, pick, uid, gid); err != nil {
		return &fs.PathError{Op: "change owner below", Path: dir, Err: err}
	}
	return nil
}

func ownOne(at int, name string, pick func(*unix.Stat_t) bool, uid, gid int) error {
	var st unix.Stat_t
	if err := unix.Fstatat(at, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if !pick(&st) {
		return nil
	}
	return unix.Fchownat(at, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
}

// ownTree closes fd.
func ownTree(fd int, pick func(*unix.Stat_t) bool, uid, gid int) error {
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if pick(&st) {
		if err := unix.Fchown(fd, uid, gid); err != nil {
			return err
		}
	}
	names, err := namesIn(fd)
	if err != nil {
		return err
	}
	for _, n := range names {
		sub, err := unix.Openat(fd, n, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		switch err {
		case nil:
			err = ownTree(sub, pick, uid, gid)
		case unix.ENOTDIR, unix.ELOOP:
			err = ownOne(fd, n, pick, uid, gid)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func namesIn(fd int) ([]string, error) {
	var names []string
	buf := make([]byte, 32<<10)
	for {
		n, err := unix.ReadDirent(fd, buf)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return names, nil
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}
