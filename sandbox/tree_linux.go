package sandbox

import (
	"path"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A tree lays out the steps that build a root. No step follows a symbolic link: what is mounted may be
// hostile already, and the process that builds can still mount (CVE-2019-16884, CVE-2021-30465).
type tree struct {
	*steps
	root   int             // register of the tmpfs that holds the root
	made   map[string]bool // folders known to be there
	frozen []int           // mounts that become read-only when all is in place
}

func at(text, p string) label { return label{text + " " + p + " inside the sandbox", aboutPlace} }

// openAt opens p below the root and returns its register.
func (t *tree) openAt(l label, p string, flags uint64) int {
	how := place(t.steps, unix.OpenHow{Flags: flags | unix.O_CLOEXEC | unix.O_NOFOLLOW,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS})
	return t.open(l, unix.SYS_OPENAT2, reg(t.root), t.str(strings.TrimPrefix(p, "/")), how, unsafe.Sizeof(unix.OpenHow{}))
}

// folder opens p, made along with its parents where they are missing. The caller closes it.
func (t *tree) folder(p string) int {
	if p == "/" {
		return t.open(at("open", p), unix.SYS_FCNTL, reg(t.root), unix.F_DUPFD_CLOEXEC, 0)
	}
	if !t.made[p] {
		up := t.folder(path.Dir(p))
		t.try(unix.SYS_MKDIRAT, reg(up), t.str(path.Base(p)), 0o755) // it may be there; the next step sees
		t.close(up)
		t.made[p] = true
	}
	return t.openAt(at("make folder", p), p, unix.O_PATH|unix.O_DIRECTORY)
}

// file makes a small read-only file.
func (t *tree) file(p string, data []byte) {
	up := t.folder(path.Dir(p))
	t.write(at("make file", p), up, path.Base(p), data)
	t.close(up)
}

func (t *tree) write(l label, up int, name string, data []byte) {
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	f := t.open(l, unix.SYS_OPENAT, reg(up), t.str(name), flags, 0o444)
	if len(data) > 0 {
		t.push(l, unix.SYS_WRITE, []uintptr{reg(f), t.bytes(data), uintptr(len(data))}).min = uintptr(len(data))
	}
	t.close(f)
}

func (t *tree) link(l Link) {
	up := t.folder(path.Dir(l.Path))
	t.push(at("make link", l.Path), unix.SYS_SYMLINKAT, []uintptr{t.str(l.Target), reg(up), t.str(path.Base(l.Path))})
	t.close(up)
}

// attach puts the mount in register mnt at p, and closes it.
func (t *tree) attach(mnt int, p string, isDir bool) {
	var on int
	l := at("mount at", p)
	if isDir {
		on = t.folder(p)
	} else {
		up := t.folder(path.Dir(p))
		t.try(unix.SYS_MKNODAT, reg(up), t.str(path.Base(p)), unix.S_IFREG|0o444, 0)
		t.close(up)
		l = at("mount a file at", p)
		on = t.openAt(l, p, unix.O_PATH)
	}
	t.push(l, unix.SYS_MOVE_MOUNT, []uintptr{reg(mnt), t.str(""), reg(on), t.str(""), attachFlags})
	t.close(on)
	t.close(mnt)
	t.hide(p)
}

// hide forgets what was made below p: something is mounted over it now.
func (t *tree) hide(p string) {
	for q := range t.made {
		if strings.HasPrefix(q, p+"/") {
			delete(t.made, q)
		}
	}
}

// fresh mounts a new file system at p.
func (t *tree) fresh(fstype, p, data string, flags uintptr) {
	on := t.folder(p)
	t.push(at("enter", p), unix.SYS_FCHDIR, []uintptr{reg(on)})
	name := t.str(fstype)
	t.add("mount "+fstype+" at "+p, unix.SYS_MOUNT, name, t.str("."), name, flags, t.str(data))
	t.close(on)
	t.hide(p)
}

// freeze makes the mount in register r read-only.
func (t *tree) freeze(r int) {
	a := place(t.steps, unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	t.add("make the root read-only", unix.SYS_MOUNT_SETATTR, reg(r), t.str(""), unix.AT_EMPTY_PATH, a, unsafe.Sizeof(unix.MountAttr{}))
}

// setattr sets flags on the mount in register r and all below it.
func (t *tree) setattr(l label, r int, a unix.MountAttr) {
	t.push(l, unix.SYS_MOUNT_SETATTR, []uintptr{reg(r), t.str(""), setattrFlags, place(t.steps, a), unsafe.Sizeof(a)})
}
