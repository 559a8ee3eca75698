package channels

import (
	"net/url"
	"path/filepath"
	"strings"

	"forge/internal/fsx"
)

// Watched lists the paths on which it depends what a channel that is a folder offers in the given subdirs:
// folders, and files that are there or may come. ok is false for a channel on a server, and for one whose
// address is no folder of this machine.
func Watched(channel string, subdirs []string) (paths []string, ok bool) {
	dir := strings.TrimRight(channel, "/")
	if rest, is := strings.CutPrefix(dir, "file://"); is {
		path, err := url.PathUnescape(rest)
		if err != nil {
			return nil, false
		}
		dir = filepath.FromSlash(path)
	} else if strings.Contains(dir, "://") {
		return nil, false
	}
	paths = append(paths, dir)
	for _, subdir := range subdirs {
		at := filepath.Join(dir, subdir)
		paths = append(paths, at)
		for _, file := range []string{repodataFile, repodataFile + ".zst", runExportsFile} {
			paths = append(paths, filepath.Join(at, file))
		}
	}
	return paths, true
}

// PackageStamps are the stamps of the packages in a subdir of a channel that is a folder, by path.
func PackageStamps(dir, subdir string) (map[string]fsx.Stamp, error) {
	folder := filepath.Join(dir, subdir)
	names, err := packageFiles(folder)
	if err != nil {
		return nil, err
	}
	stamps := make(map[string]fsx.Stamp, len(names))
	for _, name := range names {
		path := filepath.Join(folder, name)
		if stamps[path], err = fsx.StampOf(path, false); err != nil {
			return nil, err
		}
	}
	return stamps, nil
}
