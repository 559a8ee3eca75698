package sources

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/package-url/packageurl-go"

	"forge/digest"
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

// recipeLocks are the lock files that a recipe may bring for a package that has none, or another one.
var recipeLocks = map[string]string{packageurl.TypeNPM: "package-lock.json", packageurl.TypeCargo: cargoLock}

// mostLock is the size of a lock file in bytes from which on it is refused.
const mostLock = 64 << 20

// closure fetches what the package in file depends on, as a lock file says, so that it can be built without
// a network: Go by go.sum, npm by npm-shrinkwrap.json, cargo and Python's Rust extensions by Cargo.lock. The
// lock file is that of the package, or lies beside the recipe (folder).
func (g *Getter) closure(ctx context.Context, folder string, src recipes.Source, file File) (files []File, stored bool, err error) {
	p, ok := packageOf(src)
	if !ok {
		return nil, true, nil
	}
	key := closureKey(p, file)
	var lock []byte
	if name := recipeLocks[p.Type]; name != "" && folder != "" {
		if lock, err = readBeside(folder, name, mostLock); err != nil && !os.IsNotExist(err) {
			return nil, false, fmt.Errorf("read %s of the recipe: %w", name, err)
		}
		if lock != nil {
			key += " " + digest.Of(lock).Hex()
		}
	}
	var fetch func(context.Context, packageurl.PackageURL, File, []byte) ([]File, error)
	switch p.Type {
	case packageurl.TypeGolang:
		fetch = g.goClosure
	case packageurl.TypeNPM:
		fetch = g.npmClosure
	case packageurl.TypeCargo, packageurl.TypePyPi:
		fetch = g.cargoClosure
	default:
		return nil, true, nil
	}
	if rec, ok := g.recall(key); ok {
		return rec.Files, true, nil
	}
	if g.Offline {
		return nil, false, fmt.Errorf("what %s depends on %w", p.String(), ErrOffline)
	}
	if files, err = fetch(ctx, p, file, lock); err != nil {
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
	case packageurl.TypePyPi:
		if len(f.Files) < 2 { // no Rust in it
			return nil, nil
		}
		return g.layCargo(ctx, f.Files[1:], extra)
	case packageurl.TypeCargo:
		return g.layCargo(ctx, f.Files[1:], extra)
	}
	return nil, nil
}

func closureKey(p packageurl.PackageURL, file File) string {
	return "closure " + p.Type + " " + moduleName(p) + " " + file.Digest.Hex()
}

func (g *Getter) forget(p packageurl.PackageURL, file File) {
	os.Remove(g.recordPath(closureKey(p, file)))
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
