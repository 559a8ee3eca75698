package sources

import (
	"encoding/json"
	"os"
	"path/filepath"

	"forge/digest"
	"forge/internal/fsx"
)

// record is what the store remembers of something fetched, so that it need not be fetched again.
type record struct {
	Files  []File        `json:"files,omitempty"`
	Epoch  int64         `json:"epoch,omitempty"`
	Commit string        `json:"commit,omitempty"`
	Tree   digest.Digest `json:"tree,omitzero"`
}

// framed keeps a truncated or edited record from being believed.
type framed struct {
	Version int             `json:"version"`
	Key     string          `json:"key"`
	Sum     digest.Digest   `json:"sum"`
	Record  json.RawMessage `json:"record"`
}

const recordVersion = 1

func (g *Getter) recordPath(key string) string {
	return filepath.Join(g.Store.Root(), "sources", digest.Of([]byte(key)).Hex()+".json")
}

// remember files r under key; key is any text that names what was asked for.
func (g *Getter) remember(key string, r record) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	b, err := json.Marshal(framed{recordVersion, key, digest.Of(raw), raw})
	if err != nil {
		return err
	}
	return fsx.WriteFile(g.recordPath(key), b, 0o644)
}

// recall returns the record of key if it is whole and the store has all its files.
func (g *Getter) recall(key string) (record, bool) {
	var (
		f framed
		r record
	)
	b, err := os.ReadFile(g.recordPath(key))
	if err != nil || json.Unmarshal(b, &f) != nil || f.Version != recordVersion || f.Key != key ||
		digest.Of(f.Record) != f.Sum || json.Unmarshal(f.Record, &r) != nil {
		return record{}, false
	}
	for _, file := range r.Files {
		if !g.has(file) {
			return record{}, false
		}
	}
	return r, true
}

// has reports whether the store holds file, whole as far as its size tells. Unpack reads and hashes it.
func (g *Getter) has(file File) bool {
	info, err := os.Lstat(g.Store.Path(file.Digest, false))
	return err == nil && info.Mode().IsRegular() && info.Size() == file.Size
}
