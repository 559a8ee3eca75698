//go:build linux && (arm64 || riscv64 || loong64)

package sandbox

import "golang.org/x/sys/unix"

// argLow: little endian, the low half of an argument comes first.
const argLow = 0

// setrlimit is the call of that name in the generic table (asm-generic/unistd.h); loong64 has only prlimit64, and the
// number means nothing there.
const setrlimit = 164

// archRules: these CPUs have only the calls that rules names.
func archRules() []rule {
	return []rule{{nr: unix.SYS_KEXEC_FILE_LOAD, errno: unix.EPERM}}
}

// archCalls are the system calls that only some CPU has, by name.
func archCalls() map[string]uintptr { return nil }

// archTraced is stat, which has other names elsewhere.
func archTraced() []rule { return []rule{{nr: sysFstatat, when: notEmptyPath(3)}} }

// namedBy tells which arguments of an archTraced call are the folder and the name.
func namedBy(int32) (dir, name int) { return 0, 1 }

// sysFstatat is newfstatat in the generic table (asm-generic/unistd.h); loong64 has only statx, and
// the number means nothing there.
const sysFstatat = 79
