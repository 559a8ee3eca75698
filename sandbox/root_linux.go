package sandbox

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// enterRoot builds the root that the job describes and makes it this process's own; what was before is
// gone from sight. All sources are taken out first, for the new root covers one of their folders.
func enterRoot(j *job) error {
	taken, err := takeAll(j)
	if err != nil {
		return err
	}
	devices, err := takeDevices()
	if err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return &stepError{"detach mounts from the machine's", err}
	}
	t, err := newRoot()
	if err != nil {
		return err
	}
	if err := t.system(j, devices); err != nil {
		return err
	}
	if err := t.declared(j, taken); err != nil {
		return err
	}
	return t.pivot()
}

func takeAll(j *job) ([]int, error) {
	fds := make([]int, len(j.Mounts))
	next := fdMounts
	for i, m := range j.Mounts {
		switch {
		case m.Source == "":
			fds[i] = -1
		case j.Taken:
			fds[i] = next
			next++
		default:
			fd, err := takeOut(m, -1)
			if err != nil {
				return nil, err
			}
			fds[i] = fd
		}
	}
	return fds, nil
}

// deviceNames are the nodes every program may expect; each is safe for anybody.
func deviceNames() []string { return []string{"null", "zero", "full", "random", "urandom", "tty"} }

func takeDevices() ([]int, error) {
	var fds []int
	for _, d := range deviceNames() {
		fd, err := unix.OpenTree(unix.AT_FDCWD, "/dev/"+d, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return nil, &stepError{"take /dev/" + d, err}
		}
		a := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_RDONLY, Propagation: unix.MS_PRIVATE}
		if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &a); err != nil {
			return nil, &stepError{"take /dev/" + d, err}
		}
		fds = append(fds, fd)
	}
	return fds, nil
}

// newRoot mounts the tmpfs that becomes the root on some folder that every machine has.
func newRoot() (*tree, error) {
	var err error
	for _, base := range []string{"/tmp", "/var", "/usr", "/etc"} {
		if err = unix.Mount("tmpfs", base, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=16m"); err != nil {
			continue
		}
		fd, err := unix.Open(base, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, &stepError{"open the new root", err}
		}
		return &tree{root: fd}, nil
	}
	return nil, &stepError{"mount tmpfs for the new root", err}
}

// system makes what every root has: /dev, /proc, /tmp.
func (t *tree) system(j *job, devices []int) error {
	const safe = unix.MS_NOSUID | unix.MS_NODEV
	dev, err := t.folder("/dev")
	if err != nil {
		return err
	}
	defer unix.Close(dev)
	for i, d := range deviceNames() {
		if err := unix.Mknodat(dev, d, unix.S_IFREG|0o444, 0); err != nil {
			return &stepError{"make /dev/" + d, err}
		}
		if err := unix.MoveMount(devices[i], "", dev, d, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
			return &stepError{"mount /dev/" + d, err}
		}
		unix.Close(devices[i])
	}
	for _, l := range []Link{{"ptmx", "pts/ptmx"}, {"fd", "/proc/self/fd"}, {"stdin", "fd/0"}, {"stdout", "fd/1"}, {"stderr", "fd/2"}} {
		if err := unix.Symlinkat(l.Target, dev, l.Path); err != nil {
			return &stepError{"make /dev/" + l.Path, err}
		}
	}
	for _, f := range []struct {
		kind, at, data string
		flags          uintptr
	}{
		{"devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=620", unix.MS_NOSUID | unix.MS_NOEXEC},
		{"tmpfs", "/dev/shm", "mode=1777" + sizeOf(j), safe},
		{"tmpfs", "/tmp", "mode=1777" + sizeOf(j), safe},
		{"proc", "/proc", "", safe | unix.MS_NOEXEC},
	} {
		fd, err := t.fresh(f.kind, f.at, f.data, f.flags)
		if err != nil {
			return err
		}
		unix.Close(fd)
	}
	return t.proc(j)
}

func sizeOf(j *job) string {
	if j.Limits.Memory > 0 {
		return fmt.Sprintf(",size=%d", j.Limits.Memory)
	}
	return ""
}

// declared puts in what the Spec names, in its order.
func (t *tree) declared(j *job, taken []int) error {
	for i, m := range j.Mounts {
		if m.Source != "" {
			if err := t.attach(taken[i], m.Target); err != nil {
				return err
			}
			continue
		}
		fd, err := t.fresh("tmpfs", m.Target, "mode=0755", unix.MS_NOSUID|unix.MS_NODEV)
		if err != nil {
			return err
		}
		if m.Writable {
			unix.Close(fd)
		} else {
			t.frozen = append(t.frozen, fd)
		}
	}
	for _, f := range j.Files {
		if err := t.file(f.Path, []byte(f.Data)); err != nil {
			return err
		}
	}
	for _, l := range j.Links {
		if err := t.link(l); err != nil {
			return err
		}
	}
	return nil
}

// pivot makes the tree the root and lets go of all else.
func (t *tree) pivot() error {
	if err := t.freeze(); err != nil {
		return err
	}
	if err := unix.Fchdir(t.root); err != nil {
		return &stepError{"enter the new root", err}
	}
	// With both arguments the same, the old root ends up on top of the new one: pivot_root(2).
	if err := unix.PivotRoot(".", "."); err != nil {
		return &stepError{"pivot_root", err}
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return &stepError{"unmount the old root", err}
	}
	return os.Chdir("/")
}
