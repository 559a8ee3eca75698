package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forge/channels"
	"forge/digest"
	"forge/packages"
	"forge/provenance"
	"forge/trust"
)

// signedChannel is a channel of two packages, b made with a, and the environment of who signed them.
type signedChannel struct {
	dir, a, b string
	env       map[string]string
	keys      *trust.Keys

	dependency provenance.Material // a, as the statement of b names it
}

func newSignedChannel(t *testing.T) *signedChannel {
	t.Helper()
	c := &signedChannel{dir: t.TempDir(), env: map[string]string{"FORGE_KEYS": filepath.Join(t.TempDir(), "keys")}}
	t.Chdir(t.TempDir())
	keys, _, err := trust.LoadOrCreate(c.env["FORGE_KEYS"], time.Now().Add(-time.Minute), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.keys = keys
	c.a = c.publish(t, "a-1-0", "of a")
	sum, _, err := digest.OfFile(c.a)
	if err != nil {
		t.Fatal(err)
	}
	c.dependency = provenance.Material{
		Kind: "package", Name: "a-1-0", URI: "pkg:conda/a@1?build=0&subdir=linux-64",
		Digests:     map[string]string{"sha256": sum.Hex(), provenance.DigestContent: contentOf(t, c.a)},
		Annotations: map[string]any{"file": "a-1-0.conda"},
	}
	c.b = c.publish(t, "b-2-0", "of b", c.dependency)
	return c
}

func (c *signedChannel) open(t *testing.T) channels.OpenFunc {
	t.Helper()
	formats, err := readFormats()
	if err != nil {
		t.Fatal(err)
	}
	return opener(formats)
}

func contentOf(t *testing.T, path string) string {
	t.Helper()
	formats, err := readFormats()
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := opener(formats)(path)
	if err != nil {
		t.Fatal(err)
	}
	defer pkg.Close()
	sum, err := pkg.ContentDigest()
	if err != nil {
		t.Fatal(err)
	}
	return sum.Hex()
}

// writePackage makes a real package of one file.
func writePackage(t *testing.T, path, output, text string) digest.Digest {
	t.Helper()
	parts := strings.Split(output, "-")
	format, err := parseFormat("conda")
	if err != nil {
		t.Fatal(err)
	}
	m := &packages.Manifest{
		Record: packages.Record{Name: parts[0], Version: parts[1], Build: parts[2], Subdir: "linux-64", Depends: []string{}},
		Files:  []packages.File{{Path: "share/text", Kind: digest.File, Data: []byte(text), Sum: digest.Of([]byte(text)), Size: int64(len(text))}},
		Epoch:  315532800,
	}
	var out bytes.Buffer
	if err := format.Write(context.Background(), m, &out); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return digest.Of(out.Bytes())
}

func (c *signedChannel) publish(t *testing.T, output, text string, more ...provenance.Material) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "blob")
	return c.signAs(t, file, output, writePackage(t, file, output, text), more...)
}

