package sandbox

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// enterRoot lays out how the root that the job describes is built and becomes the process's own; what
// was before is gone from sight. taken holds the registers of mounts that a privileged caller took out
// already. All sources are taken out first, for the new root covers one of their folders.
func (s *steps) enterRoot(j *job, taken []int) error {
	t := &tree{steps: s, made: map[string]bool{}}
	mounts, dirs, err := t.takeAll(j, taken)
	if err != nil {
		return err
	}
	devices := t.takeDevices()
	s.add("detach mounts from the machine's", unix.SYS_MOUNT, s.str(""), s.str("/"), s.str(""), unix.MS_REC|unix.MS_PRIVATE, 0)
	t.newRoot(j)
	t.system(j, devices)
	t.declared(j, mounts, dirs)
	t.pivot()
	return nil
}

// takeAll returns the registers of the mounts, and which of them are folders.
func (t *tree) takeAll(j *job, taken []int) (regs []int, dirs []bool, err error) {
	regs, dirs = make([]int, len(j.Mounts)), make([]bool, len(j.Mounts))
	for i, m := range j.Mounts {
		if m.Source == "" {
			continue
		}
		fi, err := os.Stat(m.Source)
		if err != nil {
			return nil, nil, fmt.Errorf("mount %s: %w", m.Source, err)
		}
		dirs[i] = fi.IsDir()
		if taken != nil {
			regs[i], taken = taken[0], taken[1:]
			continue
		}
		l := label{"mount " + m.Source, aboutPlace}
		regs[i] = t.open(l, unix.SYS_OPEN_TREE, ^uintptr(99), t.str(m.Source), openTreeFlags)
		t.setattr(label{"restrict mount of " + m.Source, aboutWall}, regs[i], mountFlags(m.Writable))
	}
	return regs, dirs, nil
}

// deviceNames are the nodes every program may expect; each is safe for anybody.
func deviceNames() []string { return []string{"null", "zero", "full", "random", "urandom", "tty"} }

func (t *tree) takeDevices() (regs []int) {
	for _, d := range deviceNames() {
		l := label{"take /dev/" + d, aboutWall}
		r := t.open(l, unix.SYS_OPEN_TREE, ^uintptr(99), t.str("/dev/"+d), unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		t.setattr(l, r, unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_RDONLY, Propagation: unix.MS_PRIVATE})
		regs = append(regs, r)
	}
	return regs
}

// newRoot mounts the tmpfs that becomes the root on a folder that every machine has.
func (t *tree) newRoot(j *job) {
	size := 16 << 20
	for _, f := range j.Files {
		size += len(f.Data) + 4096
	}
	name, base := t.str("tmpfs"), t.str("/tmp")
	data := t.str(fmt.Sprintf("mode=0755,size=%d", size))
	t.add("mount tmpfs for the new root", unix.SYS_MOUNT, name, base, name, unix.MS_NOSUID|unix.MS_NODEV, data)
	t.root = t.open(label{"open the new root", aboutWall}, unix.SYS_OPENAT, ^uintptr(99), base, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)
}

// system makes what every root has: /dev, /proc, /tmp.
func (t *tree) system(j *job, devices []int) {
	dev := t.folder("/dev")
	for i, d := range deviceNames() {
		name := t.str(d)
		t.add("make /dev/"+d, unix.SYS_MKNODAT, reg(dev), name, unix.S_IFREG|0o444, 0)
		t.add("mount /dev/"+d, unix.SYS_MOVE_MOUNT, reg(devices[i]), t.str(""), reg(dev), name, unix.MOVE_MOUNT_F_EMPTY_PATH)
		t.close(devices[i])
	}
	for _, l := range []Link{{"ptmx", "pts/ptmx"}, {"fd", "/proc/self/fd"}, {"stdin", "fd/0"}, {"stdout", "fd/1"}, {"stderr", "fd/2"}} {
		t.add("make /dev/"+l.Path, unix.SYS_SYMLINKAT, t.str(l.Target), reg(dev), t.str(l.Path))
	}
	t.close(dev)
	const safe = unix.MS_NOSUID | unix.MS_NODEV
	t.fresh("devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=620", unix.MS_NOSUID|unix.MS_NOEXEC)
	t.fresh("tmpfs", "/dev/shm", "mode=1777"+sizeOf(j), safe)
	t.fresh("tmpfs", "/tmp", "mode=1777"+sizeOf(j), safe)
	t.fresh("proc", "/proc", "", safe|unix.MS_NOEXEC)
	t.proc(j)
}

func sizeOf(j *job) string {
	if j.Limits.Memory > 0 {
		return fmt.Sprintf(",size=%d", j.Limits.Memory)
	}
	return ""
}

// declared puts in what the Spec names, in its order.
func (t *tree) declared(j *job, mounts []int, dirs []bool) {
	for i, m := range j.Mounts {
		if m.Source != "" {
			t.attach(mounts[i], m.Target, dirs[i])
			continue
		}
		t.fresh("tmpfs", m.Target, "mode=0755", unix.MS_NOSUID|unix.MS_NODEV)
		if !m.Writable {
			t.frozen = append(t.frozen, t.openAt(at("open", m.Target), m.Target, unix.O_PATH|unix.O_DIRECTORY))
		}
	}
	for _, f := range j.Files {
		t.file(f.Path, []byte(f.Data))
	}
	for _, l := range j.Links {
		t.link(l)
	}
}

// pivot makes the tree the root and lets go of all else.
func (t *tree) pivot() {
	for _, r := range append(t.frozen, t.root) {
		t.freeze(r)
	}
	t.add("enter the new root", unix.SYS_FCHDIR, reg(t.root))
	// With both arguments the same, the old root ends up on top of the new one: pivot_root(2).
	dot := t.str(".")
	t.add("pivot_root", unix.SYS_PIVOT_ROOT, dot, dot)
	t.add("unmount the old root", unix.SYS_UMOUNT2, dot, unix.MNT_DETACH)
	t.add("enter /", unix.SYS_CHDIR, t.str("/"))
	for _, r := range append(t.frozen, t.root) {
		t.close(r)
	}
}
