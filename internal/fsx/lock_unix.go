//go:build unix

package fsx

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// Lock takes an exclusive lock on the file at path, made if missing, and waits for it until ctx ends.
// The kernel drops it when the process ends, however it ends, so no lock is ever stale.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666) // whoever may write to the folder, as the umask has it
	if err != nil {
		return nil, err
	}
	return lock(ctx, f, syscall.LOCK_EX)
}

// LockShared waits until nobody holds the lock on the file at path, which must be there, and keeps others from taking
// it. Any number of processes may do that at once; it takes no right to write.
func LockShared(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return lock(ctx, f, syscall.LOCK_SH)
}

func lock(ctx context.Context, f *os.File, how int) (unlock func(), err error) {
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
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
