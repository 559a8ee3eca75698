package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// proc covers what in /proc tells about the machine and not about the sandbox, with a constant. The rest
// of what a container must hide there is closed to our uid anyway, which is root's nowhere.
func (t *tree) proc(j *job) {
	if j.up(wallNesting) {
		t.noMoreNamespaces()
	}
	if j.up(wallCounts) {
		t.countedApart()
	}
	t.readOnly("/proc/sys")
	if !j.up(wallFacts) {
		return
	}
	for _, f := range []File{
		{"/proc/cpuinfo", j.CPUs},
		{"/proc/cmdline", "\n"},
		{"/proc/keys", ""},
		{"/proc/key-users", ""},
		{"/proc/interrupts", ""}, // when keys are pressed and how the machine is used; Docker and CRI-O hide it, too
		{"/proc/softirqs", ""},
		{"/proc/diskstats", ""}, // the machine's disks, and what they do this moment
		{"/proc/partitions", ""},
		{"/proc/modules", ""},
		{"/proc/sys/kernel/random/boot_id", "00000000-0000-4000-8000-000000000000\n"},
	} {
		t.cover(f.Path, f.Data)
	}
	// The machine's devices and file systems; in pressure everybody may have the kernel watch its load.
	for _, p := range []string{"/proc/bus", "/proc/fs", "/proc/pressure"} {
		t.empty(p)
	}
}

// countedApart keeps the command from using up what the kernel counts for the caller: inotify instances and
// watches, of which a user has 128 and a few thousand.
func (t *tree) countedApart() {
	t.sysctl("user/max_inotify_instances", "32")
	t.sysctl("user/max_inotify_watches", "8192")
}

// sysctl sets a value of the sandbox's own namespaces, where the kernel has it and lets their owner do so.
func (t *tree) sysctl(name, value string) {
	l := label{"set " + name, aboutWall}
	f := t.open(l, unix.SYS_OPENAT, reg(t.root), t.str("proc/sys/"+name), unix.O_WRONLY|unix.O_CLOEXEC)
	t.list[len(t.list)-1].skip = 2
	t.push(l, unix.SYS_WRITE, []uintptr{reg(f), t.str(value), uintptr(len(value))}).min = uintptr(len(value))
	t.close(f)
}

// noMoreNamespaces is the second wall behind the filter: this user namespace may not have another one
// inside, by whatever system call, and without one nobody in here can make any other namespace.
func (t *tree) noMoreNamespaces() {
	l := label{"forbid user namespaces inside", aboutWall}
	f := t.open(l, unix.SYS_OPENAT, reg(t.root), t.str("proc/sys/user/max_user_namespaces"), unix.O_WRONLY|unix.O_CLOEXEC)
	t.push(l, unix.SYS_WRITE, []uintptr{reg(f), t.str("0"), 1}).min = 1
	t.close(f)
}

// readOnly mounts p onto itself without the right to write.
func (t *tree) readOnly(p string) {
	l := label{"make " + p + " read-only", aboutWall}
	on := t.openAt(l, p, unix.O_PATH)
	mnt := t.open(l, unix.SYS_OPEN_TREE, reg(on), t.str(""), unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	t.setattr(l, mnt, mountFlags(false))
	t.close(on)
	t.attach(mnt, p, true)
}

// cover puts a read-only file over p, if there is a p.
func (t *tree) cover(p, text string) {
	l := label{"cover " + p, aboutWall}
	const name = ".cover"
	on := t.openAt(l, p, unix.O_PATH)
	opened := len(t.list) - 1
	t.write(l, t.root, name, []byte(text))
	mnt := t.open(l, unix.SYS_OPEN_TREE, reg(t.root), t.str(name), unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	t.setattr(l, mnt, mountFlags(false))
	t.push(l, unix.SYS_MOVE_MOUNT, []uintptr{reg(mnt), t.str(""), reg(on), t.str(""), attachFlags})
	t.close(mnt)
	t.add("uncover", unix.SYS_UNLINKAT, reg(t.root), t.str(name), 0)
	t.close(on)
	t.list[opened].skip = int32(len(t.list) - 1 - opened) // no p, nothing to cover
}

// empty puts an empty read-only folder over p, if there is a p.
func (t *tree) empty(p string) {
	l := label{"hide " + p, aboutWall}
	name := t.str(".hidden")
	on := t.openAt(l, p, unix.O_PATH|unix.O_DIRECTORY)
	opened := len(t.list) - 1
	t.add(l.text, unix.SYS_MKDIRAT, reg(t.root), name, 0o555)
	mnt := t.open(l, unix.SYS_OPEN_TREE, reg(t.root), name, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	t.setattr(l, mnt, mountFlags(false))
	t.push(l, unix.SYS_MOVE_MOUNT, []uintptr{reg(mnt), t.str(""), reg(on), t.str(""), attachFlags})
	t.close(mnt)
	t.add("uncover", unix.SYS_UNLINKAT, reg(t.root), name, unix.AT_REMOVEDIR)
	t.close(on)
	t.list[opened].skip = int32(len(t.list) - 1 - opened)
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
