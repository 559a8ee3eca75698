package channels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"forge/digest"
	"forge/internal/fsx"
	"forge/packages"
)

// Archive returns a file with the record's archive: the channel's own where it is a folder, else a
// download in the cache. Either is read and held to the record's sha256; a record without one is refused.
func (l *Loader) Archive(ctx context.Context, r *packages.Record) (string, error) {
	want, err := digest.Parse(r.SHA256)
	if err != nil {
		return "", fmt.Errorf("package %s: its channel gives no sha256 to hold it to: %w", r, err)
	}
	if path, ok := localPath(r.URL); ok {
		return path, checkArchive(path, want)
	}
	if l.CacheDir == "" {
		return "", fmt.Errorf("package %s: a cache folder is needed for downloads", r)
	}
	path := filepath.Join(l.CacheDir, "archives", want.Hex())
	if checkArchive(path, want) == nil {
		return path, nil
	}
	if l.Offline {
		return "", fmt.Errorf("package %s is not in the cache, and --offline asks no server", r)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	if err := l.downloadArchive(ctx, r, path, want); err != nil {
		return "", fmt.Errorf("package %s from %s: %w", r, redact(r.URL), err)
	}
	return path, nil
}

// Beside returns what lies beside the record's archive in its channel under the archive's name and suffix,
// at most limit bytes. It wraps fs.ErrNotExist where there is nothing.
func (l *Loader) Beside(ctx context.Context, r *packages.Record, suffix string, limit int64) ([]byte, error) {
	if path, ok := localPath(r.URL); ok {
		f, err := os.Open(path + suffix)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return readAtMost(f, limit)
	}
	if l.Offline {
		return nil, fmt.Errorf("%s%s is not here, and --offline asks no server", r.FileName, suffix)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL+suffix, nil)
	if err != nil {
		return nil, err
	}
	resp, err := l.client().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return readAtMost(resp.Body, limit)
	case http.StatusNotFound, http.StatusGone:
		return nil, fmt.Errorf("%s%s: %w", redact(r.URL), suffix, fs.ErrNotExist)
	}
	return nil, fmt.Errorf("%s%s: the server says %s", redact(r.URL), suffix, strings.ToLower(resp.Status))
}

func readAtMost(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it is longer than %d bytes", limit)
	}
	return data, err
}

func (l *Loader) client() *http.Client {
	if l.Client == nil {
		return http.DefaultClient
	}
	return l.Client
}

// localPath is the file of a file:// URL.
func localPath(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "file" {
		return "", false
	}
	path := filepath.FromSlash(u.Path)
	if len(path) > 2 && path[2] == ':' {
		path = path[1:]
	}
	return path, true
}

func checkArchive(path string, want digest.Digest) error {
	got, _, err := digest.OfFile(path)
	if err == nil && got != want {
		err = fmt.Errorf("%s: sha256 is %s, its channel says %s", path, got.Hex(), want.Hex())
	}
	return err
}

// downloadArchive writes the archive to path only if it is what it should be, and no longer than it should be.
func (l *Loader) downloadArchive(ctx context.Context, r *packages.Record, path string, want digest.Digest) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return err
	}
	resp, err := l.client().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New("the server says " + strings.ToLower(resp.Status))
	}
	const unknownSize = 8 << 30
	most := int64(unknownSize)
	if r.Size > 0 {
		most = r.Size
	}
	return fsx.Write(path, 0o444, func(w io.Writer) error {
		got, n, err := digest.OfReader(io.TeeReader(io.LimitReader(resp.Body, most+1), w))
		switch {
		case err != nil:
			return err
		case n > most:
			return fmt.Errorf("it is longer than the %d bytes the channel says", most)
		case got != want:
			return fmt.Errorf("sha256 is %s, the channel says %s", got.Hex(), want.Hex())
		}
		return nil
	})
}
