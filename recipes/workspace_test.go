package recipes

import (
	"strings"
	"testing"

	"forge/internal/diag"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestWorkspace(t *testing.T) {
	w, list := ParseWorkspace("forge.hcl", []byte(`
channel "main" {
  url = "file:///srv/channel"
}
external "go" {
  version  = "1.26.1"
  files    = ["/usr/local/go/**"]
  programs = ["/usr/local/go/bin/go"]
  env      = { GOROOT = "/usr/local/go" }
}
external "cmake" {
  use = false
}
toolchain "plain" {
  platform = "linux-64"
  env      = { CFLAGS = "-O2" }
}
variant {
  python   = ["3.11", "3.12"]
  numpy    = ["1.26", "2.0"]
  zip_keys = [["python", "numpy"]]
}
key "us" {
  file     = "keys/us.pem"
  packages = ["lib*"]
}
policy {
  isolation = "landlock"
}
optimize {
  levels = ["x86-64-v3"]
}
`))
	if list != nil {
		t.Fatal(list)
	}
	want := &Workspace{Path: "forge.hcl", Channels: []Channel{{Name: "main", URL: "file:///srv/channel"}},
		Externals: []ExternalTool{{Name: "go", Version: "1.26.1", Use: true, Files: []string{"/usr/local/go/**"}, Programs: []string{"/usr/local/go/bin/go"},
			Env: map[string]string{"GOROOT": "/usr/local/go"}}, {Name: "cmake"}},
		Toolchains: []Toolchain{{Name: "plain", Platform: linuxOptions().TargetPlatform, Env: map[string]string{"CFLAGS": "-O2"}}},
		Variants:   map[string][]string{"python": {"3.11", "3.12"}, "numpy": {"1.26", "2.0"}}, ZipKeys: [][]string{{"python", "numpy"}},
		Keys:   []TrustedKey{{Name: "us", File: "keys/us.pem", Packages: []string{"lib*"}}},
		Policy: Policy{Isolation: "landlock"}, Optimize: Optimize{Levels: []string{"x86_64_v3"}}}
	if d := cmp.Diff(want, w, cmpopts.IgnoreTypes(diag.Pos{}), cmp.Comparer(func(a, b Toolchain) bool {
		return a.Name == b.Name && a.Platform == b.Platform && cmp.Equal(a.Env, b.Env)
	})); d != "" {
		t.Error(d)
	}
	f, _ := w.VariantFile()
	config, problems := readVariants([]VariantFile{f}, nil, variantEnv{})
	if problems != nil || len(config.get("python")) != 2 || len(config.Zip) != 1 {
		t.Errorf("%s\n%v", f.Data, problems)
	}
}

func TestWorkspaceReportsAll(t *testing.T) {
	_, list := ParseWorkspace("forge.hcl", []byte(`
chanel "x" {}
channel "y" {
  ulr = "a"
}
policy { isolation = "ful" }
variant { python = "3.11" }
external "go" { files = ["go"] }
external "rust" {
  version  = "not a version"
  packages = ["rustc"]
  env      = { "A B" = "x", PREFIX = "/x", FINE = "y" }
}
`))
	var got []string
	for _, d := range list {
		got = append(got, strings.TrimPrefix(d.Pos.String(), "forge.hcl:")+" "+d.Code+" "+d.Suggestion)
	}
	want := []string{`2:1 unknown-key did you mean "channel"?`, "3:1 missing-key ", `4:3 unknown-key did you mean "url"?`,
		`6:22 bad-value did you mean "full"?`, "7:20 wrong-type ", "8:1 missing-key ", "8:25 bad-value ",
		"10:14 bad-value ", "12:14 bad-value ", "12:14 bad-value programs of a tool are found on PATH by themselves"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
