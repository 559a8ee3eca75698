package sandbox

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_X86_64
	argLow    = 0 // little endian: the low half of an argument comes first
	setrlimit = unix.SYS_SETRLIMIT
)

// archRules judge the calls that newer CPUs were born without. The x32 numbers lie above lastKnown.
func archRules() []rule {
	r := []rule{
		{unix.SYS_CHMOD, unix.EPERM, []test{{1, anyBit, setIDBits, nil}}},
		{unix.SYS_MKDIR, unix.EPERM, []test{{1, anyBit, setIDBits, nil}}},
		{unix.SYS_CREAT, unix.EPERM, []test{{1, anyBit, setIDBits, nil}}},
		{unix.SYS_MKNOD, unix.EPERM, append(deviceTests(1), test{1, anyBit, setIDBits, nil})},
		{unix.SYS_OPEN, unix.EPERM, creatingSetID(1, 2)},
	}
	for _, nr := range []uint32{unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT, unix.SYS_KEXEC_FILE_LOAD,
		unix.SYS_USELIB, unix.SYS__SYSCTL, unix.SYS_SYSFS, unix.SYS_CREATE_MODULE, unix.SYS_QUERY_MODULE,
		unix.SYS_GET_KERNEL_SYMS, unix.SYS_URETPROBE, unix.SYS_UPROBE} {
		r = append(r, rule{nr: nr, errno: unix.EPERM})
	}
	return r
}

// archCalls are the system calls that only this CPU has, by name.
func archCalls() map[string]uintptr {
	return map[string]uintptr{
		"chmod": unix.SYS_CHMOD, "creat": unix.SYS_CREAT, "iopl": unix.SYS_IOPL, "mkdir": unix.SYS_MKDIR,
		"mknod": unix.SYS_MKNOD, "modify_ldt": unix.SYS_MODIFY_LDT, "open": unix.SYS_OPEN,
	}
}

// archTraced are the traced calls that newer CPUs were born without, and stat.
func archTraced() []rule {
	return []rule{
		{nr: unix.SYS_NEWFSTATAT, when: notEmptyPath(3)}, {nr: unix.SYS_OPEN, when: notReading(1)}, {nr: unix.SYS_STAT},
		{nr: unix.SYS_LSTAT}, {nr: unix.SYS_ACCESS}, {nr: unix.SYS_READLINK},
	}
}

// namedBy tells which arguments of an archTraced call are the folder (-1: the working folder) and the name.
func namedBy(nr int32) (dir, name int) {
	if nr == unix.SYS_NEWFSTATAT {
		return 0, 1
	}
	return -1, 0
}
