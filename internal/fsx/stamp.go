package fsx

import "time"

// Stamp is what a file system says of a file without its being read. A file whose stamp is as it was has
// not been written to, replaced, renamed over, or given another mode or owner since, as long as the clock
// moved on between (see Settled). Two stamps are compared with ==.
type Stamp struct {
	Device, Inode uint64
	Size          int64
	Modified      int64 // nanoseconds since 1970
	Changed       int64 // of content, name or mode; no program can set it (st_ctim)
	Mode          uint32
}

// The grains of the clocks that time stamps come from.
const (
	tick       = 10 * time.Millisecond // the kernel's own clock, CONFIG_HZ=100
	coarseTick = 2 * time.Second       // file systems without fractions of a second
)

// Settled reports whether a file of this stamp is sure to have stayed the same since then: whatever
// changed it at that time or later would have given it another stamp.
func (s Stamp) Settled(then time.Time) bool {
	grain := tick
	if s.Changed%int64(time.Second) == 0 {
		grain = coarseTick
	}
	return s.Changed < then.Add(-grain).UnixNano()
}

// IsRegular reports whether it is a file, as opposed to a folder, a link or a device.
func (s Stamp) IsRegular() bool { return s.Mode&modeType == modeRegular }

// IsLink reports whether it is a symbolic link.
func (s Stamp) IsLink() bool { return s.Mode&modeType == modeLink }

// The kind of a file in Mode, as POSIX systems have it (inode(7)).
const (
	modeType    = 0o170000
	modeRegular = 0o100000
	modeLink    = 0o120000
)
