package sandbox

import (
	"fmt"
	"path"
	"strings"
)

// seatbeltProfile is the Spec as a profile of macOS's sandbox, in the language of sandbox-exec(1): all is
// denied that no line allows. Reading is allowed below the mounts, in what every program of the system
// loads, and nowhere else; writing below the writable mounts; there is no network unless the Spec shares
// it. Of other files names and sizes can be seen: without that no path can be followed.
func seatbeltProfile(s Spec) (string, error) {
	var b strings.Builder
	b.WriteString("(version 1)\n(deny default)\n")
	for _, line := range []string{
		"process-fork", "sysctl-read", "file-read-metadata", "signal (target same-sandbox)", "process-info* (target same-sandbox)",
		"ipc-posix-shm*", "ipc-posix-sem*", "pseudo-tty",
		// The dynamic loader and the C library ask these of every program.
		`mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo") (global-name "com.apple.system.notification_center") (global-name "com.apple.system.logger")`,
		`file-read* process-exec (literal "/") (subpath "/usr/lib") (subpath "/usr/share") (subpath "/System/Library") (subpath "/System/Volumes/Preboot/Cryptexes/OS") (subpath "/private/var/db/dyld")`,
		`file-read* (literal "/private/etc/passwd") (literal "/private/etc/group") (literal "/private/etc/localtime") (subpath "/private/var/db/timezone")`,
		`file-read* file-write* file-ioctl (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty") (literal "/dev/ptmx") (regex #"^/dev/ttys[0-9]+$") (subpath "/dev/fd")`,
		`file-read* (literal "/dev/random") (literal "/dev/urandom")`,
	} {
		fmt.Fprintf(&b, "(allow %s)\n", line)
	}
	for _, m := range s.Mounts {
		at, err := seatbeltText(m.Target)
		if err != nil {
			return "", err
		}
		what := "file-read* process-exec"
		if m.Writable {
			what += " file-write*"
		}
		fmt.Fprintf(&b, "(allow %s (subpath %s))\n", what, at)
	}
	if s.Network {
		b.WriteString("(allow network*)\n(allow file-read* (literal \"/private/etc/hosts\") (literal \"/private/etc/resolv.conf\") (subpath \"/private/etc/ssl\"))\n")
	}
	return b.String(), nil
}

// seatbeltText quotes a path. macOS keeps /etc, /tmp and /var in /private, and rules mean the real place.
func seatbeltText(p string) (string, error) {
	if strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", fmt.Errorf("run in sandbox: the path %q holds a control character, which a seatbelt profile cannot", p)
	}
	p = path.Clean(p)
	for _, moved := range []string{"/etc", "/tmp", "/var"} {
		if p == moved || strings.HasPrefix(p, moved+"/") {
			p = "/private" + p
		}
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p) + `"`, nil
}
