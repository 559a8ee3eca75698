package sandbox

import (
	"bytes"
	"errors"
	"fmt"
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

// count is what the folders hold, and what files hold that have no name any more and are open. Where such a file
// has no descriptor either, because it is only mapped or on its way through a socket, nobody can say how large it
// is: that counts as a folder that cannot be read.
func (d *disk) count() (total int64) {
	seen := map[fileID]bool{}
	add := func(st *unix.Stat_t) {
		id := fileID{uint64(st.Dev), st.Ino}
		if !seen[id] {
			seen[id] = true
			total += st.Blocks*512 + inodeCost
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
			proc := "/proc/" + strconv.Itoa(pid)
			list, err := os.ReadDir(proc + "/fd")
			d.blind = d.blind || errors.Is(err, fs.ErrPermission) // it hides from its own user (PR_SET_DUMPABLE)
			for _, e := range list {
				var st unix.Stat_t
				switch err := unix.Stat(proc+"/fd/"+e.Name(), &st); {
				case err != nil:
				case st.Mode&unix.S_IFMT == unix.S_IFSOCK:
					d.blind = d.blind || carriesFiles(proc+"/fdinfo/"+e.Name())
				case st.Nlink == 0 && devices[uint64(st.Dev)]:
					add(&st)
				}
			}
			d.blind = d.blind || mapsUnnamed(proc+"/maps", func(id fileID) bool { return devices[id.dev] && !seen[id] })
		}
	}
	return total
}

// carriesFiles tells whether descriptors lie in a socket that nobody has received (fdinfo's scm_fds).
func carriesFiles(fdinfo string) bool {
	b, _ := os.ReadFile(fdinfo)
	_, n, ok := bytes.Cut(b, []byte("scm_fds:"))
	n, _, _ = bytes.Cut(n, []byte("\n"))
	return ok && string(bytes.TrimSpace(n)) != "0"
}

// mapsUnnamed tells whether a process has mapped a file without a name that counts.
func mapsUnnamed(maps string, counts func(fileID) bool) bool {
	b, _ := os.ReadFile(maps)
	for line := range bytes.Lines(b) {
		var major, minor uint32
		var ino uint64
		if f := bytes.Fields(line); len(f) > 5 && bytes.HasSuffix(line, []byte(" (deleted)\n")) {
			fmt.Sscanf(string(f[3]), "%x:%x", &major, &minor)
			ino, _ = strconv.ParseUint(string(f[4]), 10, 64)
			if counts(fileID{unix.Mkdev(major, minor), ino}) {
				return true
			}
		}
	}
	return false
}
