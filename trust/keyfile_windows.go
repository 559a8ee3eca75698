package trust

import "io/fs"

// checkPrivate accepts all: the folder inherits the access list of the user's profile.
func checkPrivate(string, fs.FileInfo, string) error { return nil }

// syncDir does nothing: NTFS orders its own names.
func syncDir(string) error { return nil }