// signAs publishes the file under the name of output.
func (c *signedChannel) signAs(t *testing.T, file, output string, sum digest.Digest, more ...provenance.Material) string {
	t.Helper()
	statement, err := provenance.Statement(provenance.Build{
		FileName: output + ".conda", SHA256: sum, Recipe: "recipes/x/recipe.yaml", RecipeTree: digest.Of(nil),
		Output: output, Platform: "linux-64", Key: digest.Of([]byte(output)), Isolation: "full",
		BuilderID: "forge", BuilderMode: "workstation", BuilderVersion: "1",
		Materials: append(more,
			provenance.Material{Kind: "source", Name: "x.tar.gz", Digests: map[string]string{"sha256": digest.Of([]byte("x")).Hex()}},
			provenance.Material{Kind: "external", Name: "make", Digests: map[string]string{provenance.DigestTree: digest.Of([]byte("m")).Hex()}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	public, err := c.keys.Public()
	if err != nil {
		t.Fatal(err)
	}
	p := &channels.Publisher{Dir: c.dir, Signer: c.keys, Keys: public, Now: time.Now, Open: c.open(t)}
	placed, err := p.Put(context.Background(), file, "linux-64", output+".conda", sum, statement, nil)
	if err != nil {
		t.Fatal(err)
	}
	return placed.Path
}

// forge runs the program.
func (c *signedChannel) forge(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	lookup := func(name string) (string, bool) { v, ok := c.env[name]; return v, ok }
	code = run(context.Background(), args, lookup, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func (c *signedChannel) want(t *testing.T, code int, text string, args ...string) {
	t.Helper()
	got, stdout, stderr := c.forge(args...)
	if got != code || !strings.Contains(stdout+stderr, text) {
		t.Errorf("forge %s: exit code %d, want %d and %q:\n%s%s", strings.Join(args, " "), got, code, text, stdout, stderr)
	}
}

func TestVerify(t *testing.T) {
	c := newSignedChannel(t)
	c.want(t, 0, "2 packages good, 1 source, 1 external trusted, not built", "verify", c.a, c.b)
	c.want(t, 0, "(trusted, not built)", "verify", c.b)
	c.want(t, 0, "", "verify", "-q", c.b)
	c.want(t, 2, "nothing was given", "verify")
	c.want(t, 2, "no such file", "verify", filepath.Join(c.dir, "missing"))
	c.want(t, 2, "not a file", "verify", c.dir)
	c.want(t, 2, "unknown flag", "verify", "--bogus", c.a)
	c.want(t, 2, "no such file", "verify", "--key", "missing", c.a)
}

func TestVerifyJSON(t *testing.T) {
	c := newSignedChannel(t)
	code, stdout, _ := c.forge("verify", "--json", c.b)
	var got struct {
		Artifacts []struct {
			Path, SHA256 string
			Good         bool
			KeyIDs       []string `json:"key_ids"`
			Materials    []struct{ Kind, Name, Status string }
		}
		Chain map[string]int
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 || len(got.Artifacts) != 1 {
		t.Fatal(code, err, stdout)
	}
	a := got.Artifacts[0]
	if !a.Good || a.Path != c.b || a.KeyIDs[0] != c.keys.KeyID() || len(a.Materials) != 3 || got.Chain["packages_good"] != 2 {
		t.Errorf("%+v", got)
	}
	for _, m := range a.Materials {
		if want := map[string]string{"package": "good", "source": "by digest", "external": "trusted, not built"}[m.Kind]; m.Status != want {
			t.Errorf("%+v, want %q", m, want)
		}
	}
}

func TestVerifyElsewhere(t *testing.T) {
	c := newSignedChannel(t)
	for _, format := range []string{"pem", "openpgp"} {
		code, out, errs := c.forge("keys", "export", "--format", format)
		if code != 0 {
			t.Fatal(errs)
		}
		if err := os.WriteFile(format, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	own := c.env["FORGE_KEYS"]
	c.env["FORGE_KEYS"] = filepath.Join(t.TempDir(), "nothing")
	c.want(t, 1, "no key to check it with", "verify", c.b)
	c.want(t, 0, "its .asc was not checked", "verify", "--key", "pem", c.b)
	c.want(t, 0, "its statement was not checked", "verify", "--key", "openpgp", c.b)
	c.want(t, 0, "2 packages good", "verify", "--key", "pem", "--key", "openpgp", c.b)
	c.want(t, 1, "there is no signing key", "keys", "export")
	c.want(t, 2, `--format "x"`, "keys", "export", "--format", "x")
	c.want(t, 0, "made a new signing key", "keys", "create")
	// The workspace's keys folder.
	c.want(t, 1, "refused", "verify", c.b)
	if err := os.Mkdir("keys", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"pem", "openpgp"} {
		if err := os.Rename(format, filepath.Join("keys", format+".asc")); err != nil {
			t.Fatal(err)
		}
	}
	c.want(t, 0, "2 packages good", "verify", c.b)
	// A key that is named counts alone: a stranger's does not become good by our own keys.
	c.want(t, 0, "", "keys", "list")
	code, out, _ := c.forge("keys", "export")
	if code != 0 || os.WriteFile("foreign.pem", []byte(out), 0o644) != nil {
		t.Fatal(code)
	}
	c.env["FORGE_KEYS"] = own
	c.want(t, 1, "none of the envelope's signatures", "verify", "--key", "foreign.pem", c.b)
	c.want(t, 2, "private key", "verify", "--key", filepath.Join(own, "ed25519.pem"), c.b)
}

func TestVerifyFollowsTheChain(t *testing.T) {
	c := newSignedChannel(t)
	good := readAll(t, c.a+".asc")
	if err := os.WriteFile(c.a+".asc", []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	c.want(t, 1, "its material", "verify", c.b)
	if err := os.WriteFile(c.a+".asc", good, 0o644); err != nil {
		t.Fatal(err)
	}
	spoilt := c.dependency
	spoilt.Digests = map[string]string{"sha256": spoilt.Digests["sha256"], provenance.DigestContent: strings.Repeat("0", 64)}
	c.want(t, 1, "the statement says", "verify", c.publish(t, "c-1-0", "of c", spoilt))
	c.publish(t, "a-1-0", "other bytes of a")
	c.want(t, 0, "1 superseded", "verify", c.b)
	if err := os.Remove(c.a); err != nil {
		t.Fatal(err)
	}
	c.want(t, 0, "1 not here", "verify", c.b)
	index := `{"packages.conda":{"b-2-0.conda":{"sha256":"` + strings.Repeat("0", 64) + `"}}}`
	if err := os.WriteFile(filepath.Join(filepath.Dir(c.b), "repodata.json"), []byte(index), 0o644); err != nil {
		t.Fatal(err)
	}
	c.want(t, 1, "the index beside it lists other bytes", "verify", c.b)
}

// TestVerifyReadsThePackage has a signature over a statement that is not about what the package holds.
func TestVerifyReadsThePackage(t *testing.T) {
	c := newSignedChannel(t)
	other := filepath.Join(filepath.Dir(c.a), "z-9-0.conda")
	sum := writePackage(t, other, "a-1-0", "of a")
	for _, suffix := range []string{trust.SuffixOpenPGP, trust.SuffixStatements} {
		data := readAll(t, c.a+suffix)
		if err := os.WriteFile(other+suffix, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c.want(t, 1, "is about \"a-1-0.conda\"", "verify", other)
	c.signAs(t, other, "z-9-0", sum)
	c.want(t, 1, "says it is \"a-1-0\"", "verify", other)
	if err := os.WriteFile(other, []byte("PK no package"), 0o644); err != nil {
		t.Fatal(err)
	}
	c.signAs(t, other, "z-9-0", digest.Of([]byte("PK no package")))
	c.want(t, 1, "z-9-0.conda", "verify", other)
}

func readAll(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestMaterialsCannotLeadOut(t *testing.T) {
	for uri, want := range map[string]string{
		"linux-64/a-1-0.conda":                    "/c/linux-64/a-1-0.conda",
		"https://host/channel/noarch/a-1-0.conda": "/c/noarch/a-1-0.conda",
		"pkg:conda/a@1?build=0&subdir=noarch":     "/c/noarch/a-1-0.conda",
		"a-1-0.conda":                             "/c/linux-64/a-1-0.conda /c/noarch/a-1-0.conda",
		"":                                        "/c/linux-64/a-1-0.conda /c/noarch/a-1-0.conda",
		"../../etc/passwd":                        "/c/etc/passwd",
		"..":                                      "",
		"../..":                                   "",
		"x/..":                                    "",
		"linux-64/.hidden":                        "",
		"linux-64/%2e%2e":                         "",
		"linux-64/..%2fx":                         "",
		`linux-64/..\x`:                           "",
		"pkg:conda/a@1?subdir=..":                 "",
		"pkg:conda/a@1?subdir=a/b":                "",
		"http://[::1]:namedport/linux-64/a-1-0.conda": "",
	} {
		got := strings.Join(besides("/c/linux-64/b.conda", provenance.Material{Name: "a-1-0", URI: uri}), " ")
		if got != want {
			t.Errorf("%s: %q, want %q", uri, got, want)
		}
	}
}

// TestVerifyTests: a trusted key's statement that the tests failed is a refusal; one by a stranger is, too, for
// every line must be signed by somebody who is trusted.
func TestVerifyTests(t *testing.T) {
	c := newSignedChannel(t)
	sum, _, err := digest.OfFile(c.a)
	if err != nil {
		t.Fatal(err)
	}
	tested := provenance.Tested{FileName: filepath.Base(c.a), SHA256: sum, Key: digest.Of([]byte("tests")), Passed: []string{"1 script", "2 python 3.11"}}
	add := func(keys *trust.Keys, tested provenance.Tested) {
		t.Helper()
		statement, err := provenance.TestStatement(tested)
		if err != nil {
			t.Fatal(err)
		}
		envelope, err := keys.SignStatement(context.Background(), trust.PayloadInToto, statement)
		if err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(envelope)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(c.a+trust.SuffixStatements, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		f.Write(append(line, '\n'))
	}
	add(c.keys, tested)
	c.want(t, 0, "2 passed: test 1 (script), test 2 (python 3.11)", "verify", c.a)
	before, err := os.ReadFile(c.a + trust.SuffixStatements)
	if err != nil {
		t.Fatal(err)
	}
	stranger, _, err := trust.LoadOrCreate(filepath.Join(t.TempDir(), "keys"), time.Now().Add(-time.Minute), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	add(stranger, tested)
	c.want(t, 1, "line 3 of its .intoto.jsonl: none of the envelope's signatures is by a trusted key", "verify", c.a)
	if err := os.WriteFile(c.a+trust.SuffixStatements, before, 0o644); err != nil {
		t.Fatal(err)
	}
	tested.Failed = []string{"3 script"}
	add(c.keys, tested)
	c.want(t, 1, `a trusted key states that its tests failed: "3 script"`, "verify", c.a)
}
