package sandbox

import (
	"context"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// BenchmarkFull and BenchmarkBubblewrap set up and tear down a sandbox of the same shape: compare them
// in one run, on one machine.
func BenchmarkFull(b *testing.B) {
	r := New(time.Now)
	s := benchSpec()
	if _, err := r.Run(context.Background(), s); err != nil {
		b.Skip(err)
	}
	for b.Loop() {
		if res, err := r.Run(context.Background(), s); err != nil || res.ExitCode != 0 {
			b.Fatal(res, err)
		}
	}
}

func benchSpec() Spec {
	return Spec{
		Argv: []string{"/usr/bin/true"}, Env: []string{"PATH=/usr/bin"}, Dir: "/build", UID: 1000, GID: 1000, User: "build",
		Mounts: []Mount{{"/usr", "/usr", false}, {"", "/build", true}},
		Links:  []Link{{"/bin", "usr/bin"}, {"/lib", "usr/lib"}, {"/lib64", "usr/lib64"}},
	}
}

func BenchmarkBubblewrap(b *testing.B) {
	bwrap, err := exec.LookPath("bwrap")
	if err != nil {
		b.Skip(err)
	}
	for b.Loop() {
		if out, err := bubblewrap(bwrap).CombinedOutput(); err != nil {
			b.Fatal(err, string(out))
		}
	}
}

func bubblewrap(exe string) *exec.Cmd {
	return exec.Command(exe, "--unshare-all", "--die-with-parent", "--new-session", "--uid", "1000", "--gid", "1000",
		"--clearenv", "--setenv", "PATH", "/usr/bin", "--ro-bind", "/usr", "/usr", "--tmpfs", "/build", "--symlink", "usr/bin", "/bin",
		"--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp",
		"--chdir", "/build", "/usr/bin/true")
}

func BenchmarkPlain(b *testing.B) {
	for b.Loop() {
		if err := exec.Command("/usr/bin/true").Run(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestSetupCost compares the two by turns, so that what else the machine does meets both alike.
func TestSetupCost(t *testing.T) {
	bwrap, err := exec.LookPath("bwrap")
	if err != nil || testing.Short() {
		t.Skip("needs bubblewrap and time")
	}
	r := New(time.Now)
	var ours, theirs []time.Duration
	for range 100 {
		began := time.Now()
		if _, err := r.Run(context.Background(), benchSpec()); err != nil {
			t.Fatal(err)
		}
		ours = append(ours, time.Since(began))
		began = time.Now()
		if err := bubblewrap(bwrap).Run(); err != nil {
			t.Skip("bubblewrap does not run here: ", err)
		}
		theirs = append(theirs, time.Since(began))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	ratio := float64(ours[50]) / float64(theirs[50])
	t.Logf("median %v, bubblewrap %v: %.2f times; fastest tenth %v, %v", ours[50], theirs[50], ratio, ours[10], theirs[10])
	if quiet := float64(ours[10]) / float64(theirs[10]); min(ratio, quiet) > 2 { // the goal is 1.2; a busy machine blurs it
		t.Errorf("set-up and tear-down cost %.2f times those of bubblewrap, %.2f when quiet", ratio, quiet)
	}
}
