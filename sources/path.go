package sources

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"forge/digest"
	"forge/recipes"
)

// fetchPath takes a folder or file of this machine into the store, so that what is unpacked later is
// what was digested now.
func (g *Getter) fetchPath(ctx context.Context, origin recipes.Origin, src recipes.Source) (Fetched, error) {
	at := pathOf(origin.Dir, src)
	info, err := os.Stat(at)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Fetched{}, fmt.Errorf("path %s does not exist (looked in %s)", src.Path, origin.Dir)
	case err != nil:
		return Fetched{}, fmt.Errorf("path %s: %w", src.Path, withoutPath(err))
	case info.IsDir():
		return g.fetchFolder(ctx, at, src)
	}
	return g.fetchLocalFile(ctx, origin, at, src)
}

// fetchLocalFile takes a file: an archive is unpacked later as one from a URL would be. Hashes may be
// given and are checked then.
func (g *Getter) fetchLocalFile(ctx context.Context, origin recipes.Origin, at string, src recipes.Source) (Fetched, error) {
	want, err := parseHashes(src.Hashes)
	if err != nil {
		return Fetched{}, err
	}
	b, err := openRegular(at)
	if err != nil {
		return Fetched{}, fmt.Errorf("path %s: %w", src.Path, err)
	}
	defer b.Close()
	d, n, err := g.Store.Put(newCheckingReader(b, want, g.MaxBytes))
	if err != nil {
		return Fetched{}, fmt.Errorf("path %s: %w", src.Path, err)
	}
	file := File{Name: b.name, URL: filepath.ToSlash(src.Path), Digest: d, Size: n}
	f := Fetched{Source: src, Stored: true, keep: keeps(origin, src), metaYAML: origin.Format == "meta.yaml"}
	if f.Epoch, err = g.epochOf(ctx, file); err != nil {
		return Fetched{}, err
	}
	if src.FileName != "" {
		file.Name = src.FileName
	}
	f.Files = []File{file}
	f.Signatures, err = g.checkSignatures(ctx, origin, src, file)
	return f, err
}

// pathOf is where the path of a source leads from the recipe's folder.
func pathOf(recipeDir string, src recipes.Source) string {
	at := filepath.FromSlash(src.Path)
	if !filepath.IsAbs(at) {
		at = filepath.Join(recipeDir, at)
	}
	return at
}

func (g *Getter) fetchFolder(ctx context.Context, at string, src recipes.Source) (Fetched, error) {
	if len(src.Signatures) > 0 {
		return Fetched{}, fmt.Errorf("path %s is a folder: only files can be signed", src.Path)
	}
	if err := checkGlobs(src.Include, src.Exclude); err != nil {
		return Fetched{}, err
	}
	at, err := filepath.EvalSymlinks(at) // the folder itself may be reached by a link, nothing below it is
	if err != nil {
		return Fetched{}, err
	}
	var ignored *gitignore
	if src.UseGitignore {
		if ignored, err = gitignoreOf(at); err != nil {
			return Fetched{}, err
		}
	}
	leave := leftOut(at, src, ignored, g.Ignore)
	tree, err := g.snapshot(at, func(rel string, d fs.DirEntry) bool { return ctx.Err() != nil || leave(rel, d) })
	if ctx.Err() != nil {
		return Fetched{}, ctx.Err()
	}
	if err != nil {
		return Fetched{}, fmt.Errorf("path %s: %w", src.Path, err)
	}
	return Fetched{Source: src, Tree: tree, Stored: true}, nil
}

// leftOut tells what below the folder at is no part of the source.
func leftOut(at string, src recipes.Source, ignored *gitignore, never []string) func(rel string, d fs.DirEntry) bool {
	return func(rel string, d fs.DirEntry) bool {
		switch {
		case slices.Contains(never, filepath.Join(at, filepath.FromSlash(rel))):
			return true
		case ignored.skips(rel, d.IsDir()):
			return true
		}
		return !d.IsDir() && !selects(rel, src.Include, src.Exclude)
	}
}

// snapshot stores the tree below dir.
func (g *Getter) snapshot(dir string, skip func(string, fs.DirEntry) bool) (digest.Digest, error) {
	entries, err := digest.Folder(dir, skip)
	if err != nil {
		return digest.Digest{}, err
	}
	for _, e := range entries {
		if e.Kind != digest.File && e.Kind != digest.Exec || g.has(File{Digest: e.Sum, Size: e.Size}) {
			continue
		}
		d, _, err := g.Store.PutFile(filepath.Join(dir, filepath.FromSlash(e.Path)), false)
		if err != nil {
			return digest.Digest{}, err
		}
		if d != e.Sum {
			return digest.Digest{}, fmt.Errorf("%s changed while it was read", e.Path)
		}
	}
	return g.Store.PutTree(entries)
}

// stageTree lays the tree of f out in the empty folder tmp, every file at one time: the commit's.
func (g *Getter) stageTree(ctx context.Context, f *Fetched, tmp string) error {
	entries, err := g.Store.Tree(f.Tree)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !filepath.IsLocal(filepath.FromSlash(e.Path)) {
			return fmt.Errorf("%q leaves the tree", e.Path)
		}
		at := filepath.Join(tmp, filepath.FromSlash(e.Path))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		switch e.Kind {
		case digest.Symlink:
			err = os.Symlink(filepath.FromSlash(e.Target), at)
		case digest.Dir:
			err = os.MkdirAll(at, 0o755)
		case digest.Exec:
			err = g.copyOut(e.Sum, at, 0o755, f.Epoch)
		default:
			err = g.copyOut(e.Sum, at, 0o644, f.Epoch)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.Path, err)
		}
	}
	return nil
}
