package sandbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A disk holds a command to the bytes that its writable folders may grow by. To count a tree takes long, so
// it is done when the file system has lost so much room that the limit may be passed, and at the end; and, lest
// somebody else who makes room hides it, in a fiftieth of the time besides.
type disk struct {
	limit int64
	dirs  []string
	keep  int       // pid 1 of the command
	base  int64     // bytes in the folders at the start
	used  int64     // more than at the start, when last counted
	free  int64     // of their file systems, then
	start int64     // of their file systems, at the start
	blind bool      // a folder could not be read
	rest  time.Time // no count before
	due   time.Time // a count from then on, whatever the file system says
	now   func() time.Time
}

// newDisk counts what is there. A Spec without the limit, or without folders of the machine that may be
// written to, has none.
func newDisk(spec Spec, now func() time.Time) *disk {
	d := &disk{limit: spec.Limits.Disk, now: now}
	for _, m := range spec.Mounts {
		if m.Writable && m.Source != "" {
			d.dirs = append(d.dirs, m.Source)
		}
	}
	if d.limit == 0 || len(d.dirs) == 0 {
		return nil
	}
	d.base = d.count()
	d.start = d.room()
	d.free, d.blind = d.start, false
	return d
}

// room is what the folders' file systems have left.
func (d *disk) room() (free int64) {
	seen := map[unix.Fsid]bool{}
	for _, dir := range d.dirs {
		var st unix.Statfs_t
		if unix.Statfs(dir, &st) == nil && !seen[st.Fsid] {
			seen[st.Fsid] = true
			free += int64(st.Bfree)*st.Bsize + int64(st.Ffree)*inodeCost
		}
	}
	return free
}

// over tells whether the command took more than it may.
func (d *disk) over() bool {
	if d == nil || d.now().Before(d.rest) || d.now().Before(d.due) && d.room() >= d.free-(d.limit-d.used) {
		return false
	}
	return d.recount()
}

// overAtEnd is the same when the command has ended and there is no later.
func (d *disk) overAtEnd() bool {
	if d == nil {
		return false
	}
	d.keep = 0
	return d.recount()
}

func (d *disk) recount() bool {
	began := d.now()
	d.used, d.free = d.count()-d.base, d.room()
	if d.blind { // what its file system lost is then held against the command, whoever took it
		d.used = max(d.used, d.start-d.free)
	}
	took := d.now().Sub(began)
	d.rest, d.due = d.now().Add(9*took), d.now().Add(49*took)
	return d.used > d.limit
}

// inodeCost is what a file costs beside its content: most file systems have room for so many only.
const inodeCost = 1 << 10

type fileID struct{ dev, ino uint64 }

// count is what the folders hold, and what files hold that have no name any more and are open. A file that
// has neither name nor descriptor and is only mapped is not found.
func (d *disk) count() (bytes int64) {
	seen := map[fileID]bool{}
	add := func(st *unix.Stat_t) {
		id := fileID{uint64(st.Dev), st.Ino}
		if !seen[id] {
			seen[id] = true
			bytes += st.Blocks*512 + inodeCost
		}
	}
	devices := map[uint64]bool{}
	for _, dir := range d.dirs {
		filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
			d.blind = d.blind || errors.Is(err, fs.ErrPermission)
			var st unix.Stat_t
			if unix.Lstat(p, &st) == nil {
				devices[uint64(st.Dev)] = true
				add(&st)
			}
			return nil // what goes away meanwhile is not counted
		})
	}
	if d.keep != 0 {
		for _, pid := range descendants(d.keep) {
			open := "/proc/" + strconv.Itoa(pid) + "/fd/"
			list, _ := os.ReadDir(open)
			for _, e := range list {
				var st unix.Stat_t
				if unix.Stat(open+e.Name(), &st) == nil && st.Nlink == 0 && devices[uint64(st.Dev)] {
					add(&st)
				}
			}
		}
	}
	return bytes
}
