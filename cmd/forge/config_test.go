package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge/platforms"
)

// forgeIn runs the program in a folder with an environment of its own.
func forgeIn(t *testing.T, dir string, env map[string]string, args ...string) (code int, out, errs string) {
	t.Helper()
	t.Chdir(dir)
	var stdout, stderr bytes.Buffer
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	code = run(context.Background(), args, lookup, strings.NewReader(""), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestMirrors fetches a source and a channel's package over mirrors only: the addresses in recipe and
// command line lead nowhere.
func TestMirrors(t *testing.T) {
	if platforms.Host().OS() != "linux" {
		t.Skip("the sandbox is Linux only")
	}
	dir, served := t.TempDir(), t.TempDir()
	env := map[string]string{"FORGE_CACHE": t.TempDir(), "FORGE_KEYS": filepath.Join(dir, "keys"), "XDG_CONFIG_HOME": filepath.Join(dir, "xdg"), "NO_COLOR": "1"}
	write(t, filepath.Join(served, "src", "data.txt"), "good bytes\n")
	write(t, filepath.Join(served, "bad", "src", "data.txt"), "evil bytes\n")
	sum := sha256.Sum256([]byte("good bytes\n"))
	write(t, filepath.Join(dir, "lib", "recipe.yaml"), "package: {name: lib, version: '1'}\nbuild: {noarch: generic, script: mkdir -p $PREFIX/share && echo lib > $PREFIX/share/lib}\n")
	if code, _, errs := forgeIn(t, dir, env, "build", "lib", "--output-dir", filepath.Join(served, "chan")); code != 0 {
		t.Fatal(errs)
	}
	write(t, filepath.Join(dir, "app", "recipe.yaml"), "package: {name: app, version: '1'}\n"+
		"source: {url: 'https://origin.invalid/src/data.txt', sha256: "+hex.EncodeToString(sum[:])+"}\n"+
		"build: {noarch: generic, script: mkdir -p $PREFIX/share && cat data.txt $PREFIX/share/lib > $PREFIX/share/app}\nrequirements: {host: [lib]}\n")
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		http.FileServer(http.Dir(served)).ServeHTTP(w, r)
	}))
	defer server.Close()
	configure := func(text string) { write(t, filepath.Join(dir, "xdg", "forge", "config.toml"), text) }

	configure("default-channels = ['https://origin.invalid/chan']\n[mirrors]\n'https://origin.invalid' = ['" + server.URL + "/nothing-here', '" + server.URL + "']\n")
	code, out, errs := forgeIn(t, dir, env, "build", "app")
	if code != 0 || !strings.Contains(out, "1 built") {
		t.Fatalf("code %d\n%s%s\nasked %q", code, out, errs, asked)
	}
	if text := strings.Join(asked, " "); !strings.Contains(text, "/nothing-here/src/data.txt") || !strings.Contains(text, " /chan/noarch/lib-") {
		t.Errorf("asked %q", asked)
	}
	lock := filepath.Join(dir, "forge.lock")
	if code, _, errs := forgeIn(t, dir, env, "lock", "app"); code != 0 {
		t.Fatal(errs)
	}
	if data, err := os.ReadFile(lock); err != nil || strings.Contains(string(data), server.URL) || !strings.Contains(string(data), "https://origin.invalid/chan/noarch/lib-") {
		t.Errorf("a mirror must not reach the lock: %v\n%s", err, data)
	}

	// A mirror is trusted with nothing: other bytes are refused.
	env["FORGE_CACHE"] = t.TempDir()
	configure("default-channels = ['https://origin.invalid/chan']\n[mirrors]\n'https://origin.invalid' = ['" + server.URL + "']\n'https://origin.invalid/src' = ['" + server.URL + "/bad/src']\n")
	if code, out, errs = forgeIn(t, dir, env, "build", "app"); code != exitFailed || !strings.Contains(errs, "sha256") {
		t.Errorf("code %d\n%s%s", code, out, errs)
	}

	// Without the file there is no such channel.
	if code, _, errs = forgeIn(t, dir, env, "build", "app", "--no-config"); code != exitFailed || !strings.Contains(errs, "lib") {
		t.Errorf("code %d\n%s", code, errs)
	}
	// A flag comes before the file.
	code, _, errs = forgeIn(t, dir, env, "build", "-n", "app", "-c", filepath.Join(served, "chan"), "--config-file", filepath.Join(dir, "xdg", "forge", "config.toml"))
	if code != 0 {
		t.Error(errs)
	}
}

// TestInsecureHost reads a channel whose certificate nobody signed only where the host is named.
func TestInsecureHost(t *testing.T) {
	dir, served := t.TempDir(), t.TempDir()
	env := map[string]string{"FORGE_CACHE": t.TempDir(), "FORGE_KEYS": filepath.Join(dir, "keys"), "HOME": dir, "NO_COLOR": "1"}
	write(t, filepath.Join(served, "noarch", "repodata.json"), `{"info":{"subdir":"noarch"},"packages":{},"packages.conda":{"x-1-0.conda":{"name":"x","version":"1","build":"0","build_number":0,"depends":[],"subdir":"noarch","sha256":"`+strings.Repeat("a", 64)+`"}}}`)
	server := httptest.NewTLSServer(http.FileServer(http.Dir(served)))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "https://")
	write(t, filepath.Join(dir, "r", "recipe.yaml"), "package: {name: app, version: '1'}\nrequirements: {run: [x]}\n")
	if code, _, errs := forgeIn(t, dir, env, "plan", "r", "-c", server.URL); code != exitFailed || !strings.Contains(errs, "certificate") {
		t.Errorf("code %d\n%s", code, errs)
	}
	if code, _, errs := forgeIn(t, dir, env, "lock", "r", "-c", server.URL, "--allow-insecure-host", host); code != exitGood {
		t.Errorf("code %d\n%s", code, errs)
	}
}

func TestParseConfig(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"all", "default-channels=['c']\nchannel-alias='https://x.invalid'\ncolor='never'\nlog-style='plain'\n[build]\npackage-format='tar-bz2:max'\nisolation='full'\ntest='skip'\njobs=3\n[proxy-config]\nhttp='http://p.invalid'\nnon-proxy-hosts=['a']\n[mirrors]\n'https://a.invalid'=['https://b.invalid']\n", ""},
		{"shared with others", "run-post-link-scripts='insecure'\ntls-no-verify=false\n[s3-options.b]\nregion='x'\n[concurrency]\ndownloads=3\n", ""},
		{"misspelt", "mirors={}\n[build]\npackage_format='conda'\n", `unknown key "build.package_format"; did you mean "build.package-format"?` + "\n" + `config.toml: unknown key "mirors"; did you mean "mirrors"?`},
		{"type", "default-channels='c'\n", "config.toml:1:18: "},
		{"no toml", "a = \n", "config.toml:1:"},
		{"tls", "tls-no-verify=true\n", "allow-insecure-hosts"},
		{"mirror", "[mirrors]\n'https://a.invalid'=['ftp://b.invalid']\n", "ftp://b.invalid"},
		{"empty mirror", "[mirrors]\n'https://a.invalid'=[]\n", "the list is empty"},
		{"word", "color='alwys'\n", `did you mean "always"?`},
		{"alias", "channel-alias='x'\n", "channel-alias"},
	} {
		_, err := parseConfig("config.toml", []byte(c.text))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
