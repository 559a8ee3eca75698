package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"forge/internal/fsx"
)

// tryFull runs spec at full isolation and returns its output and error.
func tryFull(t *testing.T, s Spec) (Result, string, error) {
	t.Helper()
	var out bytes.Buffer
	s.Stdout, s.Stderr = &out, &out
	res, err := Only(Full, time.Now).Run(context.Background(), s)
	return res, out.String(), err
}

// fullScript runs a shell script in a root of /usr, given mounts and nothing else.
func fullScript(t *testing.T, script string, mounts ...Mount) string {
	t.Helper()
	s := contractSpec(t, Full, script)
	s.Mounts = append(s.Mounts[:1], mounts...)
	s.Dir = "/"
	_, out, err := tryFull(t, s)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

func writeTree(t *testing.T, dir string, files ...string) {
	t.Helper()
	for _, f := range files {
		p := filepath.Join(dir, f)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(f+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullRootHoldsNothingElse(t *testing.T) {
	out := fullScript(t, "ls -A /; echo; ls -A /dev; echo; ls -A /tmp /dev/shm")
	want := "bin\ndev\netc\nlib\nlib64\nproc\ntmp\nusr\n\nfd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n\n/dev/shm:\n\n/tmp:\n"
	if out != want {
		t.Errorf("root holds\n%s", out)
	}
}

func TestFullNestedMounts(t *testing.T) {
	a, b, c := t.TempDir(), t.TempDir(), t.TempDir()
	writeTree(t, a, "one", "sub/hidden")
	writeTree(t, b, "two")
	writeTree(t, c, "three")
	out := fullScript(t, `cd /w; find . | sort; cat sub/file; echo x >sub/x && echo wrote; (echo x >one) 2>/dev/null || echo refused
		(echo x >empty/in/x) 2>/dev/null || echo refused; echo y >/deep/in/tmpfs/y; cat /deep/in/tmpfs/y; ls /deep/in; (echo z >/deep/z) 2>/dev/null || echo refused`,
		Mount{a, "/w", false}, Mount{b, "/w/sub", true}, Mount{c + "/three", "/w/sub/file", false},
		Mount{"", "/deep", false}, Mount{"", "/deep/in/tmpfs", true}, Mount{c, "/deep/tree", false})
	want := ".\n./one\n./sub\n./sub/file\n./sub/two\nthree\nwrote\nrefused\nrefused\ny\ntmpfs\nrefused\n"
	if out != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
	// The mount point for the file was made in the writable folder it lies in.
	if fi, err := os.Stat(b + "/file"); err != nil || fi.Size() != 0 {
		t.Errorf("mount point: %v %v", fi, err)
	}
}

// TestFullMountOverMount: what was made for an earlier mount is not taken to be in a later one over it.
func TestFullMountOverMount(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	writeTree(t, b, "file")
	out := fullScript(t, "cd /w; find . | sort", Mount{"", "/w/sub/deep", true}, Mount{a, "/w", true}, Mount{b, "/w/sub/deep", false})
	if out != ".\n./sub\n./sub/deep\n./sub/deep/file\n" {
		t.Errorf("got %s", out)
	}
}

// TestFullPidOne: pid 1 was a copy of the caller, and has forgotten all about it.
func TestFullPidOne(t *testing.T) {
	ballast := bytes.Repeat([]byte("ballast "), 20<<20/8)
	out := fullScript(t, "tr -d '\\0' </proc/1/cmdline; cat /proc/1/comm; grep -E 'Rss(Anon|Shmem)|Threads' /proc/1/status")
	var anon, shmem, threads int
	if n, err := fmt.Sscanf(out, "forge-sandbox\nRssAnon:%d kB\nRssShmem:%d kB\nThreads:%d", &anon, &shmem, &threads); n != 3 || anon > 3000 || threads != 1 {
		t.Errorf("pid 1 is\n%s%v", out, err)
	}
	runtime.KeepAlive(ballast)
}

func TestFullMountRefusals(t *testing.T) {
	a, out := t.TempDir(), t.TempDir()
	writeTree(t, a, "dir/file")
	for _, l := range [][2]string{{out, "abs"}, {"../../../../" + out, "rel"}, {"dir", "in"}} {
		if err := os.Symlink(l[0], filepath.Join(a, l[1])); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		mounts []Mount
		want   string
	}{
		"through an absolute link": {[]Mount{{a, "/w", true}, {"", "/w/abs/x", true}}, "symbolic link stands in the way"},
		"through a climbing link":  {[]Mount{{a, "/w", true}, {a, "/w/rel/x", true}}, "symbolic link stands in the way"},
		"through a tame link":      {[]Mount{{a, "/w", true}, {"", "/w/in/x", true}}, "symbolic link stands in the way"},
		"onto a link":              {[]Mount{{a, "/w", true}, {"", "/w/abs", true}}, "symbolic link stands in the way"},
		"missing in read-only":     {[]Mount{{a, "/w", false}, {"", "/w/none", true}}, "missing in a read-only mount"},
		"folder on file":           {[]Mount{{a, "/w", true}, {a, "/w/dir/file", true}}, "symbolic link stands in the way"},
		"file on folder":           {[]Mount{{a, "/w", true}, {a + "/dir/file", "/w/dir", true}}, "a folder is there"},
	} {
		s := contractSpec(t, Full, "true")
		s.Mounts, s.Dir = append(s.Mounts[:1], c.mounts...), "/"
		_, _, err := tryFull(t, s)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if list, _ := os.ReadDir(out); len(list) > 0 {
		t.Errorf("something was made outside: %v", list)
	}
	s := contractSpec(t, Full, "true")
	s.Mounts = append(s.Mounts, Mount{a, "/w", true})
	s.Files = []File{{"/w/abs/f", "x"}}
	if _, _, err := tryFull(t, s); err == nil {
		t.Error("a file was made through a link")
	}
	s.Files, s.Links = nil, []Link{{"/w/abs/l", "x"}}
	if _, _, err := tryFull(t, s); err == nil {
		t.Error("a link was made through a link")
	}
}

func TestFullLongPaths(t *testing.T) {
	base := t.TempDir()
	long := "/opt/" + strings.Repeat("placeholder_", 20) + "_end" // one path of more than 240 characters
	long += strings.Repeat("x", 255-len(long))
	deep := strings.Repeat("/"+strings.Repeat("d", 200), 10) // and one of 2010
	if err := os.MkdirAll(base+deep, 0o755); err != nil {
		t.Fatal(err)
	}
	out := fullScript(t, "cd "+long+" && pwd >here && cat here && cd "+deep+" && pwd", Mount{base + deep, long, true}, Mount{"", deep, true})
	if out != long+"\n"+deep+"\n" {
		t.Errorf("got %s", out)
	}
}

func TestFullReadOnlyTrees(t *testing.T) {
	dir := t.TempDir()
	writeTree(t, dir, "tree/file", "store/blob")
	if err := os.Link(dir+"/store/blob", dir+"/tree/linked"); err != nil {
		t.Fatal(err)
	}
	os.Chmod(dir+"/store/blob", 0o444)
	os.Chmod(dir+"/tree", 0o555)
	defer os.Chmod(dir+"/tree", 0o755)
	out := fullScript(t, `cd /t; for c in "touch new" "rm -f linked" "chmod 666 linked" "touch -d 2001-01-01 linked" "mv file other" "ln linked l2" "sh -c 'echo >>linked'"; do
		eval "$c" 2>/dev/null && echo "$c worked"; done; cat linked; stat -c %a linked .`, Mount{dir + "/tree", "/t", false})
	if out != "store/blob\n444\n555\n" {
		t.Errorf("got %s", out)
	}
}

func TestFullOwners(t *testing.T) {
	dir := t.TempDir()
	writeTree(t, dir, "mine")
	out := fullScript(t, `cd /w; id -u; id -g; id -G; whoami; stat -c "%u %g" . mine / /tmp; touch new; stat -c %u new; chown 0 mine 2>/dev/null || echo refused; cat /etc/passwd`,
		Mount{dir, "/w", true})
	want := "1000\n1000\n1000\nbuild\n" + strings.Repeat("1000 1000\n", 4) + "1000\nrefused\n" +
		"build:x:1000:1000::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
	if out != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}

func TestFullConstants(t *testing.T) {
	out := fullScript(t, "uname -n; cat /proc/sys/kernel/random/boot_id; grep -c processor /proc/cpuinfo; wc -c </proc/cmdline; ulimit -c; ulimit -s; echo $$; readlink /proc/self/ns/user >/dev/null && echo ns")
	want := "localhost\n00000000-0000-4000-8000-000000000000\n1\n1\n0\n8192\n2\nns\n"
	got := strings.Split(out, "\n")
	if len(got) > 6 {
		got[6] = "2" // the pid of the command is small but not promised
	}
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s", out)
	}
}

func TestFullLoopback(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3")
	}
	out := fullScript(t, `/usr/bin/python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 8000))
c = socket.create_connection(("127.0.0.1", 8000)); c.send(b"hi"); print(s.accept()[0].recv(2).decode())
print([n for _, n in socket.if_nameindex()])
'`)
	if out != "hi\n['lo']\n" {
		t.Skip("python3 does not run from /usr alone: ", out)
	}
}

func TestFullNetwork(t *testing.T) {
	s := contractSpec(t, Full, "readlink /proc/self/ns/net")
	own, _ := os.Readlink("/proc/self/ns/net")
	_, fenced, err := tryFull(t, s)
	if err != nil || fenced == own+"\n" {
		t.Errorf("fenced: %q %v", fenced, err)
	}
	s.Network = true
	res, open, err := tryFull(t, s)
	if err != nil || open != own+"\n" || !res.Network {
		t.Errorf("shared on request: %q %v %+v", open, err, res)
	}
}

// TestFullHandOver is about file systems whose mounts cannot map owners, such as overlayfs.
func TestFullHandOver(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root's trees change hands")
	}
	dir := t.TempDir()
	writeTree(t, dir, "lower/a/b", "upper/x", "work/x", "m/x")
	os.RemoveAll(dir + "/work")
	os.Mkdir(dir+"/work", 0o755)
	m := dir + "/m"
	if err := unix.Mount("overlay", m, "overlay", 0, "lowerdir="+dir+"/lower,upperdir="+dir+"/upper,workdir="+dir+"/work"); err != nil {
		t.Skip("no overlayfs: ", err)
	}
	defer unix.Unmount(m, unix.MNT_DETACH)
	if out := fullScript(t, "cd /w; echo new >n; echo more >>a/b; mkdir d; ln n d/n; stat -c %u . * | sort -u", Mount{m, "/w", true}); out != "1000\n" {
		t.Errorf("inside: %q", out)
	}
	filepath.WalkDir(m, func(p string, d os.DirEntry, _ error) error {
		fi, err := os.Lstat(p)
		if err != nil || fi.Sys().(*syscall.Stat_t).Uid != 0 {
			t.Errorf("%s did not come back: %v", p, err)
		}
		return nil
	})
}

func TestHandOverRefusesSharedFiles(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root's trees change hands")
	}
	dir := t.TempDir()
	writeTree(t, dir, "store/blob", "tree/d/file")
	os.Link(dir+"/tree/d/file", dir+"/tree/twin") // both names inside: fine
	back, err := handOver(dir+"/tree", 0, 0, 12345, 12345)
	if err != nil {
		t.Fatal(err)
	}
	os.Chmod(dir+"/tree/d", 0)
	deep := dir + "/tree/deep"
	os.Mkdir(deep, 0o755)
	fd, _ := unix.Open(deep, unix.O_RDONLY, 0)
	for range 1100 { // far deeper than files may be open, or a path be long
		unix.Mkdirat(fd, "d", 0)
		unix.Fchownat(fd, "d", 12345, 12345, 0)
		next, err := unix.Openat(fd, "d", unix.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		fd = next
	}
	unix.Close(fd)
	os.Symlink(dir+"/store/blob", dir+"/tree/link")
	os.Lchown(dir+"/tree/link", 12345, 12345)
	if err := back(); err != nil {
		t.Error(err)
	}
	for _, p := range []string{"tree", "tree/d", "tree/d/file", "tree/twin", "tree/link", "store/blob"} {
		if fi, err := os.Lstat(filepath.Join(dir, p)); err != nil || fi.Sys().(*syscall.Stat_t).Uid != 0 {
			t.Errorf("%s: %v %v", p, fi, err)
		}
	}
	os.Link(dir+"/store/blob", dir+"/tree/d/shared")
	if _, err := handOver(dir+"/tree", 0, 0, 12345, 12345); err == nil {
		t.Error("a file that the store has, too, changed hands")
	}
}

func TestFullUnavailable(t *testing.T) {
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("needs unshare")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	probe := exec.Command(unshare, "-Ur", "sh", "-c", "echo 0 >/proc/sys/user/max_user_namespaces && exec "+exe+" -test.run='^TestHelperUnavailable$' -test.v")
	probe.Env = []string{"FORGE_TEST_HELPER=1", "PATH=/usr/bin:/bin"}
	out, err := probe.CombinedOutput()
	if err != nil {
		t.Skip("no user namespaces here: ", string(out))
	}
	for _, want := range []string{"isolation full cannot be had here", "no space left on device", "user.max_user_namespaces is 0", "sysctl user.max_user_namespaces", "--isolation landlock"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if !strings.Contains(string(out), "accepting less reached landlock") {
		t.Errorf("accepting less did not help\n%s", out)
	}
}

// TestHelperUnavailable runs where no user namespace can be made.
func TestHelperUnavailable(t *testing.T) {
	if os.Getenv("FORGE_TEST_HELPER") == "" {
		t.Skip("a part of TestFullUnavailable")
	}
	s := contractSpec(t, Landlock, "true")
	_, err := New(time.Now).Run(context.Background(), s)
	t.Log(err)
	s.Level = Landlock
	res, err := New(time.Now).Run(context.Background(), s)
	t.Log("accepting less reached", res.Isolation, err)
}

// TestFullCleaning: what a hostile script leaves can be removed.
func TestFullCleaning(t *testing.T) {
	dir, err := os.MkdirTemp("", "clean")
	if err != nil {
		t.Fatal(err)
	}
	work := dir + "/work"
	if err := os.Mkdir(work, 0o755); err != nil {
		t.Fatal(err)
	}
	out := fullScript(t, `cd /w; mkdir -p a/b/c; touch a/b/c/f; chmod 0 a/b/c a/b a; touch "$(printf 'new\nline')" ./-rf; ln -s / l; mkfifo p
		p=$(printf 'd%.0s/' $(seq 700)); mkdir -p top/$p; for i in 1 2; do mkdir -p next/$p && mv top next/$p && mv next top; done; echo made`, Mount{work, "/w", true})
	if out != "made\n" {
		t.Errorf("made %s", out)
	}
	began := time.Now()
	defer func() { t.Log("removed in", time.Since(began)) }()
	if err := fsx.RemoveAll(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Error("the folder is still there")
	}
}
