package sources

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/digest"
	"forge/recipes"
)

// fakeAttests takes "attested SHA512 by PUBLISHER", and counts.
type fakeAttests struct{ calls int }

func (f *fakeAttests) CheckAttestations(data []byte, sums FileSums, publishers []recipes.Publisher) ([]Attestation, error) {
	f.calls++
	var list []Attestation
	for _, p := range publishers {
		if !bytes.Contains(data, fmt.Appendf(nil, "attested %x by %s\n", sums.SHA512, p)) {
			return nil, errors.New(p.String() + " has not attested it")
		}
		list = append(list, Attestation{Publisher: p.String()})
	}
	return list, nil
}

func TestAttestations(t *testing.T) {
	const good = "attested 77c7ce9a5d86bb386d443bb96390faa120633158699c8844c30b13ab0bf92760b7e4416aea397db91b4ac0e5dd56b8ef7e4b066162ab1fdc088319ce6defc876 by github:a/b\n" // sha512 of "data"
	dir := write(t, t.TempDir(), map[string]string{"recipe/good.json": good, "recipe/bad.json": "attested 00 by github:a/b\n", "outside.json": good})
	var asked atomic.Int32
	served, _ := moody(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/f.bin":
			w.Write([]byte("data"))
		case "/f.bin.json":
			asked.Add(1)
			w.Write([]byte(good))
		case "/huge.json":
			w.Header().Set("Content-Length", "17000000")
			w.Write(make([]byte, 17_000_000))
		default:
			http.NotFound(w, r)
		}
	})
	origin := recipes.Origin{Dir: filepath.Join(dir, "recipe")}
	ab := []recipes.Publisher{{Provider: "github", Owner: "a", Repo: "b"}}
	source := func(bundle string, by []recipes.Publisher) recipes.Source {
		return recipes.Source{URLs: []string{served}, Hashes: map[string]string{"sha256": "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"},
			Attestation: &recipes.Attestation{Publishers: by, BundleURL: bundle}}
	}
	fetch := func(g *Getter, s recipes.Source) ([]Attestation, error) {
		f, err := g.FetchSource(context.Background(), origin, s, nil)
		return f.Attestations, err
	}
	for _, c := range []struct {
		name, bundle string
		by           []recipes.Publisher
		words        string
	}{
		{"from a server", served + ".json", ab, ""},
		{"beside the recipe", "file:good.json", ab, ""},
		{"file of this machine", "file://" + filepath.ToSlash(filepath.Join(dir, "outside.json")), ab, ""},
		{"not of this file", "file:bad.json", ab, "attestation of f.bin: github:a/b has not attested it"},
		{"one of two", "file:good.json", append(ab, recipes.Publisher{Provider: "github", Owner: "c", Repo: "d"}), "attestation of f.bin: github:c/d has not attested it"},
		{"nobody", "file:good.json", nil, "attestation of f.bin: not every publisher's was checked"},
		{"outside of the folder", "file:../outside.json", ab, "outside.json"},
		{"not there", served + ".none", ab, "404"},
		{"too large", served[:len(served)-len("f.bin")] + "huge.json", ab, "more than the 16777216"},
		{"nowhere", "", ab, "attestation of f.bin: the recipe says nowhere where it is"},
		{"other registry", "pkg:cargo/a@1", ab, `registries of packages of type "cargo" have no attestations`},
	} {
		g := newGetter(t)
		g.Attests = &fakeAttests{}
		got, err := fetch(g, source(c.bundle, c.by))
		if c.words == "" && (err != nil || len(got) != 1 || got[0].Bundle.IsZero() || got[0].BundleURL != c.bundle) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
		if c.words != "" {
			t.Log(c.name)
			wantError(t, err, c.words)
		}
		var refused *AttestationError
		if c.words != "" && !errors.As(err, &refused) {
			t.Errorf("%s: %v is no AttestationError", c.name, err)
		}
	}

	// Without a checker nothing counts; what was got once is not asked for again, nor is a network needed;
	// what was refused is.
	g := newGetter(t)
	if _, err := fetch(g, source("file:good.json", ab)); err == nil {
		t.Error("counts without a checker")
	}
	check := &fakeAttests{}
	g.Attests = check
	asked.Store(0)
	for _, g.Offline = range []bool{false, true} {
		if _, err := fetch(g, source(served+".json", ab)); err != nil {
			t.Error(err)
		}
	}
	if asked.Load() != 1 || check.calls != 2 {
		t.Errorf("the server was asked %d times, the checker %d", asked.Load(), check.calls)
	}
	g.Offline = false
	for range 2 {
		if _, err := fetch(g, source(served+".json", []recipes.Publisher{{Provider: "github", Owner: "x", Repo: "y"}})); err == nil {
			t.Error("counts for another publisher")
		}
	}
	if asked.Load() != 2 {
		t.Errorf("the server was asked %d times, want once more", asked.Load())
	}
}

