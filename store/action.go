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
func (s *Store) SetResult(id ActionID, result any) error {
	return s.setResult(id, result, false, fsx.WriteFile)
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
