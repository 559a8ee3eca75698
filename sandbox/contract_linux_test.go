package sandbox

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// levels runs f for each runner there is. Each must honour the same contract.
func levels(t *testing.T, f func(t *testing.T, l Isolation)) {
	for _, l := range []Isolation{Full, Landlock, None} {
		t.Run(string(l), func(t *testing.T) { f(t, l) })
	}
}

// contractSpec is a shell that every level can run: with a writable folder, the same inside and out.
func contractSpec(t *testing.T, l Isolation, script string) Spec {
	dir := t.TempDir()
	s := Spec{Argv: []string{"/bin/sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}, Dir: dir, UID: 1000, GID: 1000, User: "build"}
	s.Mounts = []Mount{{"/usr", "/usr", false}, {dir, dir, true}}
	if l == Full {
		s.Links = []Link{{"/bin", "usr/bin"}, {"/lib", "usr/lib"}, {"/lib64", "usr/lib64"}}
	} else {
		s.Mounts = append(s.Mounts, Mount{"/etc/ld.so.cache", "/etc/ld.so.cache", false})
	}
	return s
}

func run(t *testing.T, l Isolation, s Spec) (Result, string) {
	t.Helper()
	var out bytes.Buffer
	if s.Stdout == nil {
		s.Stdout, s.Stderr = &out, &out
	}
	res, err := Only(l, time.Now).Run(context.Background(), s)
	if err != nil {
		t.Fatalf("run: %v\n%s", err, out.String())
	}
	if res.Isolation != l {
		t.Fatalf("isolation %q reached, want %q", res.Isolation, l)
	}
	return res, out.String()
}

func TestContractExit(t *testing.T) {
	levels(t, func(t *testing.T, l Isolation) {
		for script, want := range map[string]int{"true": 0, "exit 3": 3, "kill -TERM $$": 143, "kill -KILL $$": 137} {
			if res, out := run(t, l, contractSpec(t, l, script)); res.ExitCode != want || res.KilledBy != "" {
				t.Errorf("%s: %+v, want exit %d\n%s", script, res, want, out)
			}
		}
	})
}

func TestContractEnvironment(t *testing.T) {
	t.Setenv("SECRET_TOKEN", "hush")
	levels(t, func(t *testing.T, l Isolation) {
		s := contractSpec(t, l, "")
		s.Argv = []string{"env"} // found by the PATH inside
		s.Env = append(s.Env, "A=b c", "EMPTY=")
		if _, out := run(t, l, s); out != "PATH=/usr/bin:/bin\nA=b c\nEMPTY=\n" {
			t.Errorf("environment is\n%s", out)
		}
	})
}

func TestContractStreams(t *testing.T) {
	levels(t, func(t *testing.T, l Isolation) {
		s := contractSpec(t, l, "cat; echo err >&2; pwd; umask")
		var out, errs bytes.Buffer
		s.Stdin, s.Stdout, s.Stderr = strings.NewReader("in\n"), &out, &errs
		run(t, l, s)
		if want := "in\n" + s.Dir + "\n0022\n"; out.String() != want || errs.String() != "err\n" {
			t.Errorf("stdout %q, stderr %q, want %q and err", out.String(), errs.String(), want)
		}
		s = contractSpec(t, l, "readlink /proc/self/fd/0; ls /proc/self/fd | wc -l")
		if _, got := run(t, l, s); got != "/dev/null\n4\n" { // 0 1 2 and the folder that ls reads
			t.Errorf("stdin and number of files: %q", got)
		}
	})
}

func TestContractWrites(t *testing.T) {
	levels(t, func(t *testing.T, l Isolation) {
		s := contractSpec(t, l, "echo hello >file; mkdir d; ln -s file d/link; touch /usr/x 2>/dev/null || echo refused")
		if l == None && os.Geteuid() == 0 {
			s.Argv[2] = "echo hello >file; mkdir d; ln -s file d/link; echo refused"
		}
		_, out := run(t, l, s)
		if out != "refused\n" {
			t.Errorf("out %q", out)
		}
		b, err := os.ReadFile(filepath.Join(s.Dir, "file"))
		if err != nil || string(b) != "hello\n" {
			t.Errorf("file: %q %v", b, err)
		}
		for _, n := range []string{"file", "d", "d/link"} {
			fi, err := os.Lstat(filepath.Join(s.Dir, n))
			if err != nil {
				t.Fatal(err)
			}
			if uid := fi.Sys().(*syscall.Stat_t).Uid; int(uid) != os.Geteuid() {
				t.Errorf("%s belongs to %d after the run, want the caller %d", n, uid, os.Geteuid())
			}
		}
	})
}

func TestContractCancel(t *testing.T) {
	levels(t, func(t *testing.T, l Isolation) {
		ctx, cancel := context.WithCancel(context.Background())
		s := contractSpec(t, l, "trap '' TERM INT; sleep 1000 & setsid sleep 1000 & while :; do :; done")
		time.AfterFunc(200*time.Millisecond, cancel)
		began := time.Now()
		_, err := Only(l, time.Now).Run(ctx, s)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want canceled", err)
		}
		// Usually a tenth of a second; the machine may be busy, and the sleeps would last a quarter of an hour.
		if d := time.Since(began); d > 10*time.Second {
			t.Errorf("took %v to stop", d)
		}
		nothingLeft(t, s.Dir)
	})
}

// nothingLeft fails if some process still works in dir.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	cwds, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, p := range cwds {
		if at, err := os.Readlink(p); err == nil && strings.HasPrefix(at, dir) {
			t.Errorf("%s is left in %s", p, at)
		}
	}
}

