package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"forge/digest"
	"forge/internal/fsx"
)

// A session is one process at work in the store: a folder tmp/s-… with a lock that the kernel holds for
// as long as the process lives, its temporary files, and a list of all it has used. Whoever can take the
// lock knows that the process is gone. The list keeps what is in use from being collected, and no clock
// is asked about it.
type session struct {
	mu     sync.Mutex
	dir    string
	unlock func()
	pins   *os.File
	pinned map[string]bool

	results bool // were recorded, and their names may not be on the disk yet
}

const (
	sessionPrefix = "s-"
	deadPrefix    = "dead-"
	lockFile      = "lock"
	pinFile       = "used"
)

// The kinds of pins.
const (
	pinAction = 'a'
	pinTree   = 't'
	pinBlob   = 'b'
)

// join makes this process's session folder on first use and returns it.
func (s *Store) join() (string, error) {
	n := &s.session
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dir != "" {
		return n.dir, nil
	}
	leave, err := s.gate(context.Background())
	if err != nil {
		return "", err
	}
	defer leave()
	dir, err := os.MkdirTemp(s.path("tmp"), sessionPrefix)
	if err != nil {
		return "", err
	}
	unlock, err := fsx.Lock(context.Background(), filepath.Join(dir, lockFile))
	if err != nil {
		return "", errors.Join(err, fsx.RemoveAll(dir))
	}
	pins, err := s.startPins(dir)
	if err != nil {
		unlock()
		return "", errors.Join(err, fsx.RemoveAll(dir))
	}
	n.dir, n.unlock, n.pins, n.pinned = dir, unlock, pins, map[string]bool{}
	return dir, nil
}

// startPins begins the list of a session. Other users of a shared store may read it and its lock, by name, and nothing
// else in the folder: who may not read what is in use would collect it.
func (s *Store) startPins(dir string) (*os.File, error) {
	if err := os.Chmod(dir, 0o711); err != nil {
		return nil, err
	}
	all, err := os.OpenFile(s.pinsLock(), os.O_RDONLY|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	all.Close()
	return os.OpenFile(filepath.Join(dir, pinFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
}

// pinsLock is held by whoever removes what nobody uses while it looks and removes, and shared by those who write into
// their lists: what is pinned and found then stays.
func (s *Store) pinsLock() string { return filepath.Join(s.root, "locks", "pins") }

func (s *Store) sessionDir() string {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	return s.session.dir
}

// gate keeps two processes from making and judging sessions at once.
func (s *Store) gate(ctx context.Context) (leave func(), err error) {
	return fsx.Lock(ctx, filepath.Join(s.root, "locks", "sessions"))
}

func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.root}, parts...)...)
}

// pin notes that this process uses something, before it looks whether it is there. In a store that cannot
// be written to nothing is collected, so a pin that cannot be made does no harm.
func (s *Store) pin(kind byte, d digest.Digest) {
	if _, err := s.join(); err != nil {
		return
	}
	n := &s.session
	line := string(kind) + " " + d.Hex() + "\n"
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.pinned[line] {
		return
	}
	n.pinned[line] = true
	if unlock, err := fsx.LockShared(context.Background(), s.pinsLock()); err == nil {
		defer unlock()
	}
	n.pins.WriteString(line)
}

// TempDir makes a fresh folder of mode 0700 on the store's file system. The caller removes it; what a
// killed process left is removed by Sweep.
func (s *Store) TempDir(prefix string) (string, error) {
	dir, err := s.join()
	if err != nil {
		return "", err
	}
	return os.MkdirTemp(dir, prefix+"-")
}

// tempFile makes a fresh file on the store's file system.
func (s *Store) tempFile() (*os.File, error) {
	dir, err := s.join()
	if err != nil {
		return nil, err
	}
	return os.CreateTemp(dir, fsx.TempPrefix)
}

