package engine

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"

	"forge/digest"
)

// pack puts into the store, as it comes, the tar that fill writes: what one action leaves for another.
func (j *job) pack(fill func(*tar.Writer) error) (digest.Digest, error) {
	read, write := io.Pipe()
	go func() { write.CloseWithError(packInto(write, fill)) }()
	sum, _, err := j.tools.Store.Put(read)
	read.CloseWithError(err)
	return sum, err
}

func packInto(w io.Writer, fill func(*tar.Writer) error) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	if err := fill(t); err != nil {
		return err
	}
	return errors.Join(t.Close(), z.Close())
}

// packData writes a file of that content.
func (j *job) packData(t *tar.Writer, name string, mode int64, data []byte) error {
	h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode, Size: int64(len(data)), ModTime: time.Unix(j.epoch(), 0), Format: tar.FormatPAX}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err := t.Write(data)
	return err
}

// openPacked reads what pack put into the store.
func (j *job) openPacked(sum digest.Digest) (*tar.Reader, func(), error) {
	if err := j.whole(sum); err != nil {
		return nil, nil, err
	}
	f, err := os.Open(j.tools.Store.Path(sum, false))
	if err != nil {
		return nil, nil, err
	}
	z, err := zstd.NewReader(f)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return tar.NewReader(z), func() { z.Close(); f.Close() }, nil
}
