package sandbox

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// TestAttacks tries them all: none may succeed inside, and nearly all must succeed outside.
func TestAttacks(t *testing.T) {
	if testing.Short() {
		t.Skip("takes most of a minute")
	}
	scratch := auditFolder(t)
	total, worked, last := 0, 0, time.Now()
	err := Audit(context.Background(), time.Now, scratch, Attacks(), func(f Finding) {
		total++
		if d := time.Since(last); d > time.Second {
			t.Logf("%s took %v", f.Attack.Name, d)
		}
		last = time.Now()
		if f.Works {
			worked++
		}
		switch {
		case !f.Held:
			t.Errorf("%s BROKE OUT: %s\n\t%s", f.Attack.Name, f.Inside, f.Attack.Script)
		case !f.Works:
			t.Logf("%-28s held (%s); control %s", f.Attack.Name, f.Inside, f.Control)
		case testing.Verbose():
			t.Logf("%-28s held (%s)", f.Attack.Name, f.Inside)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d attacks, %d with a working control", total, worked)
	if worked < 100 {
		t.Errorf("only %d attacks work outside the sandbox", worked)
	}
}

func auditFolder(t *testing.T) string {
	dir := t.TempDir()
	if len(dir) > 80 { // a socket's address is short
		var err error
		if dir, err = os.MkdirTemp("", "a"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
	}
	return dir
}

func TestAttackNames(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range Attacks() {
		if seen[a.Name] || !strings.Contains(a.Name, "/") || strings.Contains(a.Script, "\n") {
			t.Errorf("%s: listed twice, without a group, or longer than a line", a.Name)
		}
		seen[a.Name] = true
	}
}
