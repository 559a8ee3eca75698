package recipes

import (
	"os"
	"strings"
	"testing"
)

// TestDocumentedHCL reads every block of HCL in the documentation.
func TestDocumentedHCL(t *testing.T) {
	data, err := os.ReadFile("../docs/recipe-hcl.md")
	if err != nil {
		t.Fatal(err)
	}
	recipe, workspace, _ := strings.Cut(string(data), "\n# forge.hcl\n")
	blocks := hclBlocksOf(recipe)
	if len(blocks) != 3 {
		t.Fatalf("%d blocks", len(blocks))
	}
	blocks[1] += "\npackage \"x\" {\n version = \"1\"\n}\nstaging \"build\" {\n}\n"
	for _, b := range blocks[:2] {
		if err := Render("recipe.hcl", []byte(b), linuxOptions()).Diagnostics.Err(); err != nil {
			t.Error(err)
		}
	}
	for _, b := range hclBlocksOf(workspace) {
		if _, list := ParseWorkspace("forge.hcl", []byte(b)); list != nil {
			t.Error(list)
		}
	}
}

func hclBlocksOf(text string) (out []string) {
	parts := strings.Split(text, "```")
	for i := 1; i < len(parts); i += 2 {
		if block, ok := strings.CutPrefix(parts[i], "hcl\n"); ok {
			out = append(out, block)
		}
	}
	return out
}
