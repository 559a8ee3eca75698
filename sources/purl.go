package sources

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/package-url/packageurl-go"

	"forge/internal/fsx"
)

// parsePackage reads a package URL. Module paths of Go keep their case, which the purl type would fold
// although the module proxy tells them apart.
func parsePackage(raw string) (packageurl.PackageURL, error) {
	p, err := packageurl.FromString(raw)
	if err != nil {
		return p, fmt.Errorf("is no package URL: %w", err)
	}
	if p.Version == "" {
		return p, fmt.Errorf("names no version; write %s@VERSION", strings.SplitN(raw, "?", 2)[0])
	}
	if p.Type == packageurl.TypeGolang {
		body, _, _ := strings.Cut(strings.TrimLeft(raw[len("pkg:"):], "/"), "#")
		body, _, _ = strings.Cut(body, "?")
		_, body, _ = strings.Cut(body, "/")
		if i := strings.LastIndexByte(body, '@'); i > 0 {
			body = body[:i]
		}
		folded := strings.ToLower(body)
		if full := p.Namespace + "/" + p.Name; folded == full || folded == p.Name {
			p.Namespace, p.Name = "", body
		}
	}
	return p, nil
}

// moduleName is namespace and name as the registry joins them.
func moduleName(p packageurl.PackageURL) string {
	if p.Namespace == "" {
		return p.Name
	}
	return p.Namespace + "/" + p.Name
}

// openPackage is the opener of pkg:.
func (g *Getter) openPackage(ctx context.Context, rawURL string, want ask) (*body, error) {
	p, err := parsePackage(rawURL)
	if err != nil {
		return nil, err
	}
	if want.attests != nil {
		return g.openAttestations(ctx, p, want.attests)
	}
	switch p.Type {
	case packageurl.TypeDebian:
		return g.openDeb(ctx, p, want)
	case packageurl.TypeGolang:
		return g.openGo(ctx, p)
	case packageurl.TypeNPM:
		return g.openNPM(ctx, p)
	case packageurl.TypePyPi:
		return g.openPyPI(ctx, p, want)
	case packageurl.TypeCargo:
		return g.openCargo(ctx, p)
	}
	return nil, fmt.Errorf("packages of type %q cannot be fetched; deb, golang, npm, pypi and cargo can", p.Type)
}

var (
	debName      = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`) })
	plainPackage = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`) })
	plainVersion = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+~:!_-]*$`) })
)

// plainNames refuses names and versions that a client could take for something else: an option, a
// path, another repository.
func plainNames(name *regexp.Regexp, p packageurl.PackageURL) error {
	if !name.MatchString(p.Name) {
		return fmt.Errorf("%q is no name of a %s package", p.Name, p.Type)
	}
	if !plainVersion().MatchString(p.Version) {
		return fmt.Errorf("%q is no version of a %s package", p.Version, p.Type)
	}
	return nil
}

// tempFile is a file in a folder of its own, which goes when it is closed.
type tempFile struct {
	io.ReadCloser
	dir string
}

func (t *tempFile) Close() error {
	err := t.ReadCloser.Close()
	fsx.RemoveAll(t.dir)
	return err
}

// inTemp lets fill write a file into a new folder and returns it as a body called name. The folder
// is removed when the body is closed, or at once if fill fails.
func (g *Getter) inTemp(fill func(dir string) (file, name string, err error)) (*body, error) {
	dir, err := g.Store.TempDir("fetch")
	if err != nil {
		return nil, err
	}
	file, name, err := fill(dir)
	if err == nil {
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		var b *body
		if b, err = openRegular(file); err == nil {
			return &body{&tempFile{b.ReadCloser, dir}, name, b.size}, nil
		}
	}
	fsx.RemoveAll(dir)
	return nil, err
}

// only is the one file of dir whose name ends in suffix.
func only(dir, suffix string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	found := ""
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasSuffix(e.Name(), suffix) {
			if found != "" {
				return "", fmt.Errorf("the client left both %s and %s", found, e.Name())
			}
			found = e.Name()
		}
	}
	if found == "" {
		return "", fmt.Errorf("the client said yes and left no file")
	}
	return filepath.Join(dir, found), nil
}
