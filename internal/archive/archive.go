// Package archive writes archives whose bytes depend on nothing but their content, and unpacks
// foreign ones without letting them touch anything outside the folder they were given.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"forge/internal/fsx"
)

// ErrFormat is returned, wrapped, for a file that is no archive this package can read.
var ErrFormat = errors.New("not an archive forge can unpack")

// Limits bound what one archive may make of the disk. A field that is zero takes the default.
type Limits struct {
	Bytes   int64 // of all files together; default 16 GiB
	Entries int   // default 1,000,000
	Ratio   int64 // unpacked bytes per packed byte, asked once 64 MiB are out; default 400
}

const (
	defaultBytes   = 16 << 30
	defaultEntries = 1_000_000
	defaultRatio   = 400
	ratioFrom      = 64 << 20
	maxName        = 255
	maxPath        = 4096
	maxDepth       = 200
)

func (l Limits) orDefault() Limits {
	if l.Bytes <= 0 {
		l.Bytes = defaultBytes
	}
	if l.Entries <= 0 {
		l.Entries = defaultEntries
	}
	if l.Ratio <= 0 {
		l.Ratio = defaultRatio
	}
	return l
}

// Options say how strict Extract is. The zero value is right for sources on Linux.
type Options struct {
	Limits Limits
	// StripTop moves the content of the one folder at the top up, where there is exactly one entry
	// and it is a folder, as conda-build and rattler-build do with sources.
	StripTop bool
	// OneCase refuses two names that are the same but for case or Unicode normalisation, as they
	// would overwrite each other on macOS and Windows.
	OneCase bool
	// LastWins lets a later file replace an earlier one of the same name (tar --append makes such
	// archives); otherwise that is an error.
	LastWins bool
	// AllowLink is asked about a symlink that leads out of the archive, absolute ones included.
	// Where it answers true the link is made, but nothing is ever written through it.
	AllowLink func(path, target string) bool
}

// Info is what was seen of an archive.
type Info struct {
	Format  string    // "tar.gz", "zip", …
	Entries int       // members, folders included
	Bytes   int64     // of all files together
	Newest  time.Time // newest member's mtime, in UTC; zero where no member has one after 1980-01-01
	Top     string    // name of the one folder at the top, or empty
}

// Extract unpacks the archive at path src into the folder dst, which must be empty or missing.
// name is what the file is called where it came from: the format is told by the content first, by
// the name only for formats without a signature. Modes become 644 or 755 (the owner's execute bit
// decides), owners are dropped, mtimes kept. On any error dst is left empty.
//
// Refused: names that are absolute, climb, hold control characters or backslashes or are not UTF-8;
// links that leave the archive; devices, fifos and sockets; members below a file or a link;
// repeated files; archives that are truncated, damaged, end in garbage or exceed the limits.
// Errors wrap ErrFormat where src is no archive at all.
func Extract(ctx context.Context, src, name, dst string, opts Options) (info Info, err error) {
	if err := os.MkdirAll(dst, 0o755); err != nil {
		return Info{}, err
	}
	left, err := os.ReadDir(dst)
	if err != nil {
		return Info{}, err
	}
	if len(left) > 0 {
		return Info{}, fmt.Errorf("unpack %s: the folder %s is not empty", name, dst)
	}
	root, err := os.OpenRoot(dst)
	if err != nil {
		return Info{}, err
	}
	defer root.Close()
	defer func() {
		if err != nil {
			err = fmt.Errorf("unpack %s: %w", name, err)
			empty(root)
		}
	}()
	t := newTree(root, opts)
	defer t.close()
	if info, err = walk(ctx, src, name, opts.Limits, t.add); err != nil {
		return info, err
	}
	if err = t.finish(); err != nil {
		return info, err
	}
	if opts.StripTop && info.Top != "" {
		err = stripTop(root, info.Top)
	}
	return info, err
}

// Newest reads the archive at path src to its end, as Extract does, and writes nothing. Its answer
// is Info.Newest: the SOURCE_DATE_EPOCH of what is built of this archive.
func Newest(ctx context.Context, src, name string) (time.Time, error) {
	info, err := walk(ctx, src, name, Limits{}, func(*member) error { return nil })
	if err != nil {
		err = fmt.Errorf("read %s: %w", name, err)
	}
	return info.Newest, err
}

func empty(root *os.Root) {
	list, _ := fs.ReadDir(root.FS(), ".")
	for _, d := range list {
		root.RemoveAll(d.Name())
	}
}

// stripTop moves what is in top up to the root. top itself steps aside first: it may hold an entry
// of its own name.
func stripTop(root *os.Root, top string) error {
	const aside = ".forge-top"
	if err := root.Rename(top, aside); err != nil {
		return err
	}
	list, err := fs.ReadDir(root.FS(), aside)
	if err != nil {
		return err
	}
	for _, d := range list {
		if d.Name() == aside {
			return fmt.Errorf("the archive has an entry %q, a name kept for unpacking", aside)
		}
		if err := root.Rename(aside+"/"+d.Name(), d.Name()); err != nil {
			return err
		}
	}
	return fsx.RemoveIn(root, aside)
}
