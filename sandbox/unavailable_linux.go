package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// unavailable explains why a wall could not be put up, from what the kernel answered and what its
// settings are; an errno that tells of something else stays a plain error.
func unavailable(level Isolation, what string, err error) error {
	var e syscall.Errno
	if !errors.As(err, &e) {
		return fmt.Errorf("%s: %w", what, err)
	}
	switch e {
	case unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EINVAL, unix.ENOSPC, unix.EUSERS, unix.ENODEV, unix.EOPNOTSUPP:
	default:
		return fmt.Errorf("%s: %w", what, e)
	}
	ue := &UnavailableError{Level: level, Reason: what + ": " + e.Error(), Remedy: "`--isolation landlock` accepts less"}
	if level == Landlock {
		ue.Remedy = "`--isolation none` accepts an ordinary process"
		return ue
	}
	for _, s := range []struct{ file, bad, cure string }{
		{"user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=10000"},
		{"kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"},
		{"kernel/apparmor_restrict_unprivileged_userns", "1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or give forge an AppArmor profile with userns"},
		{"user/max_mnt_namespaces", "0", "sysctl user.max_mnt_namespaces=10000"},
		{"user/max_pid_namespaces", "0", "sysctl user.max_pid_namespaces=10000"},
		{"user/max_net_namespaces", "0", "sysctl user.max_net_namespaces=10000"},
	} {
		b, err := os.ReadFile("/proc/sys/" + s.file)
		if err == nil && strings.TrimSpace(string(b)) == s.bad {
			ue.Reason += " (" + strings.ReplaceAll(s.file, "/", ".") + " is " + s.bad + ")"
			ue.Remedy = "`" + s.cure + "` as root allows it, " + ue.Remedy
			return ue
		}
	}
	if e == unix.ENOSYS {
		ue.Reason += " (Linux 5.12 or newer is needed)"
	} else if inContainer() {
		ue.Reason += " (inside a container that forbids it)"
		ue.Remedy = "let the container make namespaces (podman and docker: `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`), or " + ue.Remedy
	}
	return ue
}

func inContainer() bool {
	for _, p := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(p); err == nil {
			return true
		}
	}
	return false
}
