package channels

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"forge/internal/fsx"
	"forge/packages"

	"github.com/klauspost/compress/zstd"
)

// The files of an indexed channel.
const (
	repodataFile   = "repodata.json"
	runExportsFile = "run_exports.json"
	cacheFile      = ".forge-index.json"
	lockFile       = ".forge-index.lock"
	// NoArch is the subdir that every channel has.
	NoArch = "noarch"
)

// extensions are those of the packages a channel indexes; the key is where repodata lists them.
var extensions = map[string]string{".tar.bz2": "packages", ".conda": "packages.conda"}

// OpenFunc opens a package file for reading; packages.Format has one for each kind.
type OpenFunc func(path string) (packages.Package, error)

// IndexFolder writes repodata.json, repodata.json.zst (CEP 16's input, conda's JLAP-less form) and
// run_exports.json (CEP 12) into each subdir of the channel in dir: those that hold packages or were
// indexed before, noarch, and the ones named. The bytes are a function of the packages, and a file whose
// bytes would not change is left alone. Any number of processes may do this at once.
// A package that cannot be read, or that lies under another name than its index.json gives it, is an
// error, and then nothing is written for its subdir.
func IndexFolder(ctx context.Context, dir string, open OpenFunc, subdirs ...string) error {
	if err := fsx.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("index the channel: %w", err)
	}
	unlock, err := fsx.Lock(ctx, filepath.Join(dir, lockFile))
	if err != nil {
		return fmt.Errorf("index the channel %s: %w", dir, err)
	}
	defer unlock()
	return indexLocked(ctx, dir, open, subdirs)
}

func indexLocked(ctx context.Context, dir string, open OpenFunc, subdirs []string) error {
	cache := readCache(filepath.Join(dir, cacheFile))
	names, err := channelSubdirs(dir, subdirs)
	if err != nil {
		return fmt.Errorf("index the channel: %w", err)
	}
	var failed error
	w := &indexFiles{}
	defer w.close()
	for _, subdir := range names {
		if err := indexSubdir(ctx, dir, subdir, open, cache, w); err != nil {
			failed = errors.Join(failed, fmt.Errorf("index the channel %s: %w", dir, err))
		}
	}
	return errors.Join(failed, w.done(), cache.write())
}

// channelSubdirs lists the subdirs to index, sorted.
func channelSubdirs(dir string, named []string) ([]string, error) {
	set := map[string]bool{NoArch: true}
	for _, n := range named {
		set[n] = true
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		files, err := packageFiles(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		_, err = os.Lstat(filepath.Join(dir, e.Name(), repodataFile))
		if len(files) > 0 || err == nil {
			set[e.Name()] = true
		}
	}
	return slices.Sorted(maps.Keys(set)), nil
}

// packageFiles lists the packages in a folder, sorted; none where there is no folder.
func packageFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if ext := extension(e.Name()); ext != "" && e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, err
}

func extension(name string) string {
	for ext := range extensions {
		if strings.HasSuffix(name, ext) {
			return ext
		}
	}
	return ""
}

func indexSubdir(ctx context.Context, dir, subdir string, open OpenFunc, cache *indexCache, w *indexFiles) error {
	folder := filepath.Join(dir, subdir)
	if err := w.files.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	files, err := packageFiles(folder)
	if err != nil {
		return err
	}
	index := newSubdirIndex(subdir)
	var failed error
	before := cache.read
	for _, name := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		entry, err := cache.entry(subdir, name, folder, open)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", filepath.Join(subdir, name), err))
			continue
		}
		index.add(name, entry)
	}
	if failed != nil {
		return failed
	}
	if cache.read != before {
		w.first = append(w.first, dir, folder)
	}
	cache.keep(subdir, files)
	return index.write(folder, w)
}

// subdirIndex collects the entries of both index files.
type subdirIndex struct {
	subdir              string
	records, runExports map[string]map[string]json.RawMessage // section → file name → entry
}

func newSubdirIndex(subdir string) *subdirIndex {
	x := &subdirIndex{subdir, map[string]map[string]json.RawMessage{}, map[string]map[string]json.RawMessage{}}
	for _, section := range extensions {
		x.records[section], x.runExports[section] = map[string]json.RawMessage{}, map[string]json.RawMessage{}
	}
	return x
}

