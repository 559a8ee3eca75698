package sources

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"forge/recipes"
)

// registry fetches from a real registry; it skips, and says so, where there is none to be reached.
func registry(t *testing.T, program string, list ...recipes.Source) (*Getter, []Fetched) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: real registries are not asked")
	}
	if _, err := exec.LookPath(program); err != nil && program != "" {
		t.Skipf("%s is not on this machine", program)
	}
	g := newGetter(t)
	f, err := g.Fetch(context.Background(), output("", list...), nil)
	if err != nil {
		for _, sign := range []string{"esolve", "esolution", "onnect", "unreachable", "ENOTFOUND", "EAI_AGAIN", "imed out", "timeout"} {
			if strings.Contains(err.Error(), sign) {
				t.Skipf("no network to the registry: %v", err)
			}
		}
		t.Fatal(err)
	}
	return g, f
}

func purl(u, sha256 string) recipes.Source {
	return recipes.Source{URLs: []string{u}, Hashes: map[string]string{"sha256": sha256}}
}

func TestRegistryDeb(t *testing.T) {
	hello := purl("pkg:deb/debian/hello@2.10?arch=source", "31e066137a962676e89f69d1b65382de95a7ef7d914b8cb956f41ea72e0f516b")
	hello.TargetDirectory = "hello"
	g, f := registry(t, "apt-get", purl("pkg:deb/debian/zlib@1.2.13.dfsg?arch=source", "71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1"), hello)
	if f[0].Epoch != 1667651401 || f[1].Files[0].Name != "hello_2.10.orig.tar.gz" {
		t.Errorf("got %+v", f)
	}
	dir, _ := unpack(t, g, f)
	for _, name := range []string{"zlib.h", "hello/configure"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	asc, err := g.oneSignature(context.Background(), recipes.Origin{}, hello.URLs[0], f[1].Files[0])
	if err != nil || !strings.HasPrefix(string(asc), "-----BEGIN PGP SIGNATURE-----") {
		t.Errorf("signature %q, %v", asc, err)
	}
}

func TestRegistryGo(t *testing.T) {
	g, f := registry(t, "go", purl("pkg:golang/github.com/itchyny/gojq@v0.12.16", "32dd58e9a78bec89f06440e0f4a5a463b2bec72330aab7fe647a63fda3b49ea3"))
	var zips []string
	for _, file := range f[0].Files[1:] {
		if strings.HasSuffix(file.Name, ".zip") {
			zips = append(zips, file.URL)
		}
	}
	if len(zips) != 7 {
		t.Errorf("the closure is %q", zips)
	}
	dir, env := unpack(t, g, f)
	// The module and all it needs load with no network and an empty cache.
	goBin, err := g.find("go")
	if err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(goBin, "list", "-deps", "-test", "./...")
	cmd.Dir = dir
	tmp := t.TempDir()
	cmd.Env = []string{"HOME=" + tmp, "PATH=/usr/bin:/bin", "GOCACHE=" + tmp + "/c", "GOMODCACHE=" + tmp + "/m"}
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "github.com/itchyny/timefmt-go") {
		t.Errorf("go list: %v\n%s", err, out)
	}
	g.Offline = true
	if again := fetch(t, g, output("", f[0].Source)); len(again[0].Files) != len(f[0].Files) {
		t.Errorf("offline gives %d files, want %d", len(again[0].Files), len(f[0].Files))
	}
}

func TestRegistryNPM(t *testing.T) {
	g, f := registry(t, "npm", purl("pkg:npm/semver@7.6.3", "376d2ca2c941fc5a37e9ac3ec65302e5e421e2cc1ee3dee57a854d2bd9bee125"))
	dir, _ := unpack(t, g, f)
	if _, err := os.Stat(filepath.Join(dir, "package.json")); err != nil || f[0].Files[0].Name != "semver-7.6.3.tgz" {
		t.Errorf("%v, %+v", err, f)
	}
}

