package sandbox

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestGroup2 works on a folder that looks like cgroup version 2, which not every machine has.
func TestGroup2(t *testing.T) {
	for name, c := range map[string]struct {
		own, parent, control string // our group; the folder where a group is expected; its subtree_control
	}{
		"systemd user": {"/user.slice/app.slice/term.scope", "/user.slice/app.slice", "cpu memory pids"},
		"at the top":   {"/init.scope", "", "memory pids"},
		"enabling":     {"/system.slice/forge.service", "/system.slice", ""},
	} {
		root := t.TempDir()
		writeTree(t, root, "self")
		os.WriteFile(root+"/self", []byte("0::"+c.own+"\n"), 0o644)
		dir := filepath.Join(root, "cg", c.parent)
		os.MkdirAll(dir, 0o755)
		os.WriteFile(dir+"/cgroup.subtree_control", []byte(c.control+"\n"), 0o644)
		dead := filepath.Join(dir, groupPrefix+"999999999-1")
		os.Mkdir(dead, 0o755)
		g, err := newGroupAt(root+"/cg", root+"/self", Limits{Memory: 1 << 20, Processes: 10})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if g.kind() != "cgroup2" || filepath.Dir(g.dirs[""]) != dir {
			t.Errorf("%s: %s in %v", name, g.kind(), g.dirs)
		}
		for file, want := range map[string]string{"memory.max": "1048576", "memory.swap.max": "0", "pids.max": strconv.Itoa(10 + keeperTasks)} {
			if b, _ := os.ReadFile(filepath.Join(g.dirs[""], file)); string(b) != want {
				t.Errorf("%s: %s is %q, want %s", name, file, b, want)
			}
		}
		if b, _ := os.ReadFile(dir + "/cgroup.subtree_control"); c.control == "" && string(b) != "+memory +pids" {
			t.Errorf("%s: subtree_control is %q", name, b)
		}
		if _, err := os.Stat(dead); err == nil {
			t.Errorf("%s: a dead runner's group is still there", name)
		}
		os.WriteFile(filepath.Join(g.dirs[""], "memory.events"), []byte("low 0\noom 3\noom_kill 1\n"), 0o644)
		os.WriteFile(filepath.Join(g.dirs[""], "pids.events"), []byte("max 2\n"), 0o644)
		os.WriteFile(filepath.Join(g.dirs[""], "cpu.stat"), []byte("usage_usec 1500000\nuser_usec 1\n"), 0o644)
		if !g.oomKilled() || !g.forksRefused() || g.cpu().Milliseconds() != 1500 {
			t.Errorf("%s: events are not read: %v %v %v", name, g.oomKilled(), g.forksRefused(), g.cpu())
		}
	}
}

func TestGroupNone(t *testing.T) {
	root := t.TempDir()
	os.WriteFile(root+"/self", []byte("0::/a/b\n"), 0o644)
	if g, err := newGroupAt(root+"/cg", root+"/self", Limits{Memory: 1}); err == nil {
		t.Errorf("a group where there is no cgroup: %v", g.dirs)
	}
	var none *group
	none.remove()
	if none.kind() != "" || none.oomKilled() || none.forksRefused() || none.cpu() != 0 || none.add(1) != nil {
		t.Error("no group is not nothing")
	}
}

// TestGroupGone: no group is left after a run, where one was made.
func TestGroupGone(t *testing.T) {
	s := contractSpec(t, Full, "true")
	s.Limits.Memory, s.Limits.Processes = 1<<30, 100
	res, _ := run(t, Full, s)
	if !strings.HasPrefix(res.LimitedBy, "cgroup") {
		t.Skip("limited by " + res.LimitedBy)
	}
	filepath.WalkDir("/sys/fs/cgroup", func(p string, d os.DirEntry, err error) error {
		if strings.HasPrefix(filepath.Base(p), groupPrefix+strconv.Itoa(os.Getpid())+"-") {
			t.Errorf("%s is left", p)
		}
		return nil
	})
}
