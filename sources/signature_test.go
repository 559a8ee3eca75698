package sources

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"forge/recipes"
)

// fakeChecker takes a signature that is "sig of " and the data, made by the key that is called fingerprint.
type fakeChecker struct{ calls int }

func (f *fakeChecker) Check(data io.Reader, sig, keyring []byte, fingerprint string, allow []string, now time.Time) (SignatureVerdict, error) {
	f.calls++
	b, err := io.ReadAll(data)
	if err != nil {
		return SignatureVerdict{}, err
	}
	switch {
	case !bytes.Contains(keyring, []byte(fingerprint)):
		return SignatureVerdict{}, errors.New("unknown key")
	case string(sig) == "expired":
		return SignatureVerdict{}, errors.New("the key had expired when it signed")
	case string(sig) != "sig of "+string(b):
		return SignatureVerdict{}, errors.New("bad signature")
	}
	return SignatureVerdict{Fingerprint: fingerprint, Signed: time.Unix(1, 0), Allowed: allow}, nil
}

func TestSignatures(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{"recipe/key.asc": "key ABCD", "recipe/f.sig": "sig of data", "recipe/bad.sig": "x", "recipe/old.sig": "expired", "outside.asc": "key ABCD"})
	recipe := filepath.Join(dir, "recipe")
	served, _ := moody(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/f.bin":
			w.Write([]byte("data"))
		case "/f.bin.sig":
			w.Write([]byte("sig of data"))
		default:
			http.NotFound(w, r)
		}
	})
	good := recipes.Signature{URLs: []string{served + ".sig"}, Fingerprint: "ABCD", Key: "key.asc"}
	cases := []struct {
		name  string
		sig   func(*recipes.Signature)
		words string
	}{
		{"from a mirror", func(s *recipes.Signature) {}, ""},
		{"from the recipe's folder", func(s *recipes.Signature) { s.URLs = []string{"file:f.sig"} }, ""},
		{"the first that is there", func(s *recipes.Signature) { s.URLs = []string{"file:none.sig", served + ".none", served + ".sig"} }, ""},
		{"beside the file", func(s *recipes.Signature) { s.URLs = nil }, ""},
		{"bad", func(s *recipes.Signature) { s.URLs = []string{"file:bad.sig"} }, "signature of f.bin: bad signature"},
		{"expired", func(s *recipes.Signature) { s.URLs = []string{"file:old.sig"} }, "signature of f.bin: the key had expired when it signed"},
		{"of another key", func(s *recipes.Signature) { s.Fingerprint = "FFFF" }, "signature of f.bin: unknown key"},
		{"nowhere", func(s *recipes.Signature) { s.URLs = []string{served + ".none", "file:none"} }, "none of the 2 mirrors"},
		{"key outside the folder", func(s *recipes.Signature) { s.Key = "../outside.asc" }, "read the key"},
		{"no key", func(s *recipes.Signature) { s.Key = "none.asc" }, "read the key"},
		{"signature outside the folder", func(s *recipes.Signature) { s.URLs = []string{"file:../outside.asc"} }, "outside.asc"},
		{"allowed without a reason", func(s *recipes.Signature) { s.Allow = []string{"sha1"} }, "needs a reason"},
		{"allowed", func(s *recipes.Signature) { s.Allow, s.Reason = []string{"sha1"}, "old upstream" }, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			checker := &fakeChecker{}
			g := newGetter(t, func(cfg *Config) { cfg.Checker = checker })
			sig := good
			c.sig(&sig)
			out := output(recipe, recipes.Source{URLs: []string{served}, Hashes: sha([]byte("data")), Signatures: []recipes.Signature{sig}})
			f, err := g.Fetch(context.Background(), out, nil)
			if c.words != "" {
				wantError(t, err, c.words, "[bad-signature]", "recipe.yaml")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			v := f[0].Signatures[0]
			if v.Fingerprint != "ABCD" || v.Checked.IsZero() || sig.Allow != nil && v.Allowed[0] != "sha1: old upstream" {
				t.Errorf("verdict %+v", v)
			}
			g.Offline = true
			fetch(t, g, out)
			if checker.calls != 2 {
				t.Errorf("%d checks, want one at every fetch", checker.calls)
			}
		})
	}
	t.Run("no checker", func(t *testing.T) {
		_, err := newGetter(t).Fetch(context.Background(), output(recipe, recipes.Source{URLs: []string{served}, Hashes: sha([]byte("data")), Signatures: []recipes.Signature{good}}), nil)
		wantError(t, err, "has no checker")
	})
	t.Run("the file in the store was swapped", func(t *testing.T) {
		g := newGetter(t, func(cfg *Config) { cfg.Checker = &fakeChecker{} })
		out := output(recipe, recipes.Source{URLs: []string{served}, Hashes: sha([]byte("data")), Signatures: []recipes.Signature{good}})
		f := fetch(t, g, out)
		path := g.Store.Path(f[0].Files[0].Digest, false)
		os.Chmod(path, 0o600)
		os.WriteFile(path, []byte("evil"), 0o600)
		_, err := g.Fetch(context.Background(), out, nil)
		wantError(t, err, "signature of f.bin: sha256 is ")
	})
}