// TestRegistryNPMLocked takes a package with a lock file inside, which is made here.
func TestRegistryNPMLocked(t *testing.T) {
	g, _ := registry(t, "npm")
	const lock = `{"name": "demo", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {
"": {"name": "demo", "version": "1.0.0", "dependencies": {"semver": "7.6.3"}},
"node_modules/semver": {"version": "7.6.3", "integrity": "sha512-oVekP1cKtI+CTDvHWYFUcMtsK/00wmAEfyqKfNdARm8u1wNVhSgaX7A8d4UuIlUI5e84iEwOhs7ZPYRmzU9U6A=="}}}`
	b := tgz(t, map[string]string{"package/package.json": `{"name": "demo", "version": "1.0.0", "dependencies": {"semver": "7.6.3"}}`, "package/npm-shrinkwrap.json": lock})
	d, err := g.Store.PutBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	f := Fetched{Source: recipes.Source{URLs: []string{"pkg:npm/demo@1.0.0"}}, Files: []File{{Name: "demo-1.0.0.tgz", Digest: d, Size: int64(len(b))}}}
	closure, _, err := g.closure(context.Background(), "", f.Source, f.Files[0])
	if err != nil {
		t.Skipf("no network to the registry: %v", err)
	}
	if len(closure) != 1 || closure[0].URL != "pkg:npm/semver@7.6.3" {
		t.Fatalf("closure %+v", closure)
	}
	f.Files = append(f.Files, closure...)
	_, env := unpack(t, g, []Fetched{f})
	if env["npm_config_offline"] != "true" {
		t.Errorf("environment %q", env)
	}
	if _, err := os.Stat(filepath.Join(env["npm_config_cache"], "_cacache/content-v2/sha512/a1/57/a43f570ab48f824c3bc759815470cb6c2bfd34c260047f2a8a7cd740466f2ed7035585281a5fb03c77852e225508e5ef38884c0e86ced93d8466cd4f54e8")); err != nil {
		t.Error(err)
	}
}

