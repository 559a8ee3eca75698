package trust

import (
	"crypto/sha256"
	"crypto/sha512"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSigstoreConformance runs the bundles of pkg:github/sigstore/sigstore-conformance, test/assets/bundle-verify,
// where SIGSTORE_CONFORMANCE names that folder. Bundles that are signed with a key of no certificate are left
// out: they are none of ours. A statement's contents are not looked at there.
func TestSigstoreConformance(t *testing.T) {
	dir := os.Getenv("SIGSTORE_CONFORMANCE")
	if dir == "" {
		t.Skip("SIGSTORE_CONFORMANCE does not name the suite's test/assets/bundle-verify")
	}
	cases, err := filepath.Glob(filepath.Join(dir, "*", "bundle.sigstore.json"))
	if err != nil || len(cases) < 40 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, c := range cases {
		name := filepath.Base(filepath.Dir(c))
		t.Run(name, func(t *testing.T) { conform(t, filepath.Dir(c), strings.HasSuffix(name, "_fail")) })
	}
}

func conform(t *testing.T, dir string, wantFail bool) {
	read := func(names ...string) []byte {
		for _, n := range names {
			if b, err := os.ReadFile(filepath.Join(dir, n)); err == nil {
				return b
			}
		}
		return nil
	}
	if read("key.pub") != nil {
		t.Skip("signed with a key of no certificate")
	}
	data := read("artifact", filepath.Join("..", "a.txt"))
	file := Artifact{sha256.Sum256(data), sha512.Sum512(data)}
	rootData := read("trusted_root.json")
	if rootData == nil {
		rootData = PublicGoodRoot()
	}
	err := func() error {
		root, err := ParseTrustedRoot(rootData)
		if err != nil {
			return err
		}
		bundles, err := readBundles(read("bundle.sigstore.json"))
		if err != nil {
			return err
		}
		a, err := root.verify(bundles[0], file)
		if err == nil {
			t.Log(a)
		}
		return err
	}()
	if (err != nil) != wantFail {
		t.Errorf("fail = %v, want %v: %v", err != nil, wantFail, err)
	}
	t.Log(err)
}
