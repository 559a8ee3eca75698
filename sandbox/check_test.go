package sandbox

import (
	"path"
	"strings"
	"testing"
)

// FuzzCheck: whatever comes through the check names a place below the root, and nothing that a C string
// or a line of passwd would read differently.
func FuzzCheck(f *testing.F) {
	f.Add("/w", "/src", "/bin", "usr/bin", "/etc/passwd", "forge", "build", "A=b", "true")
	f.Add("/../w", "src", "/", "", "etc", "a/b", "a:b", "=", "a\x00b")
	f.Fuzz(func(t *testing.T, target, source, link, to, file, host, user, env, arg string) {
		s := Spec{Argv: []string{arg}, Env: []string{env}, Dir: target, Hostname: host, User: user,
			Mounts: []Mount{{Source: source, Target: target}}, Links: []Link{{link, to}}, Files: []File{{Path: file}}}
		if s.check() != nil {
			return
		}
		for _, p := range []string{target, link, file} {
			if p == "/" || path.Clean("/"+p) != p || strings.Contains(p, "\x00") || strings.Contains(p+"/", "/../") {
				t.Errorf("%q came through", p)
			}
		}
		if strings.ContainsAny(user, ":\n/\x00") || strings.ContainsAny(host, "\x00/") || strings.Contains(env+arg+to+source, "\x00") {
			t.Errorf("user %q, host %q, environment %q, argument %q, link %q, source %q came through", user, host, env, arg, to, source)
		}
	})
}
