package channels

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"forge/packages"
)

// ExportReader answers what packages export to those built with them, from the run_exports.json that
// channels keep beside their repodata (CEP 12), so that no archive is fetched to know. It is safe for
// use by several goroutines.
type ExportReader struct {
	Loader *Loader

	mu      sync.Mutex
	subdirs map[string]*exportsFile // by folder URL; nil: has none
}

// exportsFile is a run_exports.json, indexed as repodata is: of conda-forge's 60 MB a plan reads a few lines.
type exportsFile struct {
	index *nameIndex
	text  *os.File // closed when nobody holds it any more
}

// Lookup returns the run_exports of r. ok is false where its channel does not say: the archive has them.
func (e *ExportReader) Lookup(ctx context.Context, r *packages.Record) (found packages.RunExports, ok bool, err error) {
	folder, file, cut := cutLast(r.URL)
	if !cut {
		return found, false, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	all, known := e.subdirs[folder]
	if !known {
		all, err = e.Loader.exportsOf(ctx, folder)
	}
	if err == nil {
		if e.subdirs == nil {
			e.subdirs = map[string]*exportsFile{}
		}
		e.subdirs[folder] = all
		found, ok, err = all.of(file)
	}
	if err != nil {
		return found, false, fmt.Errorf("run_exports.json of %s: %w", redact(folder), err)
	}
	return found, ok, nil
}

// of reads the entry of one package file.
func (x *exportsFile) of(file string) (found packages.RunExports, ok bool, err error) {
	name := nameOfFile(file)
	if x == nil || name == "" {
		return found, false, nil
	}
	for _, e := range x.index.find(name) {
		entry := make([]byte, e.length)
		if n, err := x.text.ReadAt(entry, int64(e.offset)); n < len(entry) {
			return found, false, fmt.Errorf("the file was changed while it was read: %w", err)
		}
		value, is := bytes.CutPrefix(entry, []byte(`"`+file+`"`))
		if !is {
			continue
		}
		var said struct {
			RunExports packages.RunExports `json:"run_exports"`
		}
		err := json.Unmarshal(bytes.TrimLeft(value, ": \t\r\n"), &said)
		return said.RunExports, err == nil, err
	}
	return found, false, nil
}

// nameOfFile is the package's name in NAME-VERSION-BUILD.EXT, empty where it is none.
func nameOfFile(file string) string {
	if i := strings.LastIndexByte(file, '-'); i > 0 {
		if i = strings.LastIndexByte(file[:i], '-'); i > 0 {
			return file[:i]
		}
	}
	return ""
}

func cutLast(address string) (folder, file string, ok bool) {
	i := strings.LastIndexByte(address, '/')
	if i < 0 {
		return "", "", false
	}
	return address[:i], address[i+1:], true
}

// maxRunExports bounds the file; conda-forge's largest is about 60 MB.
const maxRunExports = 512 << 20

// exportsOf opens the file of one subdir; a subdir without one gives nil.
func (l *Loader) exportsOf(ctx context.Context, folder string) (*exportsFile, error) {
	path, err := l.exportsFile(ctx, folder)
	if errors.Is(err, errAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > maxRunExports {
		err = fmt.Errorf("it has %d bytes, more than %d", info.Size(), maxRunExports)
	}
	var identity string
	if err == nil {
		identity, _, err = identify(f)
	}
	x := &exportsFile{text: f}
	if err == nil {
		x.index, err = l.indexOf(f, info.Size(), identity, path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return x, nil
}

func (l *Loader) exportsFile(ctx context.Context, folder string) (string, error) {
	address := folder + "/" + runExportsFile
	if path, ok := localPath(address); ok {
		return path, nil
	}
	if l.CacheDir == "" {
		return "", errAbsent
	}
	if l.Offline {
		if path := l.cachePath(address, ".json"); exists(path) {
			return path, nil
		}
		return "", errAbsent
	}
	path, err := l.fetch(ctx, address, []string{address + ".zst", address})
	return filepath.Clean(path), err
}
