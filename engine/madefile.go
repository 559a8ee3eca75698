package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"forge/packages"
)

// What is read whole into memory of what a build script made.
const (
	mostLicence = 64 << 20  // a licence file
	mostEdited  = 512 << 20 // a file that post_process changes
)

// openMade opens a file that a build script may have made. No link leads out of dir; what is no file, or one of
// which hardly anything was ever written, is refused.
func openMade(dir *os.Root, name string) (*os.File, os.FileInfo, error) {
	name = filepath.FromSlash(name)
	info, err := dir.Stat(name) // before it is opened: to open a pipe is to wait
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is a %s, no file", name, info.Mode().Type())
	}
	f, err := dir.Open(name)
	if err != nil {
		return nil, nil, err
	}
	if err := packages.CheckSparse(f); err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, info, nil
}

// readMade reads such a file, unless it has more than most bytes.
func readMade(dir *os.Root, name string, most int64) ([]byte, error) {
	f, info, err := openMade(dir, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > most {
		return nil, fmt.Errorf("%s has %d bytes, more than the %d that are taken", name, info.Size(), most)
	}
	return io.ReadAll(io.LimitReader(f, most))
}

// copyMade copies such a file into another folder.
func copyMade(from, to *os.Root, name, as string) error {
	f, info, err := openMade(from, name)
	if err != nil {
		return err
	}
	defer f.Close()
	out, err := createMade(to, as, 0o644|info.Mode().Perm()&0o111)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, f)
	return errors.Join(err, out.Close())
}

// createMade opens a new file for writing in a folder that a build script may have written to: what it left there
// under that name, a pipe for one that nobody reads, goes away.
func createMade(dir *os.Root, name string, perm os.FileMode) (*os.File, error) {
	name = filepath.FromSlash(name)
	if err := dir.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, err
	}
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return dir.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
}

// writeMade writes such a file.
func writeMade(dir *os.Root, name string, data []byte, perm os.FileMode) error {
	f, err := createMade(dir, name, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
