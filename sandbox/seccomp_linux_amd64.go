package sandbox

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_X86_64
	argLow    = 0 // little endian: the low half of an argument comes first
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
