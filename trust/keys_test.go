package trust

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var testNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newKeys(t *testing.T) *Keys {
	t.Helper()
	keys, created, err := LoadOrCreate(filepath.Join(t.TempDir(), "keys"), testNow, rand.Reader)
	if err != nil || !created {
		t.Fatal(created, err)
	}
	return keys
}

func TestKeysAreMadeOnceAndPrivate(t *testing.T) {
	keys := newKeys(t)
	again, created, err := LoadOrCreate(keys.Dir, testNow.Add(time.Hour), rand.Reader)
	if err != nil || created {
		t.Fatal(created, err)
	}
	if again.KeyID() != keys.KeyID() || again.Fingerprint() != keys.Fingerprint() || !again.Created().Equal(testNow) {
		t.Errorf("read back %s %s %s", again.KeyID(), again.Fingerprint(), again.Created())
	}
	entries, _ := os.ReadDir(keys.Dir)
	if len(entries) != 2 {
		t.Errorf("the folder holds %v", entries)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, e := range entries {
		if info, _ := e.Info(); info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s", e.Name(), info.Mode())
		}
	}
}

func TestLooseKeysAreRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes say nothing on Windows")
	}
	for name, loosen := range map[string]func(dir string) error{
		"folder":  func(dir string) error { return os.Chmod(dir, 0o750) },
		"pem":     func(dir string) error { return os.Chmod(filepath.Join(dir, ed25519File), 0o640) },
		"openpgp": func(dir string) error { return os.Chmod(filepath.Join(dir, openpgpFile), 0o604) },
	} {
		keys := newKeys(t)
		if err := loosen(keys.Dir); err != nil {
			t.Fatal(err)
		}
		_, _, err := LoadOrCreate(keys.Dir, testNow, rand.Reader)
		if err == nil || !strings.Contains(err.Error(), "chmod") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDamagedKeysAreAnErrorNotReplaced(t *testing.T) {
	keys := newKeys(t)
	path := filepath.Join(keys.Dir, ed25519File)
	if err := os.WriteFile(path, []byte("-----BEGIN PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := LoadOrCreate(keys.Dir, testNow, rand.Reader); err == nil {
		t.Fatal("a damaged key was accepted")
	}
}

func TestManyProcessesMakeOneKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "keys")
	ids := make([]string, 16)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			keys, _, err := LoadOrCreate(dir, testNow, rand.Reader)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = keys.KeyID() + keys.Fingerprint()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("two keys: %q %q", id, ids[0])
		}
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 2 {
		t.Errorf("left over: %v", entries)
	}
}

func TestDefaultDir(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("paths of Linux")
	}
	for _, c := range []struct{ forge, xdg, home, want string }{
		{"/k", "/x", "/h", "/k"},
		{"", "/x", "/h", "/x/forge/keys"},
		{"", "", "/h", "/h/.config/forge/keys"},
		{"", "relative", "/h", "/h/.config/forge/keys"},
		{"", "", "", ""},
	} {
		env := map[string]string{"FORGE_KEYS": c.forge, "XDG_CONFIG_HOME": c.xdg, "HOME": c.home}
		got, err := DefaultDir(func(k string) string { return env[k] })
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%v: %q %v", c, got, err)
		}
	}
}

func TestSigningBeforeTheKeyWasMade(t *testing.T) {
	keys := newKeys(t)
	keys.Clock = func() time.Time { return testNow.Add(-time.Hour) }
	path := writeFile(t, "x", "x")
	if _, err := keys.SignDetached(context.Background(), path); err == nil || !strings.Contains(err.Error(), "clock") {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// tool skips where a reference program is missing.
func tool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
}

func run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	return string(out), err
}

// TestToolsThatAreNotOurs has openssl, gpg and sqv check what we sign.
func TestToolsThatAreNotOurs(t *testing.T) {
	keys := newKeys(t)
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	artifact := file("a-1-0.conda", []byte(strings.Repeat("artifact\r\n", 5000)))
	asc, err := keys.SignDetached(context.Background(), artifact)
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := keys.SignStatement(context.Background(), PayloadInToto, []byte(`{"_type":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	pemData, err := keys.ExportPEM()
	if err != nil {
		t.Fatal(err)
	}
	ascKey, err := keys.ExportOpenPGP()
	if err != nil {
		t.Fatal(err)
	}
	ascPath, pem, ring := file("a-1-0.conda.asc", asc), file("k.pem", pemData), file("k.asc", ascKey)
	raw, _ := base64.StdEncoding.DecodeString(envelope.Signatures[0].Sig)
	payload, _ := base64.StdEncoding.DecodeString(envelope.Payload)
	sig, pae := file("sig", raw), file("pae", PAE(envelope.PayloadType, payload))

	t.Run("openssl", func(t *testing.T) {
		tool(t, "openssl")
		verify := []string{"pkeyutl", "-verify", "-pubin", "-inkey", pem, "-rawin", "-in", pae, "-sigfile", sig}
		if out, err := run(t, "openssl", verify...); err != nil {
			t.Error(out)
		}
		verify[7] = artifact
		if out, err := run(t, "openssl", verify...); err == nil {
			t.Error("openssl accepts other bytes: ", out)
		}
		if out, err := run(t, "openssl", "pkey", "-in", filepath.Join(keys.Dir, ed25519File), "-noout"); err != nil {
			t.Error(out)
		}
	})
	t.Run("gpg", func(t *testing.T) {
		tool(t, "gpg")
		home, err := os.MkdirTemp("", "g") // a short path: sockets have 108 bytes
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(home)
		if out, err := run(t, "gpg", "--homedir", home, "--batch", "--import", ring); err != nil {
			t.Fatal(out)
		}
		out, err := run(t, "gpg", "--homedir", home, "--batch", "--status-fd", "1", "--verify", ascPath, artifact)
		if err != nil || !strings.Contains(out, "VALIDSIG "+keys.Fingerprint()) {
			t.Error(out)
		}
	})
	t.Run("sqv", func(t *testing.T) {
		tool(t, "sqv")
		out, err := run(t, "sqv", "--keyring", ring, ascPath, artifact)
		if err != nil || !strings.Contains(out, keys.Fingerprint()) {
			t.Error(out)
		}
		if out, err := run(t, "sqv", "--keyring", ring, ascPath, pem); err == nil {
			t.Error("sqv accepts other bytes: ", out)
		}
	})
}
