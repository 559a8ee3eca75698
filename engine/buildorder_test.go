package engine

import (
	"strings"
	"testing"

	"forge/platforms"
	"forge/recipes"
)

func TestBuildOrder(t *testing.T) {
	for _, tt := range []struct{ name, outputs, want string }{
		{"levels", "c: {host: [b]}\nb: {build: [a]}\na: {}\nz: {run: [c, \"${{ pin_subpackage('y', exact=True) }}\"]}\ny: {}", "a b c y z"},
		{"nothing needed", "c: {run: [b]}\nb: {}", "c b"},
		{"names of others", "c: {host: [zlib]}\nb: {host: [c <1]}", "c b"},
	} {
		text := "recipe: {name: r, version: '1'}\noutputs:\n"
		for _, line := range strings.Split(tt.outputs, "\n") {
			name, requirements, _ := strings.Cut(line, ": ")
			text += "  - package: {name: " + name + "}\n    requirements: " + requirements + "\n"
		}
		linux, _ := platforms.Parse("linux-64")
		r := recipes.Render("recipe.yaml", []byte(text), recipes.RenderOptions{BuildPlatform: linux})
		if err := r.Diagnostics.Err(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range BuildOrder(r.Outputs) {
			got = append(got, o.Name)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
}