func TestRegistryPyPI(t *testing.T) {
	g, f := registry(t, "python3",
		purl("pkg:pypi/meson@1.6.1", "1eca49eb6c26d58bbee67fd3337d8ef557c0804e30a6d16bfdf269db997464de"),
		with(purl("pkg:pypi/meson@1.6.1", "3f41f6b03df56bb76836cc33c94e1a404c3584d48b3259540794a60a21fad1f9"), func(s *recipes.Source) { s.TargetDirectory = "wheel" }))
	dir, _ := unpack(t, g, f)
	for _, name := range []string{"meson.py", "wheel/mesonbuild/__init__.py"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	_, err := g.Fetch(context.Background(), output("", purl("pkg:pypi/meson@1.6.1", strings.Repeat("1", 64))), nil)
	wantError(t, err, "no file of meson 1.6.1 has the sha256", "meson-1.6.1.tar.gz 1eca49eb")
	_, err = g.Fetch(context.Background(), output("", purl("pkg:pypi/meson@0.0.0.99", strings.Repeat("1", 64))), nil)
	wantError(t, err, "no version 0.0.0.99; there are ", "[unreachable-source]")
}

func TestRegistryCargo(t *testing.T) {
	if _, err := newGetter(t).find("cargo", filepath.Join(os.Getenv("CARGO_HOME"), "bin"), filepath.Join(os.Getenv("HOME"), ".cargo/bin")); err != nil {
		t.Skip(err)
	}
	g, f := registry(t, "", purl("pkg:cargo/itoa@1.0.11", "49f1f14873335454500d59611f1cf4a4b0f786f9ac11f4312a78e4cf2566695b"))
	dir, env := unpack(t, g, f)
	if _, err := os.Stat(filepath.Join(dir, "Cargo.toml")); err != nil || env["CARGO_NET_OFFLINE"] != "true" {
		t.Errorf("%v, %q", err, env)
	}
}

// TestOldCargo takes the newest cargo of those that are there, and says so where it is too old.
func TestOldCargo(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the programs are shell scripts")
	}
	program := func(version, text string) string {
		dir := t.TempDir()
		script := "#!/bin/sh\nif [ $1 = --version ]; then echo " + version + "; exit; fi\n" + text
		if err := os.WriteFile(filepath.Join(dir, "cargo"), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	old := program("cargo 1.65.0", "echo 'error: no such subcommand: `info`' >&2; exit 101")
	broken := program("no toolchain", "exit 1")
	for _, dirs := range [][]string{{old, "new", broken}, {broken, "new"}, {"new", old}} {
		for i := range dirs {
			if dirs[i] == "new" {
				dirs[i] = program("'cargo 1.100.1 (f2d3ce0bd 2026-03-21)'", "echo from $0")
			}
		}
		g := newGetter(t, func(c *Config) { c.ClientDirs, c.Env = dirs, nil })
		if out, err := g.cargo(context.Background(), t.TempDir(), t.TempDir(), "info"); err != nil || !strings.HasPrefix(string(out), "from ") {
			t.Errorf("%q, %v", out, err)
		}
	}
	g := newGetter(t, func(c *Config) { c.ClientDirs, c.Env = []string{old}, nil })
	_, err := g.cargo(context.Background(), t.TempDir(), t.TempDir(), "info")
	wantError(t, err, "no such subcommand", "needs cargo 1.82 or newer, and "+old)
}

// TestRegistryRecipeLock takes the lock file that lies beside the recipe: most packages of npm have none.
func TestRegistryRecipeLock(t *testing.T) {
	g, _ := registry(t, "npm")
	const lock = `{"name": "demo", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {
"": {"name": "demo", "version": "1.0.0", "dependencies": {"semver": "7.6.3"}},
"node_modules/semver": {"version": "7.6.3", "integrity": "sha512-oVekP1cKtI+CTDvHWYFUcMtsK/00wmAEfyqKfNdARm8u1wNVhSgaX7A8d4UuIlUI5e84iEwOhs7ZPYRmzU9U6A=="}}}`
	b := tgz(t, map[string]string{"package/package.json": `{"name": "demo", "version": "1.0.0", "dependencies": {"semver": "7.6.3"}}`})
	d, err := g.Store.PutBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	file, src, folder := File{Name: "demo-1.0.0.tgz", Digest: d, Size: int64(len(b))}, recipes.Source{URLs: []string{"pkg:npm/demo@1.0.0"}}, t.TempDir()
	if closure, _, err := g.closure(context.Background(), folder, src, file); err != nil || len(closure) != 0 {
		t.Errorf("without a lock file: %+v %v", closure, err)
	}
	if err := os.WriteFile(filepath.Join(folder, "package-lock.json"), []byte(lock), 0o644); err != nil {
		t.Fatal(err)
	}
	closure, _, err := g.closure(context.Background(), folder, src, file)
	if err != nil {
		t.Skipf("no network to the registry: %v", err)
	}
	if len(closure) != 1 || closure[0].URL != "pkg:npm/semver@7.6.3" {
		t.Errorf("closure %+v", closure)
	}
}

// TestCargoProjects finds the lock files of an archive, wherever they lie, and takes no settings from it.
func TestCargoProjects(t *testing.T) {
	full := t.TempDir()
	for name, text := range map[string]string{
		"src/ext/Cargo.lock": "version = 3\n", "src/ext/Cargo.toml": "", "Cargo.toml": "", "setup.py": "import setuptools_rust", "t/Cargo.lock": "", "src/ext/.cargo/config.toml": "[build]\nrustc = \"evil\"\n", "rust-toolchain.toml": "",
	} {
		if err := os.MkdirAll(filepath.Join(full, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(full, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := cargoProjects(full)
	if err != nil || len(got) != 1 || got[0] != filepath.Join(full, "src", "ext") {
		t.Errorf("%q %v", got, err)
	}
	if !builtWithRust(full) || builtWithRust(filepath.Join(full, "src")) {
		t.Error("setup.py is not asked for what builds it")
	}
	for _, gone := range []string{"src/ext/.cargo", "rust-toolchain.toml"} {
		if _, err := os.Lstat(filepath.Join(full, gone)); err == nil {
			t.Errorf("%s is still there", gone)
		}
	}
	lock := "[[package]]\nname = \"a\"\nsource = \"git+https://example.org/a#1\"\n"
	if err := os.WriteFile(filepath.Join(full, "Cargo.lock"), []byte(lock), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = cargoProjects(full)
	wantError(t, err, "Cargo.lock takes a crate from the repository https://example.org/a")
}

// TestNPMLockRefused holds that a lock file cannot make npm run git or read this machine's files.
func TestNPMLockRefused(t *testing.T) {
	for _, resolved := range []string{"git+ssh://git@example.org/x.git#abc", "file:../../etc", "git://example.org/x"} {
		g := newGetter(t)
		b := tgz(t, map[string]string{"package/package.json": "{}", "package/npm-shrinkwrap.json": `{"packages": {"node_modules/x": {"version": "1.0.0", "resolved": "` + resolved + `"}}}`})
		d, err := g.Store.PutBytes(b)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = g.closure(context.Background(), "", recipes.Source{URLs: []string{"pkg:npm/x@1.0.0"}}, File{Name: "x.tgz", Digest: d, Size: int64(len(b))})
		wantError(t, err, "node_modules/x is locked to "+resolved[:8])
	}
}
