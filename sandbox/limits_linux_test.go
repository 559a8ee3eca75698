package sandbox

import (
	"os"
	"strings"
	"testing"
	"time"
)

// together are attacks of several processes none of which goes over the limit alone. each is exit 0 where
// nothing stops them.
func together() map[string]struct {
	script string
	limits Limits
	killed []string // by which limit it may be stopped
} {
	return map[string]struct {
		script string
		limits Limits
		killed []string
	}{
		// tail holds all it read until it can write, and nobody reads before all of them hold.
		"memory": {`for i in 1 2 3 4 5 6 7 8; do head -c 30000000 /dev/zero | tail -c 30000000 | (sleep 2; wc -c) & done >sizes; wait; test $(grep -c 30000000 sizes) = 8`,
			Limits{Memory: 100 << 20}, []string{"memory"}},
		"cpu":        {`for i in 1 2 3 4; do (i=0; while [ $i -lt 700000 ]; do i=$((i+1)); done) & done; wait`, Limits{CPU: time.Second}, []string{"cpu"}},
		"processes":  {`for i in 1 2 3 4 5; do (for k in 1 2 3 4 5 6 7 8; do (sleep 2; echo x >>n) & done; wait) & done; wait; test $(wc -l <n) -ge 40`, Limits{Processes: 20}, []string{"processes"}},
		"fork bomb":  {`f() { f | f & }; f; sleep 30`, Limits{Processes: 50, Wall: 3 * time.Second}, []string{"wall", "processes"}},
		"fork churn": {`f() { (f &) ; (f &) ; }; f; sleep 30`, Limits{Processes: 50, Wall: 3 * time.Second}, []string{"wall", "processes"}},
	}
}

// TestLimitsTogether needs a cgroup. FORGE_WANT_CGROUP names the version that there must be one of.
func TestLimitsTogether(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	for name, c := range together() {
		t.Run(name, func(t *testing.T) {
			s := contractSpec(t, Full, c.script)
			s.Limits = c.limits
			res, out := run(t, Full, s)
			if want := os.Getenv("FORGE_WANT_CGROUP"); want != "" && res.LimitedBy != want {
				t.Errorf("limited by %s (%s), want %s", res.LimitedBy, res.LimitedWhy, want)
			}
			if res.LimitedBy == "rlimit" && c.limits.Wall == 0 {
				if res.LimitedWhy == "" {
					t.Error("nothing says why there is no cgroup")
				}
				t.Skip("for want of a cgroup each process is counted by itself: " + res.LimitedWhy)
			}
			if res.ExitCode == 0 || !strings.Contains(strings.Join(c.killed, " "), res.KilledBy) || res.KilledBy == "" {
				t.Errorf("%+v\n%.300s", res, out)
			}
			nothingLeft(t, s.Dir)
			if c.limits.Wall > 0 || os.Getenv("FORGE_WANT_CGROUP") != "" {
				return // nobody wants to see that without a limit; an emulated machine is slow
			}
			s.Limits = Limits{}
			if res, out = run(t, Full, s); res.ExitCode != 0 {
				t.Errorf("with no limit: %+v\n%.300s", res, out)
			}
		})
	}
}

// TestLimitDisk bounds what all files of the writable folders take together, with a name or without.
func TestLimitDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	levels(t, func(t *testing.T, l Isolation) {
		for name, script := range map[string]string{
			"many files":   `for i in 1 2 3 4 5 6; do head -c 5000000 /dev/zero >f$i; done; sleep 5`,
			"no name":      `exec 3>f; rm f; head -c 30000000 /dev/zero >&3; sleep 5`,
			"at once gone": `for i in 1 2 3 4 5 6; do head -c 5000000 /dev/zero >f$i; done`,
			"in folders":   `mkdir -p a/b/c; chmod 0 a/b; chmod 700 a/b; head -c 30000000 /dev/zero >a/b/c/f; sleep 5`,
		} {
			s := contractSpec(t, l, script)
			s.Limits = Limits{Disk: 10 << 20}
			if res, out := run(t, l, s); res.KilledBy != "disk" || res.ExitCode != 137 || res.Limits.Disk != 10<<20 {
				t.Errorf("%s: %+v\n%s", name, res, out)
			}
			s.Limits.Disk = 100 << 20
			s.Argv[2] = strings.ReplaceAll(script, "sleep 5", "sleep 0.3")
			if res, out := run(t, l, s); res.ExitCode != 0 || res.KilledBy != "" {
				t.Errorf("%s with room: %+v\n%s", name, res, out)
			}
		}
		s := contractSpec(t, l, `truncate -s 1000G sparse; head -c 5000000 /dev/zero >f; ln f g; sleep 0.3`)
		s.Limits = Limits{Disk: 10 << 20}
		if res, out := run(t, l, s); res.ExitCode != 0 {
			t.Errorf("holes and second names were counted: %+v\n%s", res, out)
		}
	})
}