func TestContractNothingStays(t *testing.T) {
	levels(t, func(t *testing.T, l Isolation) {
		s := contractSpec(t, l, "(setsid sleep 1000 >/dev/null 2>&1 &) ; (trap '' TERM HUP; setsid sh -c 'while :; do sleep 0.01; done' & ) ; exit 4")
		began := time.Now()
		if res, _ := run(t, l, s); res.ExitCode != 4 {
			t.Errorf("exit %d", res.ExitCode)
		}
		if d := time.Since(began); d > 10*time.Second {
			t.Errorf("took %v", d)
		}
		nothingLeft(t, s.Dir)
	})
}

func TestContractLimits(t *testing.T) {
	levels(t, func(t *testing.T, l Isolation) {
		for _, c := range []struct {
			script string
			limits Limits
			killed string
			exit   int
		}{
			{"sleep 100", Limits{Wall: 200 * time.Millisecond}, "wall", 137},
			{"yes", Limits{Log: 100_000}, "log", 137},
			{"while :; do :; done", Limits{CPU: time.Second}, "cpu", 152},
			{"head -c 2000000 /dev/zero >big", Limits{FileSize: 1_000_000}, "file_size", 153},
			{"ulimit -n", Limits{OpenFiles: 100}, "", 0},
		} {
			s := contractSpec(t, l, c.script)
			s.Limits = c.limits
			res, out := run(t, l, s)
			if res.KilledBy != c.killed || res.ExitCode != c.exit || res.Limits != c.limits {
				t.Errorf("%s under %+v: %+v", c.script, c.limits, res)
			}
			if c.limits.Log > 0 && int64(len(out)) != c.limits.Log {
				t.Errorf("%d bytes of log, want %d", len(out), c.limits.Log)
			}
		}
	})
}

func TestContractMemory(t *testing.T) {
	levels(t, func(t *testing.T, l Isolation) {
		s := contractSpec(t, l, "head -c 300M /dev/zero | tail -c 299M | wc -c")
		s.Limits.Memory = 100 << 20
		res, out := run(t, l, s)
		if strings.Contains(out, strconv.Itoa(299<<20)) {
			t.Errorf("300 MB were held under a limit of 100 MB: %+v\n%s", res, out)
		}
		if res.LimitedBy == "" {
			t.Error("nothing says who limits")
		}
		t.Logf("%+v %s", res, out)
	})
}

func TestContractProcesses(t *testing.T) {
	levels(t, func(t *testing.T, l Isolation) {
		s := contractSpec(t, l, "i=0; while [ $i -lt 60 ]; do sleep 30 & i=$((i+1)); done; echo all")
		s.Limits.Processes = 20
		res, out := run(t, l, s)
		if res.LimitedBy == "rlimit" && os.Geteuid() == 0 && l != Full {
			t.Skip("root is not bound by RLIMIT_NPROC")
		}
		if strings.Contains(out, "all") && res.LimitedBy != "rlimit" || res.LimitedBy == "rlimit" && l == Full && strings.HasSuffix(out, "all\n") {
			t.Errorf("60 processes under a limit of 20: %+v\n%s", res, out)
		}
		nothingLeft(t, s.Dir)
	})
}

func TestContractUsage(t *testing.T) {
	levels(t, func(t *testing.T, l Isolation) {
		res, _ := run(t, l, contractSpec(t, l, "(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done); head -c 50M /dev/zero | tail -c 49M >/dev/null"))
		if res.Wall <= 0 || res.CPU < 20*time.Millisecond || res.PeakRSS < 40<<20 {
			t.Errorf("usage %+v", res)
		}
	})
}

// TestContractMeasure: the memory of all processes together is told and kept, what they share counted once.
func TestContractMeasure(t *testing.T) {
	levels(t, func(t *testing.T, l Isolation) {
		// Each tail holds 30 MB until it can write; then one with 60 MB is forked three times.
		s := contractSpec(t, l, "for i in 1 2 3; do head -c 30000000 /dev/zero | tail -c 30000000 | (sleep 2; wc -c) & done; wait; v=$(head -c 60000000 /dev/zero | tr '\\0' x); (sleep 1; :) & (sleep 1; :) & (sleep 1; :) & wait")
		told := int64(0)
		s.Measure = func(memory int64) { told = max(told, memory) }
		res, out := run(t, l, s)
		if told < 80e6 || told > 190e6 || res.PeakRSS < told {
			t.Errorf("three processes of 30 MB, then four that share 60 MB: told %d bytes, kept %d\n%s", told, res.PeakRSS, out)
		}
	})
}

