package packages

import (
	"context"
	"io"

	"forge/digest"
)

// Format writes and reads one kind of archive. Its sub-package lies below this one.
type Format interface {
	// Name is the format as --package-format takes it: "conda", "tar-bz2".
	Name() string
	// Extension is that of the archive with its dot: ".conda", ".tar.bz2".
	Extension() string
	// Compressor names library, version and level of the compression; it is part of the build key.
	Compressor() string
	// Write writes the archive of m. The bytes are a function of m alone.
	Write(ctx context.Context, m *Manifest, w io.Writer) error
	// Open reads the archive at path, checking its structure. The caller closes it.
	Open(path string) (Package, error)
}

// Package is an archive opened for reading. What it returns is hostile until its digest was checked.
type Package interface {
	// Record is info/index.json.
	Record() (*Record, error)
	// RunExports is info/run_exports.json; empty where there is none.
	RunExports() (RunExports, error)
	// Info returns the member info/name, or fs.ErrNotExist.
	Info(name string) ([]byte, error)
	// InfoNames lists the members below info/, sorted.
	InfoNames() ([]string, error)
	// ContentDigest is over what a dependent can see: payload (path, mode, target, bytes), depends,
	// constrains and run_exports.
	ContentDigest() (digest.Digest, error)
	// Unpack links the payload into the folder dir as a client would install it at prefix: placeholders
	// replaced, noarch python moved into site-packages of pythonVersion ("3.11"; empty for none) with
	// its entry points made. It returns the paths written, relative and sorted. Where another package has made a
	// path with another content, clobber is asked: nil lets this package's file take its place, as conda does by
	// default; an error ends it. Without clobber it is an error.
	// Nothing outside dir is ever written.
	Unpack(ctx context.Context, dir, prefix, pythonVersion string, clobber func(path string) error) ([]string, error)
	Close() error
}
