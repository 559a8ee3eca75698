package store

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"forge/digest"
	"forge/internal/fsx"
)

// ActionID is the key of a build: the digest of its manifest lines.
type ActionID struct{ digest.Digest }

// actionFile frames a result, so that a truncated or edited file is seen as a miss.
type actionFile struct {
	Version int             `json:"version"`
	Key     digest.Digest   `json:"key"`
	Sum     digest.Digest   `json:"sum"`
	Hint    bool            `json:"hint,omitempty"` // see SetHint
	Result  json.RawMessage `json:"result"`
}

// SetResult records the result of an action; result is any value encoding/json takes.
// What it says is on the disk before it has its name, and its name from SyncResults or Close on: a run waits
// once for the names of all its results.
func (s *Store) SetResult(id ActionID, result any) error {
	return s.setResult(id, result, false, func(path string, b []byte, perm fs.FileMode) error {
		s.session.mu.Lock()
		s.session.results = true
		s.session.mu.Unlock()
		var file fsx.Batch
		return file.WriteFile(path, b, perm)
	})
}

// SyncResults waits until the disk has the names of all results that were set.
func (s *Store) SyncResults() error {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	return s.syncResults()
}

// syncResults is SyncResults; the caller holds the session's mu.
func (s *Store) syncResults() error {
	if !s.session.results {
		return nil
	}
	s.session.results = false
	return fsx.SyncDir(s.path("actions"))
}

// SetHint is SetResult without waiting for the disk, for what only helps: after a loss of power it may be
// missing, never wrong.
func (s *Store) SetHint(id ActionID, result any) error {
	return s.setResult(id, result, true, fsx.WriteCache)
}

func (s *Store) setResult(id ActionID, result any, hint bool, write func(string, []byte, fs.FileMode) error) error {
	raw, err := json.Marshal(result)
	if err != nil {
		return err
	}
	b, err := json.Marshal(actionFile{Version: 1, Key: id.Digest, Sum: digest.Of(raw), Hint: hint, Result: raw})
	if err != nil {
		return err
	}
	s.pin(pinAction, id.Digest)
	return write(s.actionPath(id), b, 0o644)
}

// Result reads the result of an action into into; ErrMissing where there is none or it is damaged.
func (s *Store) Result(id ActionID, into any) error {
	s.pin(pinAction, id.Digest)
	b, err := os.ReadFile(s.actionPath(id))
	if err != nil {
		return fmt.Errorf("action %s: %w", id.Short(), ErrMissing)
	}
	var f actionFile
	if json.Unmarshal(b, &f) != nil || f.Version != 1 || f.Key != id.Digest || digest.Of(f.Result) != f.Sum ||
		json.Unmarshal(f.Result, into) != nil {
		os.Remove(s.actionPath(id))
		return fmt.Errorf("action %s: damaged: %w", id.Short(), ErrMissing)
	}
	return nil
}

func (s *Store) actionPath(id ActionID) string {
	return filepath.Join(s.root, "actions", id.Hex()+".json")
}
