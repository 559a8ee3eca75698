package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"forge/packages"
)

// install links the packages of env into dir, as they would be at prefix inside. Where two of them hold a path with
// another content each, the later one's is there, as with conda, and say tells of it.
func (r *runner) install(ctx context.Context, env Environment, built map[*Action]*Built, dir, prefix string, say func(format string, args ...any)) error {
	python := ""
	if rec := env.find("python"); rec != nil {
		python = majorMinor(rec.Version)
	}
	var laid []laidOut
	for _, rec := range env.Records {
		if rec.Channel == packages.ChannelExternal {
			continue
		}
		var lost []string
		paths, err := r.installOne(ctx, rec, built, dir, prefix, python, func(path string) error {
			lost = append(lost, path)
			return nil
		})
		if err != nil {
			return fmt.Errorf("install %s: %w", rec, err)
		}
		sayClobbered(rec, lost, laid, say)
		laid = append(laid, laidOut{rec, paths})
	}
	return nil
}

// laidOut is what a package has put into an environment, sorted.
type laidOut struct {
	of    *packages.Record
	paths []string
}

// sayClobbered says once for each earlier package what of it a later one took the place of.
func sayClobbered(rec *packages.Record, lost []string, before []laidOut, say func(format string, args ...any)) {
	for _, b := range slices.Backward(before) {
		var of []string
		lost = slices.DeleteFunc(lost, func(path string) bool {
			_, found := slices.BinarySearch(b.paths, path)
			if found {
				of = append(of, path)
			}
			return found
		})
		if len(of) > 0 {
			say("%s takes the place of files of %s with another content: %s", rec, b.of, strings.Join(sorted(of), ", "))
		}
	}
	if len(lost) > 0 {
		say("%s takes the place of what was there with another content: %s", rec, strings.Join(sorted(lost), ", "))
	}
}

func (r *runner) installOne(ctx context.Context, rec *packages.Record, built map[*Action]*Built, dir, prefix, python string, clobber func(string) error) ([]string, error) {
	pkg, err := r.openRecord(rec, built)
	if err != nil {
		return nil, err
	}
	defer pkg.Close()
	return pkg.Unpack(ctx, dir, prefix, python, clobber)
}

// openRecord opens the package of a record.
func (r *runner) openRecord(rec *packages.Record, built map[*Action]*Built) (packages.Package, error) {
	path, name, err := r.archiveOf(rec, built)
	if err != nil {
		return nil, err
	}
	format, err := r.formatOf(name)
	if err != nil {
		return nil, err
	}
	return format.Open(path)
}

// archiveOf is the local file of a record and the name that tells its format.
func (r *runner) archiveOf(rec *packages.Record, built map[*Action]*Built) (path, name string, err error) {
	if rec.Channel != packages.ChannelPlanned {
		path, err = r.tools.Channels.Archive(rec)
		return path, rec.FileName, err
	}
	b := built[r.byRecord[rec]]
	if b == nil {
		return "", "", fmt.Errorf("not built yet")
	}
	if err := r.whole(b.Archive); err != nil {
		return "", "", fmt.Errorf("its archive %w", err)
	}
	return r.tools.Store.Path(b.Archive, false), b.FileName, nil
}