func TestRegistryOf(t *testing.T) {
	sum := "/packages/ab/cd/" + string(bytes.Repeat([]byte("0"), 60))
	got := map[string]string{}
	want := map[string]string{
		"https://index.example/packages/source/f/flask/flask-3.1.1.tar.gz": "pkg:pypi/flask@3.1.1",
		"https://files.example" + sum + "/Flask_Cors-4.0.zip":              "pkg:pypi/Flask_Cors@4.0",
		"https://files.example" + sum + "/a_b-1.0-py3-none-any.whl#x":      "pkg:pypi/a_b@1.0",
		"pkg:pypi/flask@3.1.1":                                   "pkg:pypi/flask@3.1.1",
		"pkg:npm/%40scope/a@1.0.0":                               "pkg:npm/%40scope/a@1.0.0",
		"https://host.example/a/releases/download/v1/a-1.tar.gz": "",
		"https://host.example/packages/a-1.tar.gz":               "",
		"pkg:cargo/a@1":                                          "",
	}
	for u := range want {
		got[u] = registryOf([]string{u})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestIndexProvenance asks an index of the test's own, with the pip of this machine.
func TestIndexProvenance(t *testing.T) {
	const sum = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"
	page := `{"meta": {"api-version": "1.3"}, "name": "a", "files": [{"filename": "a-1.tar.gz", "url": "../a-1.tar.gz", "hashes": {"sha256": "` + sum + `"}, "provenance": PROVENANCE}]}`
	var provenance atomic.Value
	provenance.Store(`"../../who/a-1.tar.gz"`)
	server, _ := moody(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/simple/a/":
			w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
			w.Write(bytes.ReplaceAll([]byte(page), []byte("PROVENANCE"), []byte(provenance.Load().(string))))
		case "/who/a-1.tar.gz":
			w.Write([]byte(`{"attestation_bundles": []}`))
		default:
			http.NotFound(w, r)
		}
	})
	parsed := func(hex string) digest.Digest {
		d, err := digest.Parse(hex)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	g := newGetter(t)
	if _, err := g.find("python3"); err != nil {
		t.Skip(err)
	}
	g.env = map[string]string{"HOME": t.TempDir(), "PIP_INDEX_URL": server[:len(server)-len("f.bin")] + "simple", "PIP_CONFIG_FILE": os.DevNull}
	file := File{Name: "a-1.tar.gz", Digest: parsed(sum)}
	got, err := g.attestations(context.Background(), recipes.Origin{}, "pkg:pypi/a@1", file)
	if err != nil && bytes.Contains([]byte(err.Error()), []byte("No module named pip")) {
		t.Skip(err)
	}
	if err != nil || string(got) != `{"attestation_bundles": []}` {
		t.Errorf("got %s, %v", got, err)
	}
	provenance.Store("null")
	file.Digest = parsed(sum)
	os.Remove(g.recordPath(attestationKey(file, "pkg:pypi/a@1")))
	_, err = g.attestations(context.Background(), recipes.Origin{}, "pkg:pypi/a@1", file)
	wantError(t, err, "the index has no attestation of a-1.tar.gz")
	file.Digest = parsed("00" + sum[2:])
	_, err = g.attestations(context.Background(), recipes.Origin{}, "pkg:pypi/a@1", file)
	wantError(t, err, "no index has a file of a with the sha256 00")
}

// TestNPMAttestations asks a registry of the test's own, with the npm of this machine.
func TestNPMAttestations(t *testing.T) {
	var at atomic.Value
	at.Store(`"attestations": {"url": "WHERE/who"}, `)
	served, _ := moody(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/a":
			w.Header().Set("Content-Type", "application/json")
			base := "http://" + r.Host
			fmt.Fprintf(w, `{"name": "a", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": {"name": "a", "version": "1.0.0", "dist": {%s"tarball": "%s/a.tgz"}}}}`,
				strings.ReplaceAll(at.Load().(string), "WHERE", base), base)
		case "/who":
			w.Write([]byte(`{"attestations": []}`))
		default:
			http.NotFound(w, r)
		}
	})
	g := newGetter(t)
	if _, err := g.find("npm"); err != nil {
		t.Skip(err)
	}
	g.env = map[string]string{"HOME": t.TempDir(), "npm_config_registry": strings.TrimSuffix(served, "/f.bin")}
	got, err := g.attestations(context.Background(), recipes.Origin{}, "pkg:npm/a@1.0.0", File{Name: "a.tgz"})
	if err != nil || string(got) != `{"attestations": []}` {
		t.Errorf("got %s, %v", got, err)
	}
	at.Store("")
	os.Remove(g.recordPath(attestationKey(File{}, "pkg:npm/a@1.0.0")))
	_, err = g.attestations(context.Background(), recipes.Origin{}, "pkg:npm/a@1.0.0", File{Name: "a.tgz"})
	wantError(t, err, "the registry has no attestations of it")
}
