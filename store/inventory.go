package store

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"sync"
	"time"

	"forge/digest"
)

// StoredResult is one recorded result, as the store has it.
type StoredResult struct {
	ID   ActionID
	Used time.Time // the last use that is known
	Size int64     // of the record itself
	Raw  json.RawMessage
}

// Results lists the recorded results, the least recently used first; damaged ones are left out.
func (s *Store) Results() ([]StoredResult, error) {
	entries, err := os.ReadDir(s.path("actions"))
	if err != nil {
		return nil, err
	}
	var list []StoredResult
	for _, e := range entries {
		id, raw, info, err := s.readResult(e.Name())
		if err == nil {
			list = append(list, StoredResult{ID: id, Used: info.ModTime(), Size: info.Size(), Raw: raw})
		}
	}
	sort.Slice(list, func(i, j int) bool {
		if !list[i].Used.Equal(list[j].Used) {
			return list[i].Used.Before(list[j].Used)
		}
		return list[i].ID.Hex() < list[j].ID.Hex()
	})
	return list, nil
}

var errDamaged = errors.New("damaged")

// readResult reads actions/name without counting it as used.
func (s *Store) readResult(name string) (id ActionID, raw json.RawMessage, info fs.FileInfo, err error) {
	path := s.path("actions", name)
	if info, err = os.Lstat(path); err != nil {
		return id, nil, nil, err
	}
	if id.Digest, err = digest.Parse(strings.TrimSuffix(name, ".json")); err != nil {
		return id, nil, info, errDamaged
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return id, nil, info, err
	}
	raw, ok := parseResult(id, b)
	if !ok {
		return id, nil, info, errDamaged
	}
	return id, raw, info, nil
}

// parseResult reads the framed result of id; false where it is damaged.
func parseResult(id ActionID, b []byte) (json.RawMessage, bool) {
	var f actionFile
	if json.Unmarshal(b, &f) != nil || f.Version != 1 || f.Key != id.Digest || digest.Of(f.Result) != f.Sum {
		return nil, false
	}
	return f.Result, true
}

var digestPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[0-9a-f]{64}`) })

// Usage is how much of the disk a part of the store takes; a file that has several names counts once, in
// the first part that has it.
type Usage struct {
	Part  string `json:"part"`
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
}

// Usage measures the store.
func (s *Store) Usage() ([]Usage, error) {
	seen := map[uint64]bool{}
	var list []Usage
	for _, part := range []string{"cas", "trees", "actions", "sources", "runs", "channels", "tmp", "locks", "logs"} {
		u := Usage{Part: part}
		err := filepath.WalkDir(s.path(part), func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return ignoreGone(err)
			}
			info, err := d.Info()
			if err != nil {
				return ignoreGone(err)
			}
			if n := inodeOf(info); n == 0 || !seen[n] {
				seen[n] = true
				u.Bytes += info.Size()
			}
			u.Files++
			return nil
		})
		if err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, nil
}

// ignoreGone: others may remove files while they are listed.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
