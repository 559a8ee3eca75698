package sources

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/package-url/packageurl-go"

	"forge/internal/archive"
	"forge/internal/fsx"
)

// openCargo gives a crate as cargo downloads it, checked against the registry's index.
func (g *Getter) openCargo(ctx context.Context, p packageurl.PackageURL) (*body, error) {
	if err := plainNames(plainPackage(), p); err != nil {
		return nil, err
	}
	return g.inTemp(func(dir string) (string, string, error) {
		// `cargo info` downloads the one crate; `cargo fetch` would resolve its dependencies to the
		// newest of today.
		if _, err := g.cargo(ctx, dir, dir, "info", "--quiet", p.Name+"@"+p.Version); err != nil {
			return "", "", err
		}
		crates, err := cratesOf(dir)
		if err != nil {
			return "", "", err
		}
		name := p.Name + "-" + p.Version + ".crate"
		for _, c := range crates {
			if filepath.Base(c) == name {
				return c, name, nil
			}
		}
		return "", "", fmt.Errorf("cargo left no %s", name)
	})
}

// cargo runs cargo with a home of its own in dir, which has the caller's registry configuration.
// rustup's cargo finds its toolchain by RUSTUP_HOME, whatever HOME is.
func (g *Getter) cargo(ctx context.Context, dir, work string, args ...string) ([]byte, error) {
	home := filepath.Join(dir, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	theirs, rustup := g.env["CARGO_HOME"], g.env["RUSTUP_HOME"]
	if theirs == "" && g.env["HOME"] != "" {
		theirs = filepath.Join(g.env["HOME"], ".cargo")
	}
	if rustup == "" && g.env["HOME"] != "" {
		rustup = filepath.Join(g.env["HOME"], ".rustup")
	}
	var more []string
	if theirs != "" {
		more = append(more, filepath.Join(theirs, "bin"))
		for _, name := range []string{"config.toml", "config", "credentials.toml", "credentials"} {
			if b, err := os.ReadFile(filepath.Join(theirs, name)); err == nil {
				if err := os.WriteFile(filepath.Join(home, name), b, 0o600); err != nil {
					return nil, err
				}
			}
		}
	}
	path, err := g.find("cargo", more...)
	if err != nil {
		return nil, err
	}
	set := map[string]string{"CARGO_HOME": home, "TMPDIR": dir, "CARGO_TERM_COLOR": "never", "CARGO_TERM_PROGRESS_WHEN": "never"}
	if rustup != "" {
		set["RUSTUP_HOME"] = rustup
	}
	// cargo asks the rustc beside it about targets.
	set["PATH"] = filepath.Dir(path) + string(os.PathListSeparator) + strings.Join(defaultClientDirs(), string(os.PathListSeparator))
	return g.run(ctx, client{name: path, args: args, dir: work, set: set})
}

// cratesOf lists the crates that cargo downloaded below dir.
func cratesOf(dir string) ([]string, error) {
	return filepath.Glob(filepath.Join(dir, "home", "registry", "cache", "*", "*.crate"))
}

// cargoClosure fetches the crates that the Cargo.lock inside the crate names. A crate without one, as
// libraries are, brings nothing.
func (g *Getter) cargoClosure(ctx context.Context, _ packageurl.PackageURL, file File) ([]File, error) {
	dir, err := g.Store.TempDir("cargo")
	if err != nil {
		return nil, err
	}
	defer fsx.RemoveAll(dir)
	full := filepath.Join(dir, "full")
	if _, err := archive.Extract(ctx, g.Store.Path(file.Digest, false), file.Name, full, archive.Options{StripTop: true}); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(full, "Cargo.lock")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, name := range []string{".cargo", "rust-toolchain", "rust-toolchain.toml"} { // a crate's settings are not the caller's
		if err := os.RemoveAll(filepath.Join(full, name)); err != nil {
			return nil, err
		}
	}
	if _, err := g.cargo(ctx, dir, full, "fetch", "--locked", "--quiet"); err != nil {
		return nil, err
	}
	crates, err := cratesOf(dir)
	if err != nil {
		return nil, err
	}
	sort.Strings(crates)
	var files []File
	for _, c := range crates {
		name := filepath.Base(c)
		f, err := g.stored(c, name, "pkg:cargo/"+crateID(name))
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// crateID writes NAME-VERSION.crate as NAME@VERSION: a version begins with a digit after a hyphen and
// has a dot, which no part of a name has.
func crateID(file string) string {
	stem := strings.TrimSuffix(file, ".crate")
	for i := range stem {
		if stem[i] == '-' && i+1 < len(stem) && stem[i+1] >= '0' && stem[i+1] <= '9' {
			if number, _, ok := strings.Cut(stem[i+1:], "."); ok && strings.Trim(number, "0123456789") == "" {
				return stem[:i] + "@" + stem[i+1:]
			}
		}
	}
	return stem
}

// layCargo makes extra/cargo/vendor a directory source and extra/cargo/home a CARGO_HOME that puts it
// in the registry's place. The path in its configuration is relative, so it holds wherever it is mounted.
func (g *Getter) layCargo(ctx context.Context, files []File, extra string) (map[string]string, error) {
	top := filepath.Join(extra, "cargo")
	for _, d := range []string{"home", "vendor"} {
		if err := os.MkdirAll(filepath.Join(top, d), 0o755); err != nil {
			return nil, err
		}
	}
	const config = "[source.crates-io]\nreplace-with = \"vendored\"\n\n[source.vendored]\ndirectory = \"vendor\"\n\n[net]\noffline = true\n"
	if err := os.WriteFile(filepath.Join(top, "home", "config.toml"), []byte(config), 0o644); err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := g.layCrate(ctx, f, filepath.Join(top, "vendor", strings.TrimSuffix(plainName(f.Name), ".crate"))); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return map[string]string{"CARGO_HOME": filepath.Join(top, "home"), "CARGO_NET_OFFLINE": "true"}, nil
}

// layCrate unpacks a crate with the checksum file that a directory source wants (cargo-vendor(1)).
func (g *Getter) layCrate(ctx context.Context, f File, dir string) error {
	if _, err := os.Lstat(dir); err == nil {
		return nil
	}
	if _, err := archive.Extract(ctx, g.Store.Path(f.Digest, false), f.Name, dir, archive.Options{StripTop: true}); err != nil {
		return err
	}
	sum, err := json.Marshal(struct {
		Files   struct{} `json:"files"`
		Package string   `json:"package"`
	}{Package: f.Digest.Hex()})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, ".cargo-checksum.json"), sum, 0o644)
}
