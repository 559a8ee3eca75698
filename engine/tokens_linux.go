package engine

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// fifo is a named pipe that is open at both ends, so that neither side ever waits for the other.
type fifo struct{ *os.File }

// makeFIFO makes a named pipe that everybody in the sandbox may use.
func makeFIFO(path string) (tokenPipe, error) {
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return nil, fmt.Errorf("make named pipe %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o666); err != nil { // whatever the umask is; the folders above are closed
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return fifo{f}, nil
}

func (f fifo) drain(deadline time.Time) int {
	buf := make([]byte, 4096)
	if !deadline.IsZero() {
		f.SetReadDeadline(deadline)
		n, _ := f.Read(buf)
		return n
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	total := 0
	raw.Control(func(fd uintptr) {
		for range 16 { // a pipe holds 64 kB
			n, err := unix.Read(int(fd), buf)
			if err != nil || n <= 0 {
				break
			}
			total += n
		}
	})
	return total
}

// fill does not wait where somebody stuffed the pipe.
func (f fifo) fill(n int) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	if cerr := raw.Control(func(fd uintptr) {
		_, err = unix.Write(int(fd), bytes.Repeat([]byte{'+'}, n))
	}); cerr != nil {
		return cerr
	}
	return err
}
