package sandbox

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAttackWalls leaves walls down and sees the attacks they are for come through: so it is the wall
// that holds, and not a mistake in the attack. Where two walls stand behind each other, each holds alone.
func TestAttackWalls(t *testing.T) {
	if testing.Short() {
		t.Skip("tries thirty attacks")
	}
	all := Attacks()
	scratch := auditFolder(t)
	shown := map[wall]bool{}
	// What root made is not the build's, whose uid is nobody's; an ordinary user's is, but for the wall.
	ordinary := os.Geteuid() != 0
	scoped := landlockABI() >= 6
	cases := []struct {
		attack  string
		without []wall
		breaks  bool
	}{
		{"setid/openat", []wall{wallFilter}, true},
		{"setid/chmod-program", []wall{wallFilter}, true},
		{"setid/int80", []wall{wallFilter}, true},
		{"setid/setxattrat", []wall{wallFilter}, true},
		{"network/vsock", []wall{wallFilter}, true},
		{"network/io-uring", []wall{wallFilter}, true},
		{"network/netfilter", []wall{wallFilter}, true},
		{"processes/terminal-input", []wall{wallFilter}, true},
		{"kernel/keyring-add", []wall{wallFilter}, true},
		{"kernel/userfaultfd", []wall{wallFilter}, true},
		{"files/whiteout", []wall{wallFilter}, true},
		{"namespaces/user", []wall{wallFilter}, false},
		{"namespaces/user", []wall{wallNesting}, false},
		{"namespaces/user", []wall{wallFilter, wallNesting}, true},
		{"namespaces/user-clone3", []wall{wallFilter, wallNesting}, true},
		{"mounts/nested-sandbox", []wall{wallFilter, wallNesting}, true},
		{"mounts/tmpfs", []wall{wallFilter}, false},
		{"mounts/tmpfs", []wall{wallPower}, false},
		{"mounts/tmpfs", []wall{wallFilter, wallPower}, true},
		{"mounts/unmount", []wall{wallFilter, wallPower}, true},
		// The keeper has capabilities the command has not, which keeps it from being traced as well.
		{"pid1/memory", []wall{wallHidden}, false},
		{"pid1/memory", []wall{wallPower}, false},
		{"pid1/memory", []wall{wallHidden, wallPower}, true},
		{"pid1/environ", []wall{wallHidden, wallPower}, true},
		{"pid1/steal-descriptor", []wall{wallHidden, wallPower}, false},
		{"pid1/steal-descriptor", []wall{wallHidden, wallPower, wallFilter}, true},
		{"files/leaked-descriptor", []wall{wallFiles}, true},
		{"network/tcp", []wall{wallNetwork}, true},
		{"network/udp", []wall{wallNetwork}, true},
		{"network/abstract-socket", []wall{wallNetwork}, !scoped},
		{"network/abstract-socket", []wall{wallNetwork, wallAbstract}, true},
		{"network/metadata", []wall{wallNetwork}, true},
		{"processes/shared-memory", []wall{wallIPC}, ordinary},
		{"processes/message-queue", []wall{wallIPC}, ordinary},
		{"processes/ipc-table", []wall{wallIPC}, true},
		{"read-only/append", []wall{wallReadOnly}, true},
		{"read-only/create", []wall{wallReadOnly}, true},
		{"leaks/cpu", []wall{wallFacts}, true},
		{"leaks/boot-id", []wall{wallFacts}, true},
		{"shared/lease", []wall{wallFilter}, true},
		{"shared/lease-own", []wall{wallFilter}, true},
		{"shared/aio", []wall{wallFilter}, true},
		{"shared/inotify", []wall{wallCounts}, true},
		{"shared/cgroup-path", []wall{wallGroup}, true},
		{"shared/interrupts", []wall{wallFacts}, true},
		{"processes/core-handler", []wall{wallFilter}, true},
		{"processes/core-handler-other", []wall{wallFilter}, true},
		{"processes/core-handler-high", []wall{wallFilter}, true},
		{"shared/huge-pages", []wall{wallFilter}, true},
		{"shared/huge-pages-mapped", []wall{wallFilter}, true},
		{"network/urgent-data", []wall{wallFilter}, true},
		{"network/urgent-message", []wall{wallFilter}, true},
		{"kernel/clock-adjust", []wall{wallFilter}, true},
		{"leaks/disks", []wall{wallFacts}, true},
		{"leaks/soft-interrupts", []wall{wallFacts}, true},
		{"leaks/buses", []wall{wallFacts}, true},
		{"leaks/file-systems", []wall{wallFacts}, true},
		{"leaks/pressure", []wall{wallFacts}, true},
		{"shared/pressure-trigger", []wall{wallFacts}, true},
		{"pid1/scheduler", []wall{wallFilter}, false},
		{"pid1/scheduler", []wall{wallPower}, false},
		{"pid1/scheduler", []wall{wallFilter, wallPower}, true},
		{"pid1/affinity", []wall{wallFilter}, false},
		{"pid1/affinity", []wall{wallPower}, false},
		{"pid1/affinity", []wall{wallFilter, wallPower}, true},
		{"pid1/nice-user", []wall{wallFilter}, false},
		{"pid1/nice-user", []wall{wallPower}, false},
		{"pid1/nice-user", []wall{wallFilter, wallPower}, true},
		{"pid1/io-class", []wall{wallFilter}, false},
		{"pid1/io-class", []wall{wallPower}, false},
		{"pid1/io-class", []wall{wallFilter, wallPower}, true},
		{"network/mptcp", []wall{wallFilter}, true},
		{"network/udplite", []wall{wallFilter}, true},
		{"descriptors/abstract-socket", []wall{wallNetwork}, !scoped},
		{"descriptors/abstract-socket", []wall{wallNetwork, wallAbstract}, true},
		{"setid/traced-call", []wall{wallFilter}, true},
		{"mounts/pick", []wall{wallFilter}, false},
		{"mounts/pick", []wall{wallFilter, wallPower}, true},
		{"namespaces/time-offset", []wall{wallPower}, false},
		{"read-only/flags", []wall{wallReadOnly}, true},
		{"read-only/socket", []wall{wallReadOnly}, true},
		{"read-only/proc-root", []wall{wallReadOnly}, true},
	}
	for _, c := range cases {
		i := slices.IndexFunc(all, func(a Attack) bool { return a.Name == c.attack })
		if i < 0 {
			t.Fatalf("no attack %s", c.attack)
		}
		a := &auditor{runner: &runner{now: time.Now, only: Full, host: host{without: c.without}}, scratch: scratch}
		err := a.audit(context.Background(), all[i:i+1], func(f Finding) {
			switch {
			case !f.Works:
				t.Logf("%s: its control does not work here: %s", c.attack, f.Control)
			case f.Held == c.breaks:
				t.Errorf("%s without %v: held is %v (%s)", c.attack, c.without, f.Held, f.Inside)
			case c.breaks:
				for _, w := range c.without {
					shown[w] = true
				}
			}
		})
		if err != nil {
			t.Errorf("%s without %v: %v", c.attack, c.without, err)
		}
	}
	for _, w := range walls() {
		if !shown[w] {
			t.Errorf("no attack was seen to come through without %q", w)
		}
	}
}

// TestAttackLimits takes away the limit that an attack is for, and sees it get what it wants.
func TestAttackLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	var list []Attack
	for _, a := range Attacks() {
		if a.Limits != (Limits{}) {
			a.Limits = Limits{}
			list = append(list, a)
		}
	}
	if len(list) < 10 {
		t.Fatalf("only %d attacks are held by a limit", len(list))
	}
	a := &auditor{runner: &runner{now: time.Now, only: Full}, scratch: auditFolder(t), only: true}
	err := a.audit(context.Background(), list, func(f Finding) {
		switch {
		case f.Held && strings.HasSuffix(f.Inside, "killed by wall"): // the limit that all have, on a busy machine
			t.Logf("%s did not come to its end", f.Attack.Name)
		case f.Held:
			t.Errorf("%s is held without its limit: %s", f.Attack.Name, f.Inside)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// walls lists all that can be left down.
func walls() []wall {
	return []wall{wallFilter, wallPower, wallHidden, wallNesting, wallFiles, wallNetwork, wallIPC, wallReadOnly, wallFacts, wallCounts, wallGroup, wallAbstract}
}