func (x *subdirIndex) add(name string, e *cacheEntry) {
	section := extensions[extension(name)]
	x.records[section][name] = e.Record
	x.runExports[section][name] = e.RunExports
}

func (x *subdirIndex) write(folder string, w *indexFiles) error {
	var repodata, exports bytes.Buffer
	repodata.WriteString("{\n\"info\":" + encodeLine(map[string]string{"subdir": x.subdir}) + ",\n")
	writeSections(&repodata, x.records)
	repodata.WriteString("\"removed\":[],\n\"repodata_version\":1\n}\n")

	exports.WriteString("{\n\"info\":" + encodeLine(map[string]any{"subdir": x.subdir, "version": 1}) + ",\n")
	writeSections(&exports, x.runExports)
	text := bytes.TrimSuffix(exports.Bytes(), []byte(",\n"))

	// They come into their places in this order: who finds a package in repodata.json finds its run_exports, too.
	return errors.Join(
		w.changed(filepath.Join(folder, runExportsFile), append(text, "\n}\n"...)),
		w.changed(filepath.Join(folder, repodataFile), repodata.Bytes()),
		w.packed(filepath.Join(folder, repodataFile+".zst"), repodata.Bytes()),
	)
}

// writeSections writes one line a package, so that a person can read a difference of two indexes.
func writeSections(out *bytes.Buffer, sections map[string]map[string]json.RawMessage) {
	for _, section := range slices.Sorted(maps.Keys(sections)) {
		out.WriteString(encodeLine(section) + ":{")
		names := slices.Collect(maps.Keys(sections[section]))
		sort.Strings(names)
		for i, name := range names {
			if i > 0 {
				out.WriteByte(',')
			}
			out.WriteString("\n" + encodeLine(name) + ":")
			out.Write(sections[section][name])
		}
		if len(names) > 0 {
			out.WriteByte('\n')
		}
		out.WriteString("},\n")
	}
}

func encodeLine(v any) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return "null" // cannot be: nothing comes here that JSON cannot say
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// indexFiles writes the files of an index.
type indexFiles struct {
	files fsx.Batch
	first []string      // folders whose packages are to be there for good before an index names them
	small *zstd.Encoder // for all that is small
	tiny  *zstd.Encoder
}

// done puts all files into their places. Packages are there for good before an index names them, and with them
// their folders.
func (w *indexFiles) done() error {
	slices.Sort(w.first)
	for _, dir := range slices.Compact(w.first) {
		if err := fsx.SyncDir(dir); err != nil {
			return err
		}
	}
	return w.files.Done()
}

// packed stages the compressed file unless it holds data already: packing costs much more than
// looking.
func (w *indexFiles) packed(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && holds(old, data) {
		return nil
	}
	packed, err := w.compress(data)
	if err != nil {
		return err
	}
	return w.files.StageFile(path, packed, 0o644)
}

func holds(packed, data []byte) bool {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(len(data))+1<<20))
	if err != nil {
		return false
	}
	defer dec.Close()
	plain, err := dec.DecodeAll(packed, nil)
	return err == nil && bytes.Equal(plain, data)
}

// compress is zstd (RFC 8878) on one thread, so that the bytes do not depend on the machine. The tables of the
// better levels are dearer than what they find in little data.
func (w *indexFiles) compress(data []byte) ([]byte, error) {
	const little, least = 64 << 10, 16 << 10
	var keep *zstd.Encoder // not: its tables are large
	at, level := &keep, zstd.SpeedBestCompression
	switch {
	case len(data) <= least:
		at, level = &w.tiny, zstd.SpeedFastest
	case len(data) < little:
		at, level = &w.small, zstd.SpeedDefault
	}
	if *at == nil {
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(level))
		if err != nil {
			return nil, err
		}
		*at = enc
	}
	return (*at).EncodeAll(data, nil), nil
}

func (w *indexFiles) close() {
	w.files.Drop()
	for _, enc := range []*zstd.Encoder{w.small, w.tiny} {
		if enc != nil {
			enc.Close()
		}
	}
}

// changed stages the file if its bytes would change.
func (w *indexFiles) changed(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return w.files.StageFile(path, data, 0o644)
}
