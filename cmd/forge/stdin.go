package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"

	"forge/engine"
)

// mostRecipe is the longest recipe that is read from standard input.
const mostRecipe = 16 << 20

// withStdin puts a file in the place of the pattern "-": the recipe on standard input, alone in a folder
// that goes with the store's other temporary ones. It can name no files beside it.
func (a *app) withStdin(patterns []string, req *engine.Request) ([]string, error) {
	at := slices.Index(patterns, "-")
	if at < 0 {
		return patterns, nil
	}
	if slices.Contains(patterns[at+1:], "-") {
		return nil, usageError{errors.New("standard input holds one recipe: - was given twice")}
	}
	text, err := io.ReadAll(io.LimitReader(a.stdin, mostRecipe+1))
	if err != nil {
		return nil, fmt.Errorf("read the recipe on standard input: %w", err)
	}
	if len(text) > mostRecipe {
		return nil, fmt.Errorf("the recipe on standard input is longer than %d bytes", mostRecipe)
	}
	st, err := a.open(req.CacheDir)
	if err != nil {
		return nil, err
	}
	dir, err := st.TempDir("stdin")
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(dir, "stdin") // statements name a recipe by its folder and file
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, err
	}
	file := filepath.Join(folder, stdinName(text))
	patterns = slices.Clone(patterns)
	patterns[at] = file
	a.stdinFile = file
	return patterns, os.WriteFile(file, text, 0o644)
}

var (
	looksHCL = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s*package\s+"`) })
	looksV0  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{%|(^|[^$])\{\{|(?m)#\s*\[[^\]]+\]\s*$`) })
)

// stdinName tells the format of a recipe that came without a name.
func stdinName(text []byte) string {
	switch {
	case looksHCL().Match(text):
		return "recipe.hcl"
	case looksV0().Match(text):
		return "meta.yaml"
	}
	return "recipe.yaml"
}
