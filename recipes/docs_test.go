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
	rendered := 0
	for _, b := range hclBlocksOf(recipe) {
		if strings.HasPrefix(b, "input ") { // a pipeline
			continue
		}
		if !strings.Contains(b, "package \"") { // a part of a recipe
			b += "\npackage \"x\" {\n version = \"1\"\n}\nstaging \"build\" {\n}\n"
		}
		r := Render("recipe.hcl", []byte(b), linuxOptions())
		if err := r.Diagnostics.Err(); err != nil || len(r.Outputs) == 0 {
			t.Errorf("%s\n%v", b, err)
		}
		rendered++
	}
	if rendered < 3 {
		t.Errorf("%d recipes", rendered)
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
