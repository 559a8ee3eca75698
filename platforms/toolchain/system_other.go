//go:build !windows

package toolchain

import "io/fs"

func systemRoot() string { return "/" }

// windowsSystem is where a Windows seen from another system keeps its programs, of unknown version.
func windowsSystem() (folder, version string) { return "Windows/System32", "0" }

// askVswhere finds nothing: the locator is a program of Windows.
func askVswhere(string) ([]studio, error) { return nil, nil }

// runs reports whether the file's mode lets it be run.
func runs(info fs.FileInfo) bool { return info.Mode()&0o111 != 0 }
