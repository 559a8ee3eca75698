package fsx

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// Lock takes an exclusive lock on the file at path, made if missing, and waits for it until ctx ends.
// The kernel drops it when the process ends, however it ends, so no lock is ever stale.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return lock(ctx, f, windows.LOCKFILE_EXCLUSIVE_LOCK)
}

// LockShared waits until nobody holds the lock on the file at path, which must be there, and keeps others from taking
// it. Any number of processes may do that at once; it takes no right to write.
func LockShared(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return lock(ctx, f, 0)
}

func lock(ctx context.Context, f *os.File, how uint32) (unlock func(), err error) {
	flags := how | windows.LOCKFILE_FAIL_IMMEDIATELY
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		err = windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
			f.Close()
			return nil, err
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}
