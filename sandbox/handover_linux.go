package sandbox

import (
	"errors"
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
			key := [2]uint64{uint64(st.Dev), st.Ino}
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

// walkOwners changes the owner of all below dir, dir included, for which pick says so. Nobody else works
// in the tree meanwhile.
func walkOwners(dir string, pick func(*unix.Stat_t) bool, uid, gid int) error {
	own := func(at int, name string) error { return ownOne(at, name, pick, uid, gid) }
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == unix.ENOTDIR {
		err = own(unix.AT_FDCWD, dir)
	} else if err == nil {
		err = walkFolders(fd, own)
	}
	if err != nil {
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

// walkFolders calls f for all names below the folder fd, and for "." of each folder first. It has one
// folder open at a time, however deep the tree, and closes it. It goes up by "..", and looks whether it
// arrived where it came from.
func walkFolders(fd int, f func(at int, name string) error) error {
	type level struct {
		dev, ino uint64
		todo     []string
	}
	defer func() { unix.Close(fd) }()
	enter := func() (level, error) {
		var st unix.Stat_t
		if err := errors.Join(unix.Fstat(fd, &st), f(fd, ".")); err != nil {
			return level{}, err
		}
		names, err := namesIn(fd)
		return level{uint64(st.Dev), st.Ino, names}, err
	}
	move := func(name string) error {
		next, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err == nil {
			unix.Close(fd)
			fd = next
		}
		return err
	}
	top, err := enter()
	if err != nil {
		return err
	}
	for stack := []level{top}; ; {
		l := &stack[len(stack)-1]
		if len(l.todo) == 0 {
			if stack = stack[:len(stack)-1]; len(stack) == 0 {
				return nil
			}
			up := stack[len(stack)-1]
			var st unix.Stat_t
			if err := errors.Join(move(".."), unix.Fstat(fd, &st)); err != nil {
				return err
			}
			if uint64(st.Dev) != up.dev || st.Ino != up.ino {
				return errors.New("the tree changed during the walk")
			}
			continue
		}
		name := l.todo[0]
		l.todo = l.todo[1:]
		switch err := move(name); err {
		case nil:
			next, err := enter()
			if err != nil {
				return err
			}
			stack = append(stack, next)
		case unix.ENOTDIR, unix.ELOOP:
			if err := f(fd, name); err != nil {
				return err
			}
		default:
			return err
		}
	}
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
