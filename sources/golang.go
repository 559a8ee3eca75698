package sources

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/package-url/packageurl-go"
	"golang.org/x/mod/module"
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
		var got struct{ Zip, Error string }
		if jerr := json.Unmarshal(out, &got); jerr == nil && got.Error != "" {
			return "", "", fmt.Errorf("go mod download: %s", lastLines(got.Error))
		}
		if err == nil && got.Zip == "" {
			err = errors.New("go mod download names no zip")
		}
		return got.Zip, p.Version + ".zip", err
	})
}

// goSettings keep go in a folder of its own, with the toolchain that is there.
func goSettings(dir string) map[string]string {
	return map[string]string{
		"GOMODCACHE": filepath.Join(dir, "mod"), "GOCACHE": filepath.Join(dir, "cache"), "GOPATH": filepath.Join(dir, "path"),
		"GOTOOLCHAIN": "local", "GOWORK": "off", "GO111MODULE": "on", "GOTELEMETRY": "off", "TMPDIR": dir,
		"GOFLAGS": "-modcacherw", "GIT_TERMINAL_PROMPT": "0",
	}
}
