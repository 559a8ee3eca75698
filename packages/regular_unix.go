//go:build unix

package packages

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A package has thousands of small files, and os.File asks the kernel ten times for each, to find out that it
// cannot poll it. So files are opened here below the descriptor of a folder that os.Root has opened.

// folder is one folder of a prefix.
type folder struct {
	dir *os.File
	fd  int
}

func openFolder(root *os.Root, name string) (*folder, error) {
	dir, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	return &folder{dir, int(dir.Fd())}, nil
}

func (d *folder) close() { d.dir.Close() }

// regularFile is a regular file that is open for reading. It ends at the size that it had when it was opened.
type regularFile struct {
	fd   int
	name string
	size int64
	at   int64
	exec bool // the owner may run it
}

// open opens a regular file of the folder. Links are not followed, and nothing else is waited for.
func (d *folder) open(base string) (*regularFile, error) {
	fail := func(err error) (*regularFile, error) { return nil, &os.PathError{Op: "open", Path: base, Err: err} }
	fd, err := retried(func() (int, error) {
		return unix.Openat(d.fd, base, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	})
	if err != nil {
		return fail(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return fail(err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(fd)
		return fail(errNotRegular)
	}
	return &regularFile{fd: fd, name: base, size: st.Size, exec: st.Mode&0o100 != 0}, nil
}

func (f *regularFile) close() { unix.Close(f.fd) }

// Read is io.Reader's. A file that is read to its size is not asked for more.
func (f *regularFile) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if f.at >= f.size {
		return 0, io.EOF
	}
	n, err := retried(func() (int, error) { return unix.Read(f.fd, b[:min(int64(len(b)), f.size-f.at)]) })
	if err != nil {
		return 0, &os.PathError{Op: "read", Path: f.name, Err: err}
	}
	if n == 0 {
		return 0, fmt.Errorf("read %s: it became shorter meanwhile: %w", f.name, io.ErrUnexpectedEOF)
	}
	f.at += int64(n)
	return n, nil
}

// Seek is io.Seeker's.
func (f *regularFile) Seek(offset int64, whence int) (int64, error) {
	at, err := unix.Seek(f.fd, offset, whence)
	if err == nil {
		f.at = at
	}
	return at, err
}

// retried does what a signal may have interrupted until it was not.
func retried(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != unix.EINTR {
			return n, err
		}
	}
}
