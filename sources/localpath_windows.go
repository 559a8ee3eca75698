package sources

import (
	"path/filepath"
	"strings"
)

// localPath is the path that the path part of a file URL names: /C:/x is C:\x.
func localPath(p string) string {
	if len(p) > 2 && p[0] == '/' && p[2] == ':' {
		p = strings.TrimPrefix(p, "/")
	}
	return filepath.FromSlash(p)
}
