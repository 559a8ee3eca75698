package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A folder that was built in is handed on only where nobody can tell it from a new one.
func TestSitesAreAsNew(t *testing.T) {
	many := func(dir string) error { // a folder of ext4 does not shrink again
		for i := range 100 {
			if err := os.Symlink("x", filepath.Join(dir, strings.Repeat("n", 200)+strconv.Itoa(i))); err != nil {
				return err
			}
		}
		return nil
	}
	for _, tt := range []struct {
		name   string
		build  func(s *site) error
		handed bool
	}{
		{"nothing", func(*site) error { return nil }, true},
		{"files", func(s *site) error {
			return errors.Join(os.WriteFile(s.work+"/a", []byte("a"), 0o444), os.WriteFile(s.dir+"/p.conda", nil, 0o644))
		}, true},
		{"folders", func(s *site) error {
			return errors.Join(os.MkdirAll(s.prefix+"/lib/deep", 0o755), os.Chmod(s.prefix+"/lib", 0), os.Mkdir(s.extra, 0o755))
		}, true},
		{"link out", func(s *site) error { return os.Symlink("/usr", s.build+"/usr") }, true},
		{"mode", func(s *site) error { return os.Chmod(s.work, 0o700) }, false},
		{"setgid", func(s *site) error { return os.Chmod(s.work, 0o755|os.ModeSetgid) }, false},
		{"closed", func(s *site) error { return os.Chmod(s.prefix, 0) }, false},
		{"gone", func(s *site) error { return os.Remove(s.build) }, false},
		{"link instead", func(s *site) error { return errors.Join(os.Remove(s.build), os.Symlink(s.work, s.build)) }, false},
		{"file instead", func(s *site) error { return errors.Join(os.Remove(s.build), os.WriteFile(s.build, nil, 0o644)) }, false},
		{"attribute", func(s *site) error { return unix.Setxattr(s.work, "user.left", []byte("x"), 0) }, false},
		{"flag", func(s *site) error { return setFlag(s.work, 0x40) }, false}, // FS_NODUMP_FL
		{"large", func(s *site) error { return many(s.work) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := makeSite(t.TempDir(), "full", insideLayout())
			if err != nil {
				t.Fatal(err)
			}
			s.fresh = statesOf(s.folders())
			if err := tt.build(s); errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOTTY) {
				t.Skip("not on this file system: ", err)
			} else if err != nil {
				t.Fatal(err)
			}
			before, err := stateOf(s.work)
			r := &runner{tools: Tools{Now: time.Now}}
			if err := r.leave(s); err != nil {
				t.Fatal(err)
			}
			used, handed := r.sites.take()
			if tt.name == "large" && err == nil && before.size == s.fresh[0].size {
				tt.handed = true // a file system whose folders do not grow, or shrink again
			}
			if handed != tt.handed {
				t.Fatalf("handed on: %v, want %v", handed, tt.handed)
			}
			if !handed {
				if _, err := os.Lstat(s.dir); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("it was not removed: %v", err)
				}
				return
			}
			var all []string
			filepath.WalkDir(used.dir, func(path string, _ os.DirEntry, err error) error {
				all = append(all, path)
				return err
			})
			if len(all) != 4 {
				t.Errorf("left: %v", all)
			}
		})
	}
}

func setFlag(path string, flag int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		return err
	}
	return unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags|flag)
}
