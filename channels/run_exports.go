package channels

import (
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
	subdirs map[string]map[string]packages.RunExports // by folder URL, then by file name; nil: has none
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
		if all, err = e.Loader.exportsOf(ctx, folder); err != nil {
			return found, false, fmt.Errorf("run_exports.json of %s: %w", redact(folder), err)
		}
		if e.subdirs == nil {
			e.subdirs = map[string]map[string]packages.RunExports{}
		}
		e.subdirs[folder] = all
	}
	found, ok = all[file]
	return found, ok, nil
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

// exportsOf reads the file of one subdir; a subdir without one gives nil.
func (l *Loader) exportsOf(ctx context.Context, folder string) (map[string]packages.RunExports, error) {
	path, err := l.exportsFile(ctx, folder)
	if errors.Is(err, errAbsent) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxRunExports {
		return nil, fmt.Errorf("it has %d bytes, more than %d", info.Size(), maxRunExports)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseRunExports(data)
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

// parseRunExports reads a run_exports.json.
func parseRunExports(data []byte) (map[string]packages.RunExports, error) {
	type entry struct {
		RunExports packages.RunExports `json:"run_exports"`
	}
	var file struct {
		Packages map[string]entry `json:"packages"`
		Conda    map[string]entry `json:"packages.conda"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	all := make(map[string]packages.RunExports, len(file.Packages)+len(file.Conda))
	for _, part := range []map[string]entry{file.Packages, file.Conda} {
		for name, e := range part {
			all[name] = e.RunExports
		}
	}
	return all, nil
}
