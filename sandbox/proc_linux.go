package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// proc covers what in /proc tells about the machine and not about the sandbox, with a constant. The rest
// of what a container must hide there is closed to our uid anyway, which is root's nowhere.
func (t *tree) proc(j *job) error {
	if j.up(wallNesting) {
		if err := t.noMoreNamespaces(); err != nil {
			return err
		}
	}
	if err := t.readOnly("/proc/sys"); err != nil {
		return err
	}
	for _, f := range []File{
		{"/proc/cpuinfo", j.CPUs},
		{"/proc/cmdline", "\n"},
		{"/proc/keys", ""},
		{"/proc/key-users", ""},
		{"/proc/sys/kernel/random/boot_id", "00000000-0000-4000-8000-000000000000\n"},
	} {
		if err := t.cover(f.Path, f.Data); err != nil {
			return err
		}
	}
	return nil
}

// noMoreNamespaces is the second wall behind the filter: this user namespace may not have another one
// inside, by whatever system call, and without one nobody in here can make any other namespace.
func (t *tree) noMoreNamespaces() error {
	const name = "proc/sys/user/max_user_namespaces"
	fd, err := unix.Openat(t.root, name, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &stepError{"forbid user namespaces inside", err}
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte("0")); err != nil {
		return &stepError{"forbid user namespaces inside", err}
	}
	return nil
}

// readOnly mounts p onto itself without the right to write.
func (t *tree) readOnly(p string) error {
	at, err := t.open(p, unix.O_PATH)
	if err != nil {
		return wrapPath("open", p, err)
	}
	defer unix.Close(at)
	fd, err := unix.OpenTree(at, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	if err != nil {
		return &stepError{"take " + p, err}
	}
	if err := restrict(fd, false, -1); err != nil {
		unix.Close(fd)
		return &stepError{"make " + p + " read-only", err}
	}
	return t.attach(fd, p)
}

// cover puts a read-only file over p, if there is a p.
func (t *tree) cover(p, text string) error {
	at, err := t.open(p, unix.O_PATH)
	if err != nil {
		return nil
	}
	defer unix.Close(at)
	const name = ".cover"
	if err := t.write(t.root, name, []byte(text)); err != nil {
		return err
	}
	defer unix.Unlinkat(t.root, name, 0)
	fd, err := unix.OpenTree(t.root, name, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return &stepError{"take cover for " + p, err}
	}
	defer unix.Close(fd)
	if err := restrict(fd, false, -1); err != nil {
		return &stepError{"take cover for " + p, err}
	}
	err = unix.MoveMount(fd, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
	return wrapPath("cover", p, err)
}

// cpuinfo is one plain 64-bit CPU, as text for /proc/cpuinfo: a build that reads its builder's model or
// features from there would not be the same elsewhere.
func cpuinfo(arch string) string {
	switch arch {
	case "amd64":
		return "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 6\nmodel name\t: x86-64\nstepping\t: 0\n" +
			"cpu MHz\t\t: 1000.000\ncache size\t: 1024 KB\nphysical id\t: 0\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\n" +
			"fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: 1\nwp\t\t: yes\n" +
			"flags\t\t: fpu cx8 cmov mmx fxsr sse sse2 syscall lm\nbogomips\t: 2000.00\nclflush size\t: 64\n" +
			"cache_alignment\t: 64\naddress sizes\t: 48 bits physical, 48 bits virtual\n\n"
	case "arm64":
		return "processor\t: 0\nBogoMIPS\t: 100.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU architecture: 8\n" +
			"CPU variant\t: 0x0\nCPU part\t: 0xd03\nCPU revision\t: 0\n\n"
	}
	return fmt.Sprintf("processor\t: 0\nmodel name\t: %s\n\n", arch)
}
