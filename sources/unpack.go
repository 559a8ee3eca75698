package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"forge/digest"
	"forge/internal/archive"
	"forge/internal/fsx"
	"forge/recipes"
)

// Unpack implements Fetcher. Every file is hashed again on the way out of the store. Where two sources
// hold one path, the later one wins, as in the recipe. Values of env that name extra do so by the
// path given: who mounts it elsewhere replaces that prefix.
func (g *Getter) Unpack(ctx context.Context, fetched []Fetched, dir, extra string) (map[string]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	env := map[string]string{}
	for i := range fetched {
		f := &fetched[i]
		if err := g.unpackOne(ctx, f, dir); err != nil {
			return nil, fmt.Errorf("unpack %s: %w", f.label(), err)
		}
		more, err := g.layClosure(ctx, f, extra)
		if err != nil {
			return nil, fmt.Errorf("lay out what %s depends on: %w", f.label(), err)
		}
		maps.Copy(env, more)
	}
	return env, nil
}

// label is what an error calls the source.
func (f *Fetched) label() string {
	switch {
	case f.Source.Git != nil:
		return shown(f.Source.Git.URL)
	case f.Source.Path != "":
		return f.Source.Path
	case len(f.Files) > 0:
		return f.Files[0].Name
	}
	return "a source"
}

func (g *Getter) unpackOne(ctx context.Context, f *Fetched, dir string) error {
	tmp, err := os.MkdirTemp(dir, ".forge-unpack-")
	if err != nil {
		return err
	}
	defer fsx.RemoveAll(tmp)
	content, err := g.stage(ctx, f, filepath.Join(tmp, "x"))
	if err != nil {
		return err
	}
	if err := filterTree(content, f.Source.Include, f.Source.Exclude); err != nil {
		return err
	}
	return moveInto(content, dir, f.Source.TargetDirectory)
}

// stage lays the source out in the new folder tmp and returns the folder that is its root.
func (g *Getter) stage(ctx context.Context, f *Fetched, tmp string) (string, error) {
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return "", err
	}
	if !f.Tree.IsZero() {
		return tmp, g.stageTree(ctx, f, tmp)
	}
	if len(f.Files) == 0 {
		return "", errors.New("nothing was fetched")
	}
	file := f.Files[0]
	if err := g.heal(ctx, f, file); err != nil {
		return "", err
	}
	wheel := f.metaYAML && IsWheel(file.Name)
	if f.keep || !wheel && disguised(f.Source, file.Name) {
		return tmp, g.copyOut(file.Digest, filepath.Join(tmp, plainName(file.Name)), 0o644, f.Epoch)
	}
	top := goTop(f.Source)
	_, err := archive.Extract(ctx, g.Store.Path(file.Digest, false), file.Name, tmp, archive.Options{
		Limits:   archive.Limits{Bytes: g.MaxBytes},
		StripTop: !f.Source.NoHoist && top == "" && !wheel,
		LastWins: true, // tar --append, as some upstreams do
	})
	switch {
	case err == nil && wheel: // conda-build unpacks it and lays it beside what was in it
		return tmp, g.copyOut(file.Digest, filepath.Join(tmp, plainName(file.Name)), 0o644, f.Epoch)
	case errors.Is(err, archive.ErrFormat) && !archiveName(file.Name):
		return tmp, g.copyOut(file.Digest, filepath.Join(tmp, plainName(file.Name)), 0o644, f.Epoch)
	case err != nil:
		return "", err
	case top != "" && !f.Source.NoHoist:
		return hoisted(tmp, top)
	}
	return tmp, nil
}

// heal fetches a file of the store anew if it was damaged since it was fetched.
func (g *Getter) heal(ctx context.Context, f *Fetched, file File) error {
	if g.Store.Verify(file.Digest) {
		return nil
	}
	if g.Offline {
		return fmt.Errorf("its copy in the store was damaged and is removed; it %w", ErrOffline)
	}
	_, err := g.fromMirrors(ctx, f.Source.URLs, ask{hashes: hashes{sha256: file.Digest}}, nil)
	return err
}

// copyOut writes a blob of the store to the new file at name.
func (g *Getter) copyOut(d digest.Digest, name string, perm os.FileMode, mtime int64) error {
	b, err := openRegular(g.Store.Path(d, false))
	if err != nil {
		return fmt.Errorf("%s: %w", d.Short(), err)
	}
	defer b.Close()
	w, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, newCheckingReader(b, hashes{sha256: d}, g.MaxBytes))
	if err := errors.Join(err, w.Close(), os.Chmod(name, perm)); err != nil {
		return err
	}
	return setTime(name, mtime)
}

// setTime gives what has no time of its own the source's: never the clock's.
func setTime(name string, epoch int64) error {
	t := time.Unix(max(epoch, leastEpoch), 0)
	return os.Chtimes(name, t, t)
}

// keeps reports whether the recipe asks for the file itself. A file_name does in recipe.yaml and
// recipe.hcl; conda-build's fn says no more than what the file is called.
func keeps(origin recipes.Origin, src recipes.Source) bool {
	return src.FileName != "" && (origin.Format != "meta.yaml" || !archiveName(src.FileName) && !IsWheel(src.FileName))
}

// archiveName reports whether a file of that name should be an archive.
func archiveName(name string) bool {
	name = strings.ToLower(name)
	for _, ext := range []string{".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tlz", ".tzst", ".zip", ".7z", ".rar", ".crate"} {
		if strings.HasSuffix(name, ext) {
			return true
		}
	}
	stem := strings.TrimSuffix(name, path.Ext(name))
	return strings.HasSuffix(stem, ".tar")
}

// disguised reports whether the file is an archive that its users take whole. Wheels are, unless they
// come from a pkg: URL, which is about the content.
func disguised(src recipes.Source, name string) bool {
	if IsWheel(name) {
		return !anyPackage(src.URLs)
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".jar", ".war", ".ear", ".egg", ".conda", ".nupkg", ".vsix", ".apk", ".pyz", ".phar", ".gem",
		".docx", ".xlsx", ".pptx", ".odt", ".ods", ".epub", ".xpi", ".crx":
		return true
	}
	return false
}

// IsWheel reports whether a file of that name is a Python wheel.
func IsWheel(name string) bool { return strings.EqualFold(path.Ext(name), ".whl") }

func anyPackage(urls []string) bool {
	for _, u := range urls {
		if strings.HasPrefix(strings.ToLower(u), "pkg:") {
			return true
		}
	}
	return false
}

// plainName keeps a file name from the recipe or a registry inside its folder.
func plainName(name string) string {
	if base := path.Base(filepath.ToSlash(name)); base != "." && base != ".." && base != "/" && filepath.IsLocal(base) {
		return base
	}
	return "source"
}

// hoisted is the folder top below dir, which must be all there is.
func hoisted(dir, top string) (string, error) {
	at := filepath.Join(dir, filepath.FromSlash(top))
	if info, err := os.Lstat(at); err != nil || !info.IsDir() {
		return "", fmt.Errorf("the module zip has no folder %s", top)
	}
	return at, nil
}
