package recipes

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// MissingPatches are those that a recipe's folder lacks. Names that only the build can complete are not looked for.
func (s *Source) MissingPatches(dir string) (missing []string) {
	for _, p := range s.Patches {
		if strings.HasPrefix(p, "$") || strings.HasPrefix(p, "%") {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(p))); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, p)
		}
	}
	return missing
}