func TestContractRefuses(t *testing.T) {
	levels(t, func(t *testing.T, l Isolation) {
		for name, change := range map[string]func(*Spec){
			"no command":          func(s *Spec) { s.Argv = nil },
			"no such program":     func(s *Spec) { s.Argv = []string{"no-such-program"} },
			"no such file":        func(s *Spec) { s.Argv = []string{"/usr/no-such-file"} },
			"NUL in argument":     func(s *Spec) { s.Argv = append(s.Argv, "a\x00b") },
			"variable unnamed":    func(s *Spec) { s.Env = []string{"=x"} },
			"no such folder":      func(s *Spec) { s.Dir = "/usr/none" },
			"no such source":      func(s *Spec) { s.Mounts = append(s.Mounts, Mount{"/no/such", "/no/such", false}) },
			"target climbs":       func(s *Spec) { s.Mounts = append(s.Mounts, Mount{"/usr", "/../usr", false}) },
			"relative target":     func(s *Spec) { s.Mounts = append(s.Mounts, Mount{"/usr", "usr", false}) },
			"over the root":       func(s *Spec) { s.Mounts = append(s.Mounts, Mount{"/usr", "/", false}) },
			"negative limit":      func(s *Spec) { s.Limits.CPU = -1 },
			"unknown level":       func(s *Spec) { s.Level = "loose" },
			"host name of slash":  func(s *Spec) { s.Hostname = "a/b" },
			"user name of colons": func(s *Spec) { s.User = "a:0:0" },
		} {
			if l == None && name == "no such source" {
				continue
			}
			s := contractSpec(t, l, "touch ran")
			change(&s)
			_, err := Only(l, time.Now).Run(context.Background(), s)
			if err == nil {
				t.Errorf("%s: ran", name)
				continue
			}
			var u *UnavailableError
			if errors.As(err, &u) {
				t.Errorf("%s: said to be the machine's fault: %v", name, err)
			}
			t.Logf("%s: %v", name, err)
		}
	})
}

func TestContractSideBySide(t *testing.T) {
	levels(t, func(t *testing.T, l Isolation) {
		r := Only(l, time.Now)
		var g sync.WaitGroup
		for i := range 8 {
			s := contractSpec(t, l, "echo "+strconv.Itoa(i)+" >own; sleep 0.05; cat own; exit "+strconv.Itoa(i))
			g.Go(func() {
				var out bytes.Buffer
				s.Stdout = &out
				res, err := r.Run(context.Background(), s)
				if err != nil || res.ExitCode != i || out.String() != strconv.Itoa(i)+"\n" {
					t.Errorf("run %d: %+v %v %q", i, res, err, out.String())
				}
			})
		}
		g.Wait()
	})
}

// TestAsUser runs the tests of this package again as somebody who is not root.
func TestAsUser(t *testing.T) {
	const uid = 64321
	again(t, uid, "^Test(Contract|Full|Attack|Kill)", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}})
}

// TestAsContainerRoot runs some as the root of a container without privileges: root that may map ids and
// mount, but not map the owners of what the machine's root has mounted.
func TestAsContainerRoot(t *testing.T) {
	const first = 1000000
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: first, Size: 65536}}
	again(t, first, "^TestContract(Exit|Writes|NothingStays)|^TestFull(Owners|NestedMounts|ReadOnly)", &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS, UidMappings: ids, GidMappings: ids, GidMappingsEnableSetgroups: true,
		Credential: &syscall.Credential{},
	})
}

// again runs tests in a process with other rights, in a folder that belongs to uid.
func again(t *testing.T, uid int, tests string, attr *syscall.SysProcAttr) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become others")
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "forge-user-*")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	exe := filepath.Join(dir, "test")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(exe, self, 0o755), os.Mkdir(dir+"/tmp", 0o700), os.Chown(dir+"/tmp", uid, uid)); err != nil {
		t.Fatal(err)
	}
	args := []string{"-test.v", "-test.run=" + tests}
	if testing.Short() {
		args = append(args, "-test.short")
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + dir + "/tmp", "TMPDIR=" + dir + "/tmp"}
	cmd.Dir, cmd.SysProcAttr = dir+"/tmp", attr
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("as uid %d: %v\n%s", uid, err, out)
	}
	if n := bytes.Count(out, []byte("--- PASS")); n == 0 {
		t.Errorf("nothing passed as uid %d:\n%s", uid, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "--- SKIP") || strings.Contains(line, " working control") {
			t.Log(strings.TrimSpace(line))
		}
	}
}
