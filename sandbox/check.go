package sandbox

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// check refuses what no runner could honour. Everything in a Spec may come from a recipe, so a string
// with a NUL, a target that climbs or a variable without a name stops here and not in the kernel.
func (s Spec) check() error {
	if len(s.Argv) == 0 || s.Argv[0] == "" {
		return errors.New("run in sandbox: no command given")
	}
	for _, a := range s.Argv {
		if strings.IndexByte(a, 0) >= 0 {
			return fmt.Errorf("run in sandbox: argument %q holds a NUL", a)
		}
	}
	for _, e := range s.Env {
		if i := strings.IndexByte(e, '='); i < 1 || strings.IndexByte(e, 0) >= 0 {
			return fmt.Errorf("run in sandbox: environment entry %q is not NAME=value", e)
		}
	}
	if s.UID < 0 || s.GID < 0 {
		return fmt.Errorf("run in sandbox: uid %d, gid %d: must not be negative", s.UID, s.GID)
	}
	if s.Dir != "" {
		if err := checkInside("working folder", s.Dir); err != nil {
			return err
		}
	}
	if strings.ContainsAny(s.Hostname, "\x00/\n ") || len(s.Hostname) > 64 {
		return fmt.Errorf("run in sandbox: host name %q: at most 64 letters, no space, slash or NUL", s.Hostname)
	}
	if strings.ContainsAny(s.User, "\x00:/\n ") {
		return fmt.Errorf("run in sandbox: user name %q: no space, colon, slash or NUL", s.User)
	}
	if err := s.Limits.check(); err != nil {
		return err
	}
	return s.checkTree()
}

func (s Spec) checkTree() error {
	for _, m := range s.Mounts {
		if err := checkInside("mount target", m.Target); err != nil {
			return err
		}
		if m.Source != "" && !filepath.IsAbs(m.Source) {
			return fmt.Errorf("run in sandbox: mount source %q is not an absolute path", m.Source)
		}
		if strings.IndexByte(m.Source, 0) >= 0 {
			return fmt.Errorf("run in sandbox: mount source %q holds a NUL", m.Source)
		}
	}
	for _, l := range s.Links {
		if err := checkInside("link", l.Path); err != nil {
			return err
		}
		if l.Target == "" || strings.IndexByte(l.Target, 0) >= 0 {
			return fmt.Errorf("run in sandbox: link %s to %q: no target", l.Path, l.Target)
		}
	}
	for _, f := range s.Files {
		if err := checkInside("file", f.Path); err != nil {
			return err
		}
	}
	if s.Level == "" {
		return nil
	}
	if _, err := ParseIsolation(string(s.Level)); err != nil {
		return fmt.Errorf("run in sandbox: %w", err)
	}
	return nil
}

// checkInside wants an absolute, clean path below the root: /a/b, never /, /a/../b or a/b.
func checkInside(what, p string) error {
	posix := strings.HasPrefix(p, "/") && path.Clean(p) == p && (p != "/" || what == "working folder")
	native := filepath.IsAbs(p) && filepath.Clean(p) == p && p != "/" // C:\a on Windows
	if !posix && !native || strings.IndexByte(p, 0) >= 0 {
		return fmt.Errorf("run in sandbox: %s %q is not a clean absolute path below /", what, p)
	}
	return nil
}

func (l Limits) check() error {
	for name, v := range map[string]int64{"memory": l.Memory, "processes": l.Processes, "cpu": int64(l.CPU),
		"file size": l.FileSize, "disk": l.Disk, "open files": l.OpenFiles, "wall": int64(l.Wall), "log": l.Log} {
		if v < 0 {
			return fmt.Errorf("run in sandbox: limit on %s is negative", name)
		}
	}
	if l.OpenFiles > 0 && l.OpenFiles < 16 {
		return fmt.Errorf("run in sandbox: %d open files are too few to start a program (at least 16)", l.OpenFiles)
	}
	return nil
}
