package sources

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/package-url/packageurl-go"

	"forge/recipes"
)

// packageOf is the first package URL of a source. What it depends on is fetched with it, whichever
// mirror gave the bytes.
func packageOf(src recipes.Source) (packageurl.PackageURL, bool) {
	for _, u := range src.URLs {
		if strings.HasPrefix(strings.ToLower(u), "pkg:") {
			if p, err := parsePackage(u); err == nil {
				return p, true
			}
		}
	}
	return packageurl.PackageURL{}, false
}

// closure fetches what the package in file depends on, as the lock file inside says, so that it can
// be built without a network: Go by go.sum, npm by npm-shrinkwrap.json, cargo by Cargo.lock.
func (g *Getter) closure(ctx context.Context, src recipes.Source, file File) (files []File, stored bool, err error) {
	p, ok := packageOf(src)
	if !ok {
		return nil, true, nil
	}
	var fetch func(context.Context, packageurl.PackageURL, File) ([]File, error)
	switch p.Type {
	case packageurl.TypeGolang:
		fetch = g.goClosure
	case packageurl.TypeNPM:
		fetch = g.npmClosure
	case packageurl.TypeCargo:
		fetch = g.cargoClosure
	default:
		return nil, true, nil
	}
	key := "closure " + p.Type + " " + moduleName(p) + " " + file.Digest.Hex()
	if rec, ok := g.recall(key); ok {
		return rec.Files, true, nil
	}
	if g.Offline {
		return nil, false, fmt.Errorf("what %s depends on %w", p.String(), ErrOffline)
	}
	if files, err = fetch(ctx, p, file); err != nil {
		if ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
		return nil, false, fmt.Errorf("fetch what %s depends on: %w", p.String(), err)
	}
	return files, false, g.remember(key, record{Files: files})
}

// layClosure lays out below extra what a package depends on and returns the environment by which its
// build tool finds it.
func (g *Getter) layClosure(ctx context.Context, f *Fetched, extra string) (map[string]string, error) {
	p, ok := packageOf(f.Source)
	if !ok {
		return nil, nil
	}
	for _, file := range f.Files[min(1, len(f.Files)):] {
		if !g.Store.Verify(file.Digest) {
			g.forget(p, f.Files[0])
			return nil, fmt.Errorf("the copy of %s in the store was damaged and is removed; run `forge fetch` and try again", file.Name)
		}
	}
	if len(f.Files) > 1 {
		if err := os.MkdirAll(extra, 0o755); err != nil {
			return nil, err
		}
	}
	switch p.Type {
	case packageurl.TypeGolang:
		return g.layGo(ctx, f.Files[1:], extra)
	case packageurl.TypeNPM:
		return g.layNPM(ctx, f.Files[1:], extra)
	case packageurl.TypeCargo:
		return g.layCargo(ctx, f.Files[1:], extra)
	}
	return nil, nil
}

func (g *Getter) forget(p packageurl.PackageURL, file File) {
	os.Remove(g.recordPath("closure " + p.Type + " " + moduleName(p) + " " + file.Digest.Hex()))
}

// lay copies a file of the store to the slash separated path rel below dir; what is there stays, as
// another source has brought it.
func (g *Getter) lay(file File, dir, rel string) error {
	rel = path.Clean(rel)
	if !filepath.IsLocal(filepath.FromSlash(rel)) {
		return fmt.Errorf("%q leads out of its folder", rel)
	}
	at := filepath.Join(dir, filepath.FromSlash(rel))
	if _, err := os.Lstat(at); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	return g.copyOut(file.Digest, at, 0o644, 0)
}

// stored puts the file at p into the store under name.
func (g *Getter) stored(p, name, from string) (File, error) {
	d, n, err := g.Store.PutFile(p, false)
	return File{Name: name, URL: from, Digest: d, Size: n}, err
}
