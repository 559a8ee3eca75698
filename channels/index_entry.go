package channels

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"forge/internal/fsx"
)

// cacheVersion changes when entries get another shape.
const cacheVersion = 1

// indexCache keeps what was read of the packages of a channel. It spares reading them; what it says is
// believed only of a file that is the very same by inode, size and both times.
type indexCache struct {
	path    string
	written time.Time // when the file was
	dirty   bool
	read    int // packages

	Version int                               `json:"version"`
	Entries map[string]map[string]*cacheEntry `json:"entries"` // subdir → file name → entry
}

type cacheEntry struct {
	Stat       string          `json:"stat"`
	Record     json.RawMessage `json:"record"`      // as it stands in repodata.json
	RunExports json.RawMessage `json:"run_exports"` // as it stands in run_exports.json
}

func readCache(path string) *indexCache {
	c := &indexCache{path: path}
	info, err := os.Stat(path)
	if err == nil {
		var data []byte
		if data, err = os.ReadFile(path); err == nil {
			err = json.Unmarshal(data, c)
		}
		c.written = info.ModTime()
	}
	if err != nil || c.Version != cacheVersion || c.Entries == nil {
		c.Version, c.Entries = cacheVersion, map[string]map[string]*cacheEntry{}
	}
	return c
}

// write does not wait for the disk: what is lost with its power is read again.
func (c *indexCache) write() error {
	if !c.dirty {
		return nil
	}
	// encodeLine, not json.Marshal: that would spell "<" in the records anew.
	return fsx.WriteCache(c.path, []byte(encodeLine(c)), 0o644)
}

// keep forgets the files of subdir that are gone.
func (c *indexCache) keep(subdir string, files []string) {
	for name := range c.Entries[subdir] {
		if !slices.Contains(files, name) {
			delete(c.Entries[subdir], name)
			c.dirty = true
		}
	}
}

// settle is how much older than the cache a file must be: times have a grain, and a file written again
// within it would look the same.
const settle = time.Second

// entry is that of one package, from the cache or read anew.
func (c *indexCache) entry(subdir, name, folder string, open OpenFunc) (*cacheEntry, error) {
	path := filepath.Join(folder, name)
	for range 5 {
		info, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		stat, changed := fileStat(info)
		old := c.Entries[subdir][name]
		if old != nil && stat != "" && old.Stat == stat && changed.Add(settle).Before(c.written) {
			return old, nil
		}
		entry, err := readEntry(subdir, name, path, open)
		if err != nil {
			return nil, err
		}
		after, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		if again, _ := fileStat(after); again != stat || after.Size() != info.Size() || !after.ModTime().Equal(info.ModTime()) {
			continue // it was replaced while it was read
		}
		entry.Stat = stat
		if c.Entries[subdir] == nil {
			c.Entries[subdir] = map[string]*cacheEntry{}
		}
		c.Entries[subdir][name], c.dirty = entry, true
		c.read++
		return entry, nil
	}
	return nil, errors.New("it changes all the time")
}

// readEntry reads one package. Its index.json is taken over whole, with md5, sha256 and size of the
// archive put in, as conda-index does.
func readEntry(subdir, name, path string, open OpenFunc) (*cacheEntry, error) {
	fields, exports, err := readPackage(path, open)
	if err != nil {
		return nil, err
	}
	if err := checkIdentity(fields, subdir, name); err != nil {
		return nil, err
	}
	if err := addSums(fields, path); err != nil {
		return nil, err
	}
	record := encodeLine(fields)
	return &cacheEntry{Record: json.RawMessage(record), RunExports: json.RawMessage(encodeLine(map[string]json.RawMessage{"run_exports": exports}))}, nil
}

func readPackage(path string, open OpenFunc) (fields map[string]json.RawMessage, exports json.RawMessage, err error) {
	pkg, err := open(path)
	if err != nil {
		return nil, nil, err
	}
	defer pkg.Close()
	raw, err := pkg.Info("index.json")
	if err != nil {
		return nil, nil, fmt.Errorf("read its index.json: %w", err)
	}
	if fields, err = objectFields(raw); err != nil {
		return nil, nil, fmt.Errorf("read its index.json: %w", err)
	}
	run, err := pkg.RunExports()
	if err != nil {
		return nil, nil, fmt.Errorf("read its run_exports: %w", err)
	}
	return fields, json.RawMessage(encodeLine(run)), nil
}

// objectFields reads a JSON object; a key given twice is an error, for two readers may differ on it.
func objectFields(raw []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	fields := map[string]json.RawMessage{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, _ := t.(string)
		if _, twice := fields[key]; twice {
			return nil, fmt.Errorf("the key %q is given twice", key)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		fields[key] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("data follows the JSON object")
	}
	return fields, nil
}

// checkIdentity wants the package to say that it is what its path says.
func checkIdentity(fields map[string]json.RawMessage, subdir, file string) error {
	var id struct {
		Name, Version, Build, Subdir string
		Number                       int
		Depends, Constrains          []string
	}
	for _, f := range []struct {
		key  string
		into any
		must bool
	}{
		{"name", &id.Name, true}, {"version", &id.Version, true}, {"build", &id.Build, true}, {"build_number", &id.Number, true},
		{"subdir", &id.Subdir, false}, {"depends", &id.Depends, false}, {"constrains", &id.Constrains, false},
	} {
		raw, there := fields[f.key]
		if !there && f.must {
			return fmt.Errorf("its index.json has no %s", f.key)
		}
		if there && json.Unmarshal(raw, f.into) != nil {
			return fmt.Errorf("its index.json has a %s of the wrong kind", f.key)
		}
	}
	if want := id.Name + "-" + id.Version + "-" + id.Build; strings.TrimSuffix(file, extension(file)) != want {
		return fmt.Errorf("its index.json names it %q", want)
	}
	if id.Subdir != "" && id.Subdir != subdir {
		return fmt.Errorf("its index.json places it in %q", id.Subdir)
	}
	if id.Subdir == "" {
		fields["subdir"] = json.RawMessage(encodeLine(subdir))
	}
	if _, there := fields["depends"]; !there {
		fields["depends"] = json.RawMessage("[]")
	}
	return nil
}

// addSums puts in the digests and size of the archive, over whatever the archive says of itself.
func addSums(fields map[string]json.RawMessage, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sha, md := sha256.New(), md5.New()
	size, err := io.Copy(io.MultiWriter(sha, md), f)
	if err != nil {
		return err
	}
	fields["sha256"] = json.RawMessage(encodeLine(hex.EncodeToString(sha.Sum(nil))))
	fields["md5"] = json.RawMessage(encodeLine(hex.EncodeToString(md.Sum(nil))))
	fields["size"] = json.RawMessage(fmt.Sprint(size))
	return nil
}
