package sources

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/package-url/packageurl-go"
	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"

	"forge/internal/fsx"
	"forge/recipes"
)

// openGo gives a module's zip by `go mod download`, which checks its h1: sum against the checksum
// database as the machine is set up to.
func (g *Getter) openGo(ctx context.Context, p packageurl.PackageURL) (*body, error) {
	name := moduleName(p)
	if err := module.Check(name, p.Version); err != nil {
		return nil, err
	}
	return g.inTemp(func(dir string) (string, string, error) {
		out, err := g.run(ctx, client{
			name: "go", dir: dir, set: goSettings(dir),
			args: []string{"mod", "download", "-json", name + "@" + p.Version},
		})
		var got goDownload
		if jerr := json.Unmarshal(out, &got); jerr == nil && got.Error != "" {
			return "", "", fmt.Errorf("go mod download: %s", lastLines(got.Error))
		}
		if err == nil && got.Zip == "" {
			err = errors.New("go mod download names no zip")
		}
		return got.Zip, p.Version + ".zip", err
	})
}

// goDownload is what `go mod download -json` prints of a module.
type goDownload struct{ Path, Version, Zip, Error string }

// goSettings keep go in a folder of its own, with the toolchain that is there.
func goSettings(dir string) map[string]string {
	return map[string]string{
		"GOMODCACHE": filepath.Join(dir, "mod"), "GOCACHE": filepath.Join(dir, "cache"), "GOPATH": filepath.Join(dir, "path"),
		"GOTOOLCHAIN": "local", "GOWORK": "off", "GO111MODULE": "on", "GOTELEMETRY": "off", "TMPDIR": dir,
		"GOFLAGS": "-modcacherw -mod=mod", "GIT_TERMINAL_PROMPT": "0",
	}
}

// goTop is the folder that a module zip holds everything in, or empty if src is no module.
func goTop(src recipes.Source) string {
	if p, ok := packageOf(src); ok && p.Type == packageurl.TypeGolang {
		return moduleName(p) + "@" + p.Version
	}
	return ""
}

// goClosure fetches the modules that the module in file needs for its packages and their tests
// (`go mod download` in it), each checked by its line in go.sum.
func (g *Getter) goClosure(ctx context.Context, p packageurl.PackageURL, file File, _ []byte) ([]File, error) {
	dir, err := g.Store.TempDir("go")
	if err != nil {
		return nil, err
	}
	defer fsx.RemoveAll(dir)
	main := filepath.Join(dir, "main")
	top := moduleName(p) + "@" + p.Version
	if ok, err := goManifest(g.Store.Path(file.Digest, false), top, main); !ok || err != nil {
		return nil, err
	}
	set := goSettings(dir)
	out, err := g.run(ctx, client{name: "go", dir: main, set: set, args: []string{"mod", "download", "-json"}})
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		// A proxy may refuse a module that is required and not used: what the packages import decides.
		if lerr := g.goImports(ctx, p, file, dir, set); lerr != nil {
			return nil, errors.Join(goErrors(out), lerr)
		}
	}
	// The rest of the module graph, for tools that read all of it. What is not to be had of it is
	// not needed for a build.
	if _, err := g.run(ctx, client{name: "go", dir: main, set: set, args: []string{"mod", "graph"}}); ctx.Err() != nil {
		return nil, err
	}
	return g.goFiles(filepath.Join(dir, "mod", "cache", "download"))
}

// goManifest takes go.mod and go.sum out of the module zip into the new folder main.
func goManifest(zipPath, top, main string) (bool, error) {
	z, err := zip.OpenReader(zipPath)
	if err != nil {
		return false, fmt.Errorf("is no module zip: %w", err)
	}
	defer z.Close()
	found := false
	for _, name := range []string{"go.mod", "go.sum"} {
		f, err := z.Open(top + "/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		b, err := io.ReadAll(io.LimitReader(f, modzip.MaxGoMod))
		f.Close()
		if err := errors.Join(err, os.MkdirAll(main, 0o755), os.WriteFile(filepath.Join(main, name), b, 0o644)); err != nil {
			return false, err
		}
		found = found || name == "go.mod"
	}
	return found, nil
}

// goImports loads all packages of the module with what they import.
func (g *Getter) goImports(ctx context.Context, p packageurl.PackageURL, file File, dir string, set map[string]string) error {
	full := filepath.Join(dir, "full")
	if err := modzip.Unzip(full, module.Version{Path: moduleName(p), Version: p.Version}, g.Store.Path(file.Digest, false)); err != nil {
		return err
	}
	_, err := g.run(ctx, client{name: "go", dir: full, set: set, args: []string{"list", "-deps", "-f", "{{.ImportPath}}", "./..."}})
	return err
}

// goErrors are the errors in the output of `go mod download -json`.
func goErrors(out []byte) error {
	var errs []error
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var d goDownload
		if dec.Decode(&d) != nil {
			return errors.Join(errs...)
		}
		if d.Error != "" {
			errs = append(errs, fmt.Errorf("%s@%s: %s", d.Path, d.Version, lastLines(d.Error)))
		}
	}
}

// goFiles stores what a GOPROXY serves (go.dev/ref/mod#goproxy-protocol) of a module cache. An .info
// holds the version alone: its time is not checked by anything and need not be the same tomorrow.
func (g *Getter) goFiles(cache string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(cache, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.Name() == "sumdb" && filepath.Dir(at) == cache {
				return fs.SkipDir
			}
			return err
		}
		rel, err := filepath.Rel(cache, at)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		folder, name := path.Split(rel)
		escaped, ok := strings.CutSuffix(folder, "/@v/")
		ext := path.Ext(name)
		if !ok || ext != ".zip" && ext != ".mod" && ext != ".info" {
			return nil
		}
		f, err := g.goFile(at, rel, escaped, strings.TrimSuffix(name, ext), ext)
		files = append(files, f)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // nothing is required
	}
	sort.Slice(files, func(i, j int) bool { return files[i].Name < files[j].Name })
	return files, err
}

func (g *Getter) goFile(at, rel, escapedPath, escapedVersion, ext string) (File, error) {
	name, err := module.UnescapePath(escapedPath)
	if err != nil {
		return File{}, err
	}
	version, err := module.UnescapeVersion(escapedVersion)
	if err != nil {
		return File{}, err
	}
	from := "pkg:golang/" + name + "@" + version
	if ext != ".info" {
		return g.stored(at, rel, from)
	}
	info, err := json.Marshal(struct{ Version string }{version})
	if err != nil {
		return File{}, err
	}
	d, err := g.Store.PutBytes(info)
	return File{Name: rel, URL: from, Digest: d, Size: int64(len(info))}, err
}

// layGo makes extra/goproxy a GOPROXY. Sums were checked when the modules were fetched and are
// checked again by go.sum; the checksum database is out of reach.
func (g *Getter) layGo(ctx context.Context, files []File, extra string) (map[string]string, error) {
	proxy := filepath.Join(extra, "goproxy")
	if err := os.MkdirAll(proxy, 0o755); err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := g.lay(f, proxy, f.Name); err != nil {
			return nil, err
		}
	}
	return map[string]string{
		"GOPROXY": "file://" + filepath.ToSlash(proxy), "GOSUMDB": "off", "GONOSUMDB": "*", "GOFLAGS": "-mod=mod -buildvcs=false -modcacherw",
		"GOTOOLCHAIN": "local", "GOWORK": "off",
	}, nil
}
