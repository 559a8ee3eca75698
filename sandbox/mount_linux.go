package sandbox

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// takeOut makes a mount of its own from a file or folder of this machine, not attached anywhere yet.
// idmap is a user namespace through which its owners are seen, or -1. What may be mounted below the
// source comes along, with the same flags.
func takeOut(m Mount, idmap int) (fd int, err error) {
	fd, err = unix.OpenTree(unix.AT_FDCWD, m.Source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return -1, fmt.Errorf("mount %s: %w", m.Source, err)
	}
	if err := restrict(fd, m.Writable, idmap); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("mount %s: %w", m.Source, err)
	}
	return fd, nil
}

// restrict sets the flags of a mount and all below it: no setuid, no devices, no news from outside.
func restrict(fd int, writable bool, idmap int) error {
	a := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV, Propagation: unix.MS_PRIVATE}
	if !writable {
		a.Attr_set |= unix.MOUNT_ATTR_RDONLY
	}
	if idmap >= 0 {
		a.Attr_set |= unix.MOUNT_ATTR_IDMAP
		a.Userns_fd = uint64(idmap)
	}
	return unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &a)
}

// A tree is the root under construction. No step follows a symbolic link: what is mounted may be hostile
// already, and this process can still mount (CVE-2019-16884, CVE-2021-30465).
type tree struct {
	root   int   // the tmpfs that holds it
	frozen []int // mounts that become read-only when all is in place
}

func (t *tree) open(p string, flags uint64) (int, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC | unix.O_NOFOLLOW,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS}
	for {
		fd, err := unix.Openat2(t.root, strings.TrimPrefix(p, "/"), &how)
		if err != unix.EAGAIN && err != unix.EINTR {
			return fd, err
		}
	}
}

// folder opens p, and makes it and its parents where they are missing.
func (t *tree) folder(p string) (int, error) {
	if p == "/" {
		return unix.FcntlInt(uintptr(t.root), unix.F_DUPFD_CLOEXEC, 0)
	}
	fd, err := t.open(p, unix.O_PATH|unix.O_DIRECTORY)
	if err != unix.ENOENT {
		return fd, wrapPath("open folder", p, err)
	}
	up, err := t.folder(path.Dir(p))
	if err != nil {
		return -1, err
	}
	defer unix.Close(up)
	if err := unix.Mkdirat(up, path.Base(p), 0o755); err != nil && err != unix.EEXIST {
		return -1, wrapPath("make folder", p, err)
	}
	fd, err = t.open(p, unix.O_PATH|unix.O_DIRECTORY)
	return fd, wrapPath("open folder", p, err)
}

// place opens p as something to mount on: a folder or, if file is set, an empty file.
func (t *tree) place(p string, file bool) (int, error) {
	if !file {
		return t.folder(p)
	}
	fd, err := t.open(p, unix.O_PATH)
	if err == nil {
		var st unix.Stat_t
		if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			err = unix.EISDIR
		}
		if err != nil {
			unix.Close(fd)
		}
	}
	if err != unix.ENOENT {
		return fd, wrapPath("mount a file at", p, err)
	}
	if err := t.file(p, nil); err != nil {
		return -1, err
	}
	fd, err = t.open(p, unix.O_PATH)
	return fd, wrapPath("open", p, err)
}

func (t *tree) file(p string, data []byte) error {
	up, err := t.folder(path.Dir(p))
	if err != nil {
		return err
	}
	defer unix.Close(up)
	return wrapPath("make file", p, t.write(up, path.Base(p), data))
}

func (t *tree) write(up int, name string, data []byte) error {
	fd, err := unix.Openat(up, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o444)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for len(data) > 0 {
		n, err := unix.Write(fd, data)
		if err != nil && err != unix.EINTR {
			return err
		}
		data = data[max(n, 0):]
	}
	return nil
}

func (t *tree) link(l Link) error {
	up, err := t.folder(path.Dir(l.Path))
	if err != nil {
		return err
	}
	defer unix.Close(up)
	return wrapPath("make link", l.Path, unix.Symlinkat(l.Target, up, path.Base(l.Path)))
}

// attach puts a mount that was taken out at p, and closes it.
func (t *tree) attach(mnt int, p string) error {
	defer unix.Close(mnt)
	var st unix.Stat_t
	if err := unix.Fstat(mnt, &st); err != nil {
		return wrapPath("look at the mount for", p, err)
	}
	at, err := t.place(p, st.Mode&unix.S_IFMT != unix.S_IFDIR)
	if err != nil {
		return err
	}
	defer unix.Close(at)
	return wrapPath("mount at", p, unix.MoveMount(mnt, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH))
}

// fresh mounts a new file system at p and returns it opened.
func (t *tree) fresh(kind, p, data string, flags uintptr) (int, error) {
	at, err := t.folder(p)
	if err != nil {
		return -1, err
	}
	defer unix.Close(at)
	if err := unix.Fchdir(at); err != nil {
		return -1, wrapPath("enter", p, err)
	}
	if err := unix.Mount(kind, ".", kind, flags, data); err != nil {
		return -1, &stepError{"mount " + kind + " at " + p, err}
	}
	fd, err := t.open(p, unix.O_PATH|unix.O_DIRECTORY)
	return fd, wrapPath("open", p, err)
}

// freeze makes the root and the folders that were only scaffolding read-only.
func (t *tree) freeze() error {
	for _, fd := range append(t.frozen, t.root) {
		a := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
		if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &a); err != nil {
			return &stepError{"make the root read-only", err}
		}
	}
	return nil
}

func wrapPath(what, p string, err error) error {
	if err == nil {
		return nil
	}
	var e unix.Errno
	if errors.As(err, &e) {
		if e == unix.ELOOP {
			return fmt.Errorf("%s %s inside the sandbox: a symbolic link stands in the way", what, p)
		}
		if e == unix.EROFS {
			return fmt.Errorf("%s %s inside the sandbox: missing in a read-only mount; make it there first, or mount it before", what, p)
		}
	}
	return fmt.Errorf("%s %s inside the sandbox: %w", what, p, err)
}
