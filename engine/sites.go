package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"forge/internal/fsx"
)

// sites are folders of finished builds and tests that are as if made anew. To hand them on is cheaper than to remove
// and make them: on ext4 without a journal each new file costs more the more were removed in the last minute (it gives
// no inode away again for that long, and looks at each of those first), and a run of small packages removes little else.
type sites struct {
	mu   sync.Mutex
	free []*site
}

func (s *sites) take() (used *site, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.free)
	if n == 0 {
		return nil, false
	}
	used, s.free = s.free[n-1], s.free[:n-1]
	return used, true
}

// leave clears what a build left behind. Its folder is kept for another one if it can be told that nobody will see
// the difference from a new one; else it is removed.
func (r *runner) leave(old *site) error {
	if old.fresh == nil || old.clear(r.tools.Now()) != nil {
		return old.remove()
	}
	r.sites.mu.Lock()
	defer r.sites.mu.Unlock()
	r.sites.free = append(r.sites.free, old)
	return nil
}

// statesOf are the states of new folders; nil where that cannot be told.
func statesOf(folders []string) (list []folderState) {
	for _, dir := range folders {
		state, err := stateOf(dir)
		if err != nil {
			return nil
		}
		list = append(list, state)
	}
	return list
}

var errUsed = errors.New("the folder is not as if made anew")

// clear makes the site as it was when it was made, or fails.
func (s *site) clear(now time.Time) error {
	if err := clearFolder(s.dir, s.folders()); err != nil {
		return err
	}
	for i, dir := range s.folders() {
		if err := clearFolder(dir, nil); err != nil {
			return err
		}
		state, err := stateOf(dir)
		if err != nil {
			return err
		}
		if state != s.fresh[i] {
			return errUsed
		}
		if err := os.Chtimes(dir, now, now); err != nil {
			return err
		}
	}
	return nil
}

// clearFolder removes all in dir but the folders to keep.
func clearFolder(dir string, keep []string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	kept := 0
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() && slices.Contains(keep, path) {
			kept++
			continue
		}
		if err := fsx.RemoveAll(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if kept != len(keep) {
		return errUsed
	}
	return nil
}
