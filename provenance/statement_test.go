package provenance

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"forge/digest"

	"github.com/google/go-cmp/cmp"
)

func hex(s string) string { return digest.Of([]byte(s)).Hex() }

func sample() Build {
	return Build{
		FileName: "zlib-1.3-h1_0.conda", SHA256: digest.Of([]byte("file")),
		Recipe: "recipes/zlib/recipe.yaml", RecipeTree: digest.Of([]byte("tree")), GitCommit: strings.Repeat("a", 40),
		Output: "zlib-1.3-h1_0", Platform: "linux-64", Variant: map[string]any{"c_compiler": "gcc", "n": json.Number("3"), "cuda": "None"},
		Unused: map[string]any{"cuda_compiler_version": "None"}, Settings: map[string]any{"pin_run_as_build": map[string]any{"x": "None"}},
		Key: digest.Of([]byte("key")), Isolation: "full", Limits: map[string]any{"processes": json.Number("512")},
		Epoch: 315532800, Packer: "klauspost/compress zstd 1.18.0 best", Script: digest.Of([]byte("script")),
		Materials: []Material{
			{Kind: "source", Name: "zlib-1.3.tar.gz", URI: "pkg:deb/debian/zlib@1.3?arch=source", Digests: map[string]string{"sha256": hex("s")}},
			{Kind: "external", Name: "make", URI: "pkg:deb/debian/make@4.3", Digests: map[string]string{DigestTree: hex("m")}},
			{Kind: "package", Name: "cmake-3-0", URI: "linux-64/cmake-3-0.conda", Digests: map[string]string{"sha256": hex("c")}, Annotations: map[string]any{"environment": "build"}},
		},
		BuilderID: "forge", BuilderMode: "workstation", BuilderVersion: "0.1.0",
		Tests: []TestResult{{"script", "passed"}},
	}
}

func TestStatementIsAFunctionOfTheBuild(t *testing.T) {
	b := sample()
	one, err := Statement(b)
	if err != nil {
		t.Fatal(err)
	}
	b.Materials = append([]Material{b.Materials[2], b.Materials[2]}, b.Materials[1], b.Materials[0])
	two, err := Statement(b)
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("%v\n%s", err, cmp.Diff(string(one), string(two)))
	}
	back, err := Parse(one)
	if err != nil {
		t.Fatal(err)
	}
	third, err := Statement(back)
	if err != nil || !bytes.Equal(one, third) {
		t.Errorf("%v\n%s", err, cmp.Diff(string(one), string(third)))
	}
}

func TestStatementNamesWhatSLSAWants(t *testing.T) {
	raw, err := Statement(sample())
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	definition := got["predicate"].(map[string]any)["buildDefinition"].(map[string]any)
	first := definition["resolvedDependencies"].([]any)[0]
	want := map[string]any{
		"name":        "recipes/zlib/recipe.yaml",
		"digest":      map[string]any{"forgeTree": hex("tree"), "gitCommit": strings.Repeat("a", 40)},
		"annotations": map[string]any{"kind": "recipe"},
	}
	if d := cmp.Diff(want, first); d != "" {
		t.Error(d)
	}
	if len(got["subject"].([]any)) != 1 {
		t.Error("want one subject")
	}
}

func TestStatementRefusesHoles(t *testing.T) {
	for name, spoil := range map[string]func(*Build){
		"no file":             func(b *Build) { b.FileName = "" },
		"path for a file":     func(b *Build) { b.FileName = "linux-64/x.conda" },
		"no sum":              func(b *Build) { b.SHA256 = digest.Digest{} },
		"no tree":             func(b *Build) { b.RecipeTree = digest.Digest{} },
		"no version":          func(b *Build) { b.BuilderVersion = "" },
		"filler":              func(b *Build) { b.Packer = "Unknown" },
		"filler in a test":    func(b *Build) { b.Tests[0].Result = "n/a" },
		"filler in a note":    func(b *Build) { b.Materials[0].Annotations = map[string]any{"a": []any{"none"}} },
		"no digest":           func(b *Build) { b.Materials[0].Digests = nil },
		"weak digest":         func(b *Build) { b.Materials[0].Digests = map[string]string{"md5": strings.Repeat("a", 32)} },
		"cut digest":          func(b *Build) { b.Materials[0].Digests["sha256"] = hex("s")[:40] },
		"upper case digest":   func(b *Build) { b.Materials[0].Digests["sha256"] = strings.ToUpper(hex("s")) },
		"unknown algorithm":   func(b *Build) { b.Materials[0].Digests["crc32"] = "00000000" },
		"nameless":            func(b *Build) { b.Materials[0].Name, b.Materials[0].URI = "", "" },
		"password":            func(b *Build) { b.Materials[0].URI = "https://me:secret@host/x" },
		"password of git":     func(b *Build) { b.GitRemote = "https://token@host/x" },
		"commit of no length": func(b *Build) { b.GitCommit = "abc" },
		"kind twice":          func(b *Build) { b.Materials[0].Annotations = map[string]any{"kind": "x"} },
		"not UTF-8":           func(b *Build) { b.Recipe = "\xff" },
	} {
		b := sample()
		spoil(&b)
		if out, err := Statement(b); err == nil {
			t.Errorf("%s: %s", name, out)
		}
	}
}

func TestParseRefusesWhatWeDoNotWrite(t *testing.T) {
	good, err := Statement(sample())
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string][2]string{
		"unknown parameter":   {`"externalParameters":{`, `"externalParameters":{"extra":1,`},
		"space":               {`{"_type"`, `{ "_type"`},
		"other case":          {`"platform"`, `"Platform"`},
		"other build type":    {"forge:build/v1", "forge:build/v2"},
		"tail":                {"", ""},
		"second builder name": {`"version":{"forge"`, `"version":{"os":"x","forge"`},
	} {
		bad := []byte(strings.Replace(string(good), edit[0], edit[1], 1))
		if name == "tail" {
			bad = append(bytes.Clone(good), '{')
		}
		if _, err := Parse(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	good, err := Statement(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Parse(data)
		if err != nil {
			return
		}
		again, err := Statement(b)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%v: %s", err, again)
		}
	})
}
