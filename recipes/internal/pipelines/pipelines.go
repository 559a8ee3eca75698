// Package pipelines holds the build steps that recipe.hcl can call by name.
package pipelines

import (
	"embed"
	"strings"
)

//go:embed *.hcl
var files embed.FS

// Get returns the text of a pipeline; false where there is none of that name.
func Get(name string) ([]byte, bool) {
	if strings.ContainsAny(name, `/\.`) {
		return nil, false
	}
	data, err := files.ReadFile(name + ".hcl")
	return data, err == nil
}

// Names lists the pipelines, sorted.
func Names() (names []string) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".hcl"))
	}
	return names
}
