package channels

import (
	"fmt"
	"io/fs"
	"syscall"
	"time"
)

// fileStat names the state of a file: it changes with every write, and with every file that takes the
// name. changed is when it last did.
func fileStat(info fs.FileInfo) (stat string, changed time.Time) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", time.Time{}
	}
	changed = time.Unix(st.Ctimespec.Unix())
	return fmt.Sprintf("%d %d %d %d", st.Ino, st.Size, info.ModTime().UnixNano(), changed.UnixNano()), changed
}
