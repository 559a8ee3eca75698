package recipes

import (
	"strings"
	"testing"

	"forge/internal/diag"
)

func TestAddPatch(t *testing.T) {
	for _, c := range []struct{ name, path, in, at, want string }{
		{"none yet", "recipe.yaml", "source:\n  url: x # of old\n  sha256: y\n\nbuild:\n  number: 0\n", "url", "source:\n  url: x # of old\n  sha256: y\n  patches:\n    - new.patch\n\nbuild:\n  number: 0\n"},
		{"a list", "recipe.yaml", "source:\n  url: x\n  patches:\n    # why\n    - a.patch # first\n    - b.patch\n\nbuild: {}\n", "url", "source:\n  url: x\n  patches:\n    # why\n    - a.patch # first\n    - b.patch\n    - new.patch\n\nbuild: {}\n"},
		{"flow", "recipe.yaml", "source:\n  url: x\n  patches: [a.patch, 'b.patch'] # two\n", "url", "source:\n  url: x\n  patches: [a.patch, 'b.patch', new.patch] # two\n"},
		{"the second source", "recipe.yaml", "source:\n  - url: x\n  - url: y\n    target_directory: z\n", "url: y", "source:\n  - url: x\n  - url: y\n    target_directory: z\n    patches:\n      - new.patch\n"},
		{"the first source", "recipe.yaml", "source:\n  - url: x\n  - url: y\n", "url: x", "source:\n  - url: x\n    patches:\n      - new.patch\n  - url: y\n"},
		{"no newline at the end", "recipe.yaml", "source:\n  url: x", "url", "source:\n  url: x\n  patches:\n    - new.patch"},
		{"meta.yaml", "meta.yaml", "{% set v = '1' %}\nsource:\n  url: x-{{ v }}.tar.gz  # [linux]\n  sha256: y\n  patches:\n    - a.patch  # [linux]\nbuild:\n  number: 0\n", "sha256", "{% set v = '1' %}\nsource:\n  url: x-{{ v }}.tar.gz  # [linux]\n  sha256: y\n  patches:\n    - a.patch  # [linux]\n    - new.patch\nbuild:\n  number: 0\n"},
		{"hcl", "recipe.hcl", "source {\n  url = [\"x\"]\n}\n", "source", "source {\n  url = [\"x\"]\n  patches = [\"new.patch\"]\n}\n"},
		{"hcl list", "recipe.hcl", "source {\n  url = [\"x\"]\n  patches = [\"a.patch\"] # one\n}\n", "source", "source {\n  url = [\"x\"]\n  patches = [\"a.patch\", \"new.patch\"] # one\n}\n"},
		{"a condition", "recipe.yaml", "source:\n  url: x\n  patches:\n    - if: linux\n      then: a.patch\n", "url", ""},
		{"an expression", "recipe.yaml", "source:\n  url: x\n  patches: ${{ all }}\n", "url", ""},
		{"flow source", "recipe.yaml", "source: {url: x}\n", "url", ""},
		{"hcl expression", "recipe.hcl", "source {\n  url = [\"x\"]\n  patches = local.all\n}\n", "source", ""},
	} {
		line := 1 + strings.Count(c.in[:strings.Index(c.in, c.at)], "\n")
		out, err := AddPatch(c.path, []byte(c.in), diag.Pos{Line: line}, "new.patch")
		if (err != nil) != (c.want == "") || string(out) != c.want {
			t.Errorf("%s: %v\n%s", c.name, err, out)
		}
	}
}
