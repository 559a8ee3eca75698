package store

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestRoomOnAFullDisk: a collection that cannot even begin gives up what is missed least, and nothing that a process
// at work uses.
func TestRoomOnAFullDisk(t *testing.T) {
	ctx := context.Background()
	count := func(t *testing.T, s *Store, part string) int {
		t.Helper()
		entries, err := os.ReadDir(s.path(part))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	fill := func(t *testing.T) *Store {
		t.Helper()
		s, err := Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		for part, n := range map[string]int{"runs": 2, "actions": 20} {
			for i := range n {
				if err := os.WriteFile(s.path(part, string(rune('a'+i))), []byte("{}"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		return s
	}
	for _, c := range []struct {
		name          string
		fails         int // times
		other, dry    bool
		runs, actions int // left
		good          bool
	}{
		{"room enough", 0, false, false, 2, 20, true},
		{"records of runs do", 1, false, false, 0, 20, true},
		{"old results do", 3, false, false, 0, 4, true},
		{"somebody is at work", 3, true, false, 0, 20, false},
		{"nothing is to be removed", 1, false, true, 2, 20, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := fill(t)
			if c.other {
				busy, err := Open(s.Root())
				if err != nil {
					t.Fatal(err)
				}
				defer busy.Close()
				if _, err := busy.TempDir("x"); err != nil {
					t.Fatal(err)
				}
			}
			left := c.fails
			err := s.withRoom(ctx, Limits{MaxSize: -1, Now: time.Unix(1795676689, 0), DryRun: c.dry}, func() error {
				if left--; left >= 0 {
					return &os.PathError{Op: "mkdir", Path: "x", Err: syscall.ENOSPC}
				}
				if c.other {
					return syscall.ENOSPC
				}
				return nil
			})
			if (err == nil) != c.good || count(t, s, "runs") != c.runs || count(t, s, "actions") != c.actions {
				t.Errorf("%v, %d runs and %d results left; want %d and %d", err, count(t, s, "runs"), count(t, s, "actions"), c.runs, c.actions)
			}
		})
	}
}
