package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadID is the calling thread's.
func threadID() int64 { return int64(unix.Gettid()) }

// threadTime is the processor time that a thread of this process has used, by the clock that
// pthread_getcpuclockid(3) makes of its ID.
func threadTime(id int64) time.Duration {
	var t unix.Timespec
	if id == 0 || unix.ClockGettime(int32(^id<<3|6), &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
