//go:build !windows

package sources

// localPath is the path that the path part of a file URL names.
func localPath(p string) string { return p }
