package sandbox

// Trace is what a command and all its children asked the file system for by name: opened for reading,
// executed, looked at, and not found. It is told by the kernel before each call goes on, so a program can
// hide nothing that it opens in the ordinary way; one that races another thread of its own to change a
// name in memory can have another name recorded than the one used. It is a record for people, no wall.
type Trace struct {
	Opened   []string // read, or looked at, and there; paths inside, links resolved; sorted
	Executed []string // those of them that were executed
	Absent   []string // asked for and not there, as asked for; sorted
	Lost     int64    // names beyond the bound, or that could not be read: not zero means incomplete
}

// maxTraced bounds the names that a trace keeps.
const maxTraced = 400_000
