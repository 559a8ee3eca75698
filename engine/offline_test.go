package engine

import (
	"strings"
	"testing"
)

func TestWithoutNetwork(t *testing.T) {
	for _, tt := range []struct{ log, want string }{
		{`src/reader.go:15:2: example.org/walker@v0.1.3: Get "https://x.example/w/@v/v0.1.3.zip": dial tcp: lookup x.example: no such host`, "pkg:golang/"},
		{`warning: spurious network error (2 tries remaining): failed to resolve address for x.example: Name or service not known; class=Net (12)`, "pkg:cargo/"},
		{`npm ERR! code EAI_AGAIN`, "pkg:npm/"},
		{`npm error network request to x.example failed`, "pkg:npm/"},
		{`ERROR: No matching distribution found for six`, "requirements.host"},
		{`curl: (6) Could not resolve host: x.example`, "sha256"},
		{`  6;"Couldn't resolve host name"`, "sha256"},
		{`fatal: unable to access 'https://x.example/': Could not resolve host: x.example`, "sha256"},
		{`/forge/script_0.sh: line 11: activate: No such file or directory`, "active already"},
		{`build.sh: line 3: conda: command not found`, "active already"},
		{`gcc: fatal error: no input files`, ""},
		{`test_resolve_host ... ok`, ""},
	} {
		got := withoutNetwork([]string{"x", tt.log, "y"}, buildsInstead)
		if test := withoutNetwork([]string{tt.log}, testsInstead); (test == "") != (got == "") || strings.Contains(test, "%s") {
			t.Errorf("%s in a test: %q", tt.log, test)
		}
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.log, got, tt.want)
		}
	}
}
