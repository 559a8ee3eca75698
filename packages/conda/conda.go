// Package conda writes and reads conda packages, .conda and .tar.bz2.
package conda

import (
	"fmt"
	"io"
	"runtime"

	"forge/packages"

	"github.com/dsnet/compress/bzip2"
	"github.com/klauspost/compress/zstd"
)

// Kinds of archive, as --package-format takes them.
const (
	V2 = "conda"   // .conda: a stored zip of two tar.zst (CEP "New Conda package format")
	V1 = "tar-bz2" // .tar.bz2
)

// New returns the format of a kind. level is the compression level as users say it, 1 to 22 for
// zstd, 1 to 9 for bzip2; 0 is the best this library has, and quicker ones for what is small.
func New(kind string, level int) (packages.Format, error) {
	switch {
	case kind == V2 && level == 0:
		return format{kind: V2, zstd: zstd.SpeedBestCompression, sized: true, idle: idleEncoders(), idleSmall: idleEncoders(), idleTiny: idleEncoders()}, nil
	case kind == V2 && level >= -7 && level <= 22:
		return format{kind: V2, zstd: zstd.EncoderLevelFromZstd(level), idle: idleEncoders()}, nil
	case kind == V1 && level >= 0 && level <= 9:
		if level == 0 {
			level = bzip2.BestCompression
		}
		return format{kind: V1, bzip2: level}, nil
	case kind == V2:
		return nil, fmt.Errorf("compression level %d of .conda: want -7 to 22", level)
	case kind == V1:
		return nil, fmt.Errorf("compression level %d of .tar.bz2: want 1 to 9", level)
	}
	return nil, fmt.Errorf("package format %q is not one of %s, %s", kind, V2, V1)
}

type format struct {
	kind  string
	zstd  zstd.EncoderLevel
	sized bool // quicker for what is small
	bzip2 int

	idle, idleSmall, idleTiny chan *zstd.Encoder
}

// idleEncoders keeps encoders for the next package: one has tables of 34 MB, and to clear those costs more
// than to pack a small package.
func idleEncoders() chan *zstd.Encoder { return make(chan *zstd.Encoder, runtime.GOMAXPROCS(0)) }

func (f format) Name() string { return f.kind }

func (f format) Extension() string {
	if f.kind == V1 {
		return extV1
	}
	return extV2
}

const (
	extV1 = ".tar.bz2"
	extV2 = ".conda"
)

// Compressor names the library and its version: another one makes other bytes of the same content.
// A test holds the versions against go.mod.
func (f format) Compressor() string {
	if f.kind == V1 {
		return fmt.Sprintf("dsnet/compress/bzip2@v0.0.2-0.20230904184137-39efe44ab707 level %d", f.bzip2)
	}
	if f.sized {
		return fmt.Sprintf("klauspost/compress/zstd@v1.18.0 %s, up to %d kB %s, up to %d kB %s", f.zstd, smallTar>>10, smallLevel, tinyTar>>10, tinyLevel)
	}
	return fmt.Sprintf("klauspost/compress/zstd@v1.18.0 %s", f.zstd)
}

// compress wraps w; one goroutine, so that the bytes do not depend on the machine.
func (f format) compress(w io.Writer) (io.WriteCloser, error) {
	if f.kind == V1 {
		return bzip2.NewWriter(w, &bzip2.WriterConfig{Level: f.bzip2})
	}
	if f.sized {
		return &sized{f: f, to: w}, nil
	}
	return f.encoder(w, f.zstd, f.idle)
}

func (f format) encoder(w io.Writer, level zstd.EncoderLevel, idle chan *zstd.Encoder) (io.WriteCloser, error) {
	select {
	case z := <-idle:
		z.Reset(w)
		return reused{z, idle}, nil
	default:
	}
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1))
	return reused{z, idle}, err
}

// The tables of the better levels are dearer than what they find in a few kilobytes: up to smallTar bytes the
// default level makes 1 % more of 10 kB and 4 % more of 40 kB, in a tenth of the time. Its tables, too, are 1.3 MB of
// fresh memory for a package of nothing: up to tinyTar bytes the quickest level makes 3 % more, 60 bytes a package.
const (
	smallTar   = 64 << 10
	smallLevel = zstd.SpeedDefault
	tinyTar    = 16 << 10
	tinyLevel  = zstd.SpeedFastest
)

// sized waits to see whether there is much to compress, and chooses the level.
type sized struct {
	f    format
	to   io.Writer
	head []byte
	z    io.WriteCloser // nil while all there is fits into head
}

// Write implements io.Writer.
func (s *sized) Write(p []byte) (int, error) {
	if s.z == nil && len(s.head)+len(p) <= smallTar {
		s.head = append(s.head, p...)
		return len(p), nil
	}
	if s.z == nil {
		if err := s.begin(s.f.zstd, s.f.idle); err != nil {
			return 0, err
		}
	}
	return s.z.Write(p)
}

func (s *sized) begin(level zstd.EncoderLevel, idle chan *zstd.Encoder) (err error) {
	if s.z, err = s.f.encoder(s.to, level, idle); err == nil {
		_, err = s.z.Write(s.head)
	}
	return err
}

// Close implements io.Closer.
func (s *sized) Close() error {
	if s.z == nil {
		level, idle := smallLevel, s.f.idleSmall
		if len(s.head) <= tinyTar {
			level, idle = tinyLevel, s.f.idleTiny
		}
		if err := s.begin(level, idle); err != nil {
			return err
		}
	}
	return s.z.Close()
}

// reused is an encoder that is used again when it was closed. Its bytes are those of a new one.
type reused struct {
	*zstd.Encoder
	idle chan *zstd.Encoder
}

// Close implements io.Closer.
func (r reused) Close() error {
	err := r.Encoder.Close()
	if err == nil {
		select {
		case r.idle <- r.Encoder:
		default:
		}
	}
	return err
}