// Close ends the session and removes its folder. A store may be used again afterwards.
func (s *Store) Close() error {
	n := &s.session
	n.mu.Lock()
	defer n.mu.Unlock()
	late := s.syncResults()
	if n.dir == "" {
		return late
	}
	leave, err := s.gate(context.Background())
	if err != nil {
		return err
	}
	defer leave()
	n.pins.Close()
	s.noteUse(n.dir)
	n.unlock()
	err = errors.Join(late, fsx.RemoveAll(n.dir))
	n.dir, n.pins, n.unlock, n.pinned = "", nil, nil, nil
	return err
}

// Sweep removes what killed processes left in tmp: the folders of sessions whose lock nobody holds, and
// anything else that is older than a day. Other processes may be at work. In a shared store, what another user's
// process left may be that user's alone to remove; it is left, and no error.
func (s *Store) Sweep(ctx context.Context, now time.Time) error {
	own := s.sessionDir()
	entries, err := os.ReadDir(s.path("tmp"))
	if err != nil || len(entries) == 0 {
		return err
	}
	leave, err := s.gate(ctx)
	if err != nil {
		return err
	}
	var dead []string
	for _, e := range entries {
		dir := s.path("tmp", e.Name())
		switch {
		case dir == own:
		case strings.HasPrefix(e.Name(), deadPrefix):
			dead = append(dead, dir)
		case strings.HasPrefix(e.Name(), sessionPrefix):
			if unlock, free := tryLock(filepath.Join(dir, lockFile)); free {
				s.noteUse(dir)
				grave := s.path("tmp", deadPrefix+e.Name())
				unlock()
				if os.Rename(dir, grave) == nil {
					dead = append(dead, grave)
				}
			}
		default:
			if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > 24*time.Hour {
				dead = append(dead, dir)
			}
		}
	}
	leave()
	for _, dir := range dead {
		if e := fsx.RemoveAll(dir); !errors.Is(e, fs.ErrPermission) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// tryLock takes the lock without waiting; another user's, which may not be written to, as one of several.
func tryLock(path string) (unlock func(), free bool) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	unlock, err := fsx.Lock(ctx, path)
	if errors.Is(err, fs.ErrPermission) {
		unlock, err = fsx.LockShared(ctx, path)
	}
	return unlock, err == nil
}

// noteUse carries the pins of an ended session into the times of the entries: when they were last used.
func (s *Store) noteUse(dir string) {
	info, err := os.Stat(filepath.Join(dir, pinFile))
	if err != nil {
		return
	}
	pins, _ := readPins(dir)
	for pin := range pins {
		if pin[0] == pinBlob {
			continue // as old as what it belongs to
		}
		d, err := digest.Parse(pin[2:])
		if err != nil {
			continue
		}
		path := s.actionPath(ActionID{d})
		if pin[0] == pinTree {
			path = s.path("trees", d.Hex())
		}
		if old, err := os.Lstat(path); err == nil && old.ModTime().Before(info.ModTime()) {
			os.Chtimes(path, info.ModTime(), info.ModTime())
		}
	}
}

// readPins reads the list of a session; a line that was cut off is no pin, for what it names was not used yet.
func readPins(dir string) (map[string]bool, error) {
	pins := map[string]bool{}
	f, err := os.Open(filepath.Join(dir, pinFile))
	if err != nil {
		return pins, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if len(lines.Text()) == 2+64 {
			pins[lines.Text()] = true
		}
	}
	return pins, lines.Err()
}

// inUse are the pins of all sessions that live, this one among them, and how many others live.
func (s *Store) inUse(ctx context.Context) (pins map[string]bool, others int, err error) {
	own := s.sessionDir()
	leave, err := s.gate(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer leave()
	entries, err := os.ReadDir(s.path("tmp"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("store: %w", err)
	}
	pins = map[string]bool{}
	for _, e := range entries {
		dir := s.path("tmp", e.Name())
		if !strings.HasPrefix(e.Name(), sessionPrefix) {
			continue
		}
		if dir != own {
			if unlock, free := tryLock(filepath.Join(dir, lockFile)); free {
				unlock()
				continue
			}
			others++
		}
		list, err := readPins(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, 0, fmt.Errorf("see what a process of another user uses in this store: %w; nothing is removed while it runs", err)
		}
		for p := range list {
			pins[p] = true
		}
	}
	return pins, others, nil
}
