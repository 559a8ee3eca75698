package sources

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
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
	set := map[string]string{"CARGO_HOME": home, "TMPDIR": dir, "CARGO_TERM_COLOR": "never", "CARGO_TERM_PROGRESS_WHEN": "never"}
	if rustup != "" {
		set["RUSTUP_HOME"] = rustup
	}
	path, err := g.newestCargo(ctx, dir, more, set)
	if err != nil {
		return nil, err
	}
	set["PATH"] = cargoPath(path)
	out, err := g.run(ctx, client{name: path, args: args, dir: work, set: set})
	if err != nil && (strings.Contains(err.Error(), "no such subcommand") || strings.Contains(err.Error(), "no such command")) {
		err = fmt.Errorf("%w; this needs cargo 1.82 or newer, and %s is older", err, path)
	}
	return out, err
}

// cargoPath is PATH for a cargo: it asks the rustc beside it about targets.
func cargoPath(path string) string {
	return filepath.Dir(path) + string(os.PathListSeparator) + strings.Join(defaultClientDirs(), string(os.PathListSeparator))
}

// newestCargo picks among the cargos that are there: a distribution's may be too old for today's registry and
// lock files, and rustup's lie beside it.
func (g *Getter) newestCargo(ctx context.Context, dir string, more []string, set map[string]string) (string, error) {
	paths, err := g.findAll("cargo", more...)
	if err != nil || len(paths) == 1 {
		return strings.Join(paths, ""), err
	}
	newest, most := "", []int(nil)
	for _, path := range paths {
		set["PATH"] = cargoPath(path)
		out, err := g.run(ctx, client{name: path, args: []string{"--version"}, dir: dir, set: set})
		if err != nil && ctx.Err() != nil {
			return "", ctx.Err()
		}
		if v := cargoVersion(string(out)); newest == "" || slices.Compare(v, most) > 0 {
			newest, most = path, v
		}
	}
	return newest, nil
}

// cargoVersion reads what `cargo --version` prints: "cargo 1.95.0 (f2d3ce0bd 2026-03-21)".
func cargoVersion(line string) (v []int) {
	words := strings.Fields(line)
	if len(words) < 2 {
		return nil
	}
	for _, part := range strings.Split(words[1], ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return v
		}
		v = append(v, n)
	}
	return v
}

// cratesOf lists the crates that cargo downloaded below dir.
func cratesOf(dir string) ([]string, error) {
	return filepath.Glob(filepath.Join(dir, "home", "registry", "cache", "*", "*.crate"))
}

// cargoLock names the exact crates that a Rust program is made of (cargo book, "Cargo.toml vs Cargo.lock").
const cargoLock = "Cargo.lock"

// cargoClosure fetches the crates that each Cargo.lock in the archive names; own, the recipe's, stands in the
// place of the one at the top. An archive without one, as libraries are, brings nothing.
func (g *Getter) cargoClosure(ctx context.Context, p packageurl.PackageURL, file File, own []byte) ([]File, error) {
	dir, err := g.Store.TempDir("cargo")
	if err != nil {
		return nil, err
	}
	defer fsx.RemoveAll(dir)
	full := filepath.Join(dir, "full")
	if strings.HasSuffix(file.Name, ".whl") { // is built already
		return nil, nil
	}
	if _, err := archive.Extract(ctx, g.Store.Path(file.Digest, false), file.Name, full, archive.Options{StripTop: true}); err != nil {
		return nil, err
	}
	if own != nil {
		if err := os.WriteFile(filepath.Join(full, cargoLock), own, 0o644); err != nil {
			return nil, err
		}
	}
	if p.Type == packageurl.TypePyPi && !builtWithRust(full) {
		return nil, nil
	}
	locked, err := cargoProjects(full)
	if err != nil || len(locked) == 0 {
		return nil, err
	}
	for _, project := range locked {
		if _, err := g.cargo(ctx, dir, project, "fetch", "--locked", "--quiet"); err != nil {
			return nil, err
		}
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

// builtWithRust tells whether a Python project's files name one of the two tools that build extensions in Rust:
// a Cargo.lock alone may be there for a test.
func builtWithRust(full string) bool {
	for _, name := range []string{"pyproject.toml", "setup.py", "setup.cfg"} {
		text, err := readBeside(full, name, 1<<20)
		if err == nil && (bytes.Contains(text, []byte("maturin")) || bytes.Contains(text, []byte("setuptools-rust")) || bytes.Contains(text, []byte("setuptools_rust"))) {
			return true
		}
	}
	return false
}

// cargoProjects lists the folders below full that have a lock file, and removes the settings of cargo and
// rustup that the archive holds: they are not the caller's.
func cargoProjects(full string) (projects []string, err error) {
	err = filepath.WalkDir(full, func(at string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".cargo" || d.Name() == "rust-toolchain" || d.Name() == "rust-toolchain.toml":
			if err := os.RemoveAll(at); err != nil || !d.IsDir() {
				return err
			}
			return fs.SkipDir
		case d.Name() == cargoLock && d.Type().IsRegular() && isFile(filepath.Join(filepath.Dir(at), "Cargo.toml")):
			if err := registriesOnly(full, at); err != nil {
				return err
			}
			projects = append(projects, filepath.Dir(at))
		}
		return nil
	})
	return projects, err
}

func isFile(at string) bool {
	info, err := os.Lstat(at)
	return err == nil && info.Mode().IsRegular()
}

// registriesOnly refuses a lock file that makes cargo fetch repositories: only crates can be given to a build.
func registriesOnly(full, at string) error {
	rel, err := filepath.Rel(full, at)
	if err != nil {
		return err
	}
	raw, err := readBeside(full, filepath.ToSlash(rel), mostLock)
	if err != nil {
		return fmt.Errorf("read %s: %w", rel, err)
	}
	for line := range strings.Lines(string(raw)) {
		if from, ok := strings.CutPrefix(strings.TrimSpace(line), `source = "git+`); ok {
			return fmt.Errorf("%s takes a crate from the repository %s: only crates of a registry can be given to a build without a network", rel, shown(strings.Trim(from, `"`)))
		}
	}
	return nil
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
