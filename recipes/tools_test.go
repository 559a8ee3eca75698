package recipes

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// eachCorpusRecipe visits the recipes of the shared corpus and those that are shipped.
func eachCorpusRecipe(t *testing.T, visit func(path string, data []byte)) {
	t.Helper()
	roots := []string{"."}
	if dir := sharedOrEmpty(); dir != "" {
		roots = append(roots, filepath.Join(dir, "corpus"))
	}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || renderer(path) == nil || !contains(recipeNames(), d.Name()) {
				return err
			}
			data, err := os.ReadFile(path)
			if err == nil {
				visit(path, data)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func sharedOrEmpty() string {
	for _, dir := range []string{os.Getenv("FORGE_SHARED"), "../../shared", "/work/shared"} {
		if dir != "" {
			if info, err := os.Stat(filepath.Join(dir, "corpus")); err == nil && info.IsDir() {
				return dir
			}
		}
	}
	return ""
}

func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}
