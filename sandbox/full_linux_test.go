package sandbox

import (
	"bytes"
	"context"
	"testing"
	"time"
)

func hostSpec(argv ...string) Spec {
	return Spec{
		Argv: argv, Env: []string{"PATH=/usr/bin:/bin", "HOME=/build", "LC_ALL=C.UTF-8"}, Dir: "/build",
		Mounts:   []Mount{{"/usr", "/usr", false}, {"", "/build", true}},
		Links:    []Link{{"/bin", "usr/bin"}, {"/lib", "usr/lib"}, {"/lib64", "usr/lib64"}},
		Hostname: "forge", User: "build", UID: 1000, GID: 1000,
	}
}

func TestHello(t *testing.T) {
	s := hostSpec("sh", "-c", `id; ls -la / /dev /proc/1 /build /tmp; cat /proc/self/status /proc/mounts; cat /proc/1/environ; ps aux; uname -a; ip addr; cat /proc/self/cgroup`)
	var out bytes.Buffer
	s.Stdout, s.Stderr = &out, &out
	res, err := New(time.Now).Run(context.Background(), s)
	t.Logf("%+v %v\n%s", res, err, out.String())
}
