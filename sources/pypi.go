package sources

import (
	"context"
	_ "embed"
	"errors"
	"strings"

	"github.com/package-url/packageurl-go"
)

//go:embed pypi.py
var pypiProgram string

// openPyPI gives the file of a release whose sha256 the recipe names, source archive or wheel.
func (g *Getter) openPyPI(ctx context.Context, p packageurl.PackageURL, want ask) (*body, error) {
	if err := plainNames(plainPackage(), p); err != nil {
		return nil, err
	}
	sum := ""
	if !want.sha256.IsZero() {
		sum = want.sha256.Hex()
	}
	return g.inTemp(func(dir string) (string, string, error) {
		out, err := g.pip(ctx, dir, p.Name, p.Version, sum, dir)
		if err != nil {
			return "", "", err
		}
		lines := strings.Fields(string(out))
		if len(lines) == 0 {
			return "", "", errors.New("pip says nothing")
		}
		return "file", plainName(lines[len(lines)-1]), nil
	})
}

// pip runs pypi.py.
func (g *Getter) pip(ctx context.Context, dir string, args ...string) ([]byte, error) {
	return g.run(ctx, client{
		name: "python3", dir: dir, set: map[string]string{"TMPDIR": dir, "PIP_NO_CACHE_DIR": "1", "PYTHONDONTWRITEBYTECODE": "1"},
		args: append([]string{"-I", "-c", pypiProgram}, args...),
	})
}
