package sandbox

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestSeatbelt is what only a Mac can show: what was declared works, the rest is refused.
func TestSeatbelt(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	for script, want := range map[string]int{
		"echo x > file && cat file":     0,
		"cat " + secret:                 1,
		"echo x > " + secret:            1,
		"exec 3<>/dev/tcp/127.0.0.1/22": 1,
		"echo x > /dev/null":            0,
		"exit 3":                        3,
	} {
		var out bytes.Buffer
		res, err := Only(Seatbelt, time.Now).Run(t.Context(), Spec{Argv: []string{"/bin/bash", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}, Dir: dir,
			Mounts: []Mount{{dir, dir, true}, {"/usr/bin", "/usr/bin", false}, {"/bin", "/bin", false}}, Stdout: &out, Stderr: &out})
		if err != nil || res.ExitCode != want || res.Isolation != Seatbelt {
			t.Errorf("%s: %+v %v, want exit %d\n%s", script, res, err, want, out.String())
		}
	}
}
