package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func traced(t *testing.T, script string) (*Trace, string) {
	t.Helper()
	s := contractSpec(t, Full, script)
	s.Env = append(s.Env, fmt.Sprint("OPENAT=", unix.SYS_OPENAT))
	if err := os.WriteFile(filepath.Join(s.Dir, "input"), []byte("text\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.Trace = true
	res, out := run(t, Full, s)
	if res.ExitCode != 0 || res.Trace == nil {
		t.Fatalf("%+v\n%s", res, out)
	}
	return res.Trace, s.Dir
}

func TestTraceNamesWhatWasUsed(t *testing.T) {
	tr, dir := traced(t, `cat input >copy; test -e /opt/none || cd /usr && ls ../nowhere 2>/dev/null; /bin/true; ./bin/ldd --version >/dev/null; test -r ./bin/cat; exec 9</dev/null`)
	for _, want := range []struct {
		list []string
		path string
	}{
		{tr.Opened, dir + "/input"},       // relative to the working folder
		{tr.Opened, "/usr/bin/cat"},       // found in PATH
		{tr.Opened, "/usr/bin/true"},      // through the link /bin
		{tr.Executed, "/usr/bin/true"},    //
		{tr.Executed, "/usr/bin/bash"},    // only the first line of ldd names it
		{tr.Executed, "/usr/bin/ls"},      //
		{tr.Absent, "/opt/none"},          // looked at
		{tr.Absent, "/nowhere"},           // relative to a folder entered meanwhile
		{tr.Opened, "/dev/null"},          //
		{tr.Absent, "/etc/ld.so.preload"}, // the loader's own
	} {
		if !slices.Contains(want.list, want.path) {
			t.Errorf("%s is not in %v", want.path, want.list)
		}
	}
	if slices.Contains(tr.Opened, dir+"/copy") {
		t.Errorf("what is only written is no input")
	}
	if tr.Lost != 0 {
		t.Errorf("%d names were lost", tr.Lost)
	}
}

// Many processes at once lose no name, and the command waits for none of its orphans.
func TestTraceUnderLoad(t *testing.T) {
	tr, _ := traced(t, `for i in 1 2 3 4 5 6 7 8; do (for j in 1 2 3 4 5 6 7 8 9 10; do test -e /none/$i/$j; /bin/true; done) & done; wait; (sleep 60 &)`)
	found := 0
	for _, p := range tr.Absent {
		if strings.HasPrefix(p, "/none/") {
			found++
		}
	}
	if found != 80 || tr.Lost != 0 {
		t.Errorf("%d of 80 names, %d lost", found, tr.Lost)
	}
}

// A name that cannot be read is counted, and the call gets its own answer.
func TestTraceHostileNames(t *testing.T) {
	tr, _ := traced(t, `perl -e 'my $l = "x" x 5000; my $r = "rel"; syscall('"$OPENAT"', -100, 1, 0); syscall('"$OPENAT"', -100, $l, 0); syscall('"$OPENAT"', 77, $r, 0)'; test -e "$(printf 'new\nline')" || true`)
	if tr.Lost != 3 {
		t.Errorf("%d names were lost, want 3", tr.Lost)
	}
	if !slices.ContainsFunc(tr.Absent, func(p string) bool { return strings.HasSuffix(p, "/new\nline") }) {
		t.Errorf("a name with a newline is not in %q", tr.Absent)
	}
}

// A trace is refused where it cannot be made.
func TestTraceLowerLevels(t *testing.T) {
	for _, l := range []Isolation{Landlock, None} {
		s := contractSpec(t, l, "true")
		s.Trace = true
		if _, err := Only(l, nil).Run(t.Context(), s); err == nil || !strings.Contains(err.Error(), "isolation full only") {
			t.Errorf("%s: %v", l, err)
		}
	}
}
