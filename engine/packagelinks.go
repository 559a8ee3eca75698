package engine

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"forge/digest"
	"forge/internal/fsx"
	"forge/platforms/elf"
)

// PackageLinks is what the ELF files of a package offer to others and need of them.
type PackageLinks struct {
	Offers []string       // DT_SONAMEs, sorted
	Needs  map[string]int // DT_NEEDED names that no file of the package has, with how many files need each
}

// ReadLinks reads the ELF files of a package file.
func ReadLinks(ctx context.Context, tools Tools, file string) (PackageLinks, error) {
	links := PackageLinks{Needs: map[string]int{}}
	dir, err := tools.Store.TempDir("links")
	if err != nil {
		return links, err
	}
	defer fsx.RemoveAll(dir)
	u, err := unpackForCompare(ctx, tools, file, filepath.Join(dir, "package"))
	if err != nil {
		return links, fmt.Errorf("%s: %w", file, err)
	}
	own := map[string]bool{}
	for _, e := range u.entries {
		if e.Kind == digest.Symlink {
			own[filepath.Base(e.Path)] = true
		}
		if e.Kind != digest.File && e.Kind != digest.Exec {
			continue
		}
		own[filepath.Base(e.Path)] = true
		info, err := elf.Read(filepath.Join(u.dir, filepath.FromSlash(e.Path)))
		if err != nil {
			continue // no ELF file, or one that says nothing of what it needs
		}
		if info.SoName != "" {
			own[info.SoName] = true
			links.Offers = append(links.Offers, info.SoName)
		}
		for _, n := range info.Needed {
			links.Needs[n]++
		}
	}
	for name := range own {
		delete(links.Needs, name)
	}
	slices.Sort(links.Offers)
	links.Offers = slices.Compact(links.Offers)
	return links, nil
}
