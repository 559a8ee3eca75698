//go:build unix

package trust

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkPrivate refuses a folder or file of keys that others may read or change.
func checkPrivate(path string, info fs.FileInfo, help string) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("the signing keys at %s are open to others (mode %04o): run %s %q", path, mode, help, path)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("the signing keys at %s belong to user %d, not to you (%d): name your own folder in FORGE_KEYS", path, st.Uid, os.Geteuid())
	}
	return nil
}

// syncDir makes a new name in dir survive a loss of power.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
