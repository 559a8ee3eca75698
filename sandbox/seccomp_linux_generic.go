//go:build linux && (arm64 || riscv64 || loong64)

package sandbox

import "golang.org/x/sys/unix"

// argLow: little endian, the low half of an argument comes first.
const argLow = 0

// archRules: these CPUs have only the calls that rules names.
func archRules() []rule {
	return []rule{{nr: unix.SYS_KEXEC_FILE_LOAD, errno: unix.EPERM}}
}

// archCalls are the system calls that only some CPU has, by name.
func archCalls() map[string]uintptr { return nil }
