package channels

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"forge/internal/fsx"
)

// Loader opens channels for reading. The zero Loader reads folders and keeps nothing.
type Loader struct {
	CacheDir string           // for indexes and downloads; empty keeps nothing and reads no http
	Client   *http.Client     // nil for http.DefaultClient
	Now      func() time.Time // nil asks the server every time
	Offline  bool             // uses what CacheDir holds and asks no server
	// File is the name of the repodata to read, "current_repodata.json" for one (conda's --repodata-fn);
	// empty for repodata.json, which also stands in where a channel has no file of that name.
	File     string
	NoShards bool // reads repodata.json also where a server has sharded repodata

	askedMu sync.Mutex
	asked   []Asked
}

// Open opens the given subdirs of a channel: a folder, a file:// or an http(s):// URL. A folder without
// repodata is an empty channel; a server that has none of the subdirs is an error.
func (l *Loader) Open(ctx context.Context, channel string, subdirs []string) ([]*Repodata, error) {
	channel = strings.TrimRight(channel, "/")
	if strings.HasPrefix(channel, "http://") || strings.HasPrefix(channel, "https://") {
		return l.openURL(ctx, channel, subdirs)
	}
	dir := channel
	if rest, ok := strings.CutPrefix(channel, "file://"); ok {
		path, err := url.PathUnescape(rest)
		if err != nil {
			return nil, fmt.Errorf("channel %s: %w", channel, err)
		}
		dir = filepath.FromSlash(path)
		if len(dir) > 2 && dir[2] == ':' {
			dir = dir[1:] // file:///C:/…
		}
	} else if scheme, _, is := strings.Cut(channel, "://"); is {
		return nil, fmt.Errorf("channel %s: %s:// cannot be read; a channel is a folder, a file://, http:// or https:// URL", channel, scheme)
	} else if abs, err := filepath.Abs(dir); err == nil {
		dir, channel = abs, abs
	}
	var out []*Repodata
	for _, subdir := range subdirs {
		r, err := l.openFolder(ctx, channel, dir, subdir)
		if err != nil {
			return out, fmt.Errorf("channel %s, %s: %w", channel, subdir, err)
		}
		out = append(out, r)
	}
	return out, nil
}

// Load reads the given subdirs of a channel whole.
func (l *Loader) Load(ctx context.Context, channel string, subdirs []string) ([]*Index, error) {
	parts, err := l.Open(ctx, channel, subdirs)
	if err != nil {
		return nil, err
	}
	var out []*Index
	for _, r := range parts {
		defer r.Close()
		records, err := r.All()
		if err != nil {
			return nil, err
		}
		sortRecords(records)
		out = append(out, &Index{Channel: r.Channel, Subdir: r.Subdir, Records: records})
	}
	return out, nil
}

func (l *Loader) openFolder(ctx context.Context, channel, dir, subdir string) (*Repodata, error) {
	base := channel + "/" + subdir
	if !strings.Contains(base, "://") {
		base = (&url.URL{Scheme: "file", Path: slashed(filepath.Join(dir, subdir))}).String()
	}
	r := &Repodata{Channel: channel, Subdir: subdir, base: base}
	if l.File != "" && l.File != repodataFile {
		path := filepath.Join(dir, subdir, l.File)
		if err := l.openText(r, path, path); !errors.Is(err, fs.ErrNotExist) {
			return r, err
		}
	}
	path := filepath.Join(dir, subdir, repodataFile)
	err := l.openText(r, path, path)
	if errors.Is(err, fs.ErrNotExist) {
		err = l.openCompressed(r, path+".zst")
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = l.openShardsFolder(ctx, r, filepath.Join(dir, subdir, "repodata_shards.msgpack.zst"))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	return r, err
}

// slashed is an absolute path as URLs write it, with a slash before a drive letter.
func slashed(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return path
}

// cachePath is where the cache keeps something about a file or URL.
func (l *Loader) cachePath(of, extension string) string {
	sum := sha256.Sum256([]byte(of))
	return filepath.Join(l.CacheDir, "repodata", hex.EncodeToString(sum[:16])+extension)
}

// openText opens a repodata.json on disk; its index is cached under the given key.
func (l *Loader) openText(r *Repodata, path, key string) error {
	f, err := fsx.Open(path)
	if err != nil {
		return err
	}
	identity, size, err := identify(f)
	if err == nil {
		r.index, err = l.indexOf(f, size, identity, key)
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("read %s: %w", path, err)
	}
	r.use(f, f.Close)
	return nil
}

func (r *Repodata) use(text io.ReaderAt, close func() error) {
	r.text, r.close = text, close
	if r.index.baseURL == "" {
		return
	}
	if base, err := url.Parse(r.base + "/"); err == nil {
		// A server does not name files of this machine.
		if u, err := base.Parse(r.index.baseURL + "/"); err == nil && (u.Scheme != "file" || base.Scheme == "file") {
			r.base = strings.TrimSuffix(u.String(), "/")
		}
	}
}

// identify names the content of a file without reading all of it: size, time and samples. To hash 195 MB
// takes ten times as long as to read the cached index; a record that is not where the index says is an
// error all the same.
func identify(f *os.File) (identity string, size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	if !info.Mode().IsRegular() {
		return "", 0, errors.New("it is no regular file")
	}
	h := sha256.New()
	fmt.Fprintf(h, "%d %d\n", info.Size(), info.ModTime().UnixNano())
	const samples, each = 64, 4096
	buf := make([]byte, each)
	for i := range int64(samples) {
		n, _ := f.ReadAt(buf, max(0, info.Size()-each)*i/(samples-1))
		h.Write(buf[:n])
	}
	return hex.EncodeToString(h.Sum(nil)), info.Size(), nil
}

// indexOf returns the index of a text of that many bytes, from the cache where that has it.
func (l *Loader) indexOf(text io.ReaderAt, size int64, identity, key string) (*nameIndex, error) {
	if l.CacheDir != "" {
		if b, err := os.ReadFile(l.cachePath(key, ".idx")); err == nil {
			if n, err := decodeIndex(b); err == nil && n.identity == identity {
				return n, nil
			}
		}
	}
	n, err := buildIndex(io.NewSectionReader(text, 0, maxRepodata+1), size, identity)
	if err != nil || l.CacheDir == "" {
		return n, err
	}
	path := l.cachePath(key, ".idx")
	if os.MkdirAll(filepath.Dir(path), 0o755) == nil {
		_ = fsx.WriteCache(path, n.data, 0o644) // a cache that cannot be written only costs time
	}
	return n, nil
}

// maxInMemory bounds a decompressed repodata.json that is not kept on disk.
const maxInMemory = 1 << 30

// openCompressed opens a repodata.json.zst; the text goes to the cache or stays in memory.
func (l *Loader) openCompressed(r *Repodata, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	identity, _, err := identify(f)
	if err != nil {
		return err
	}
	if l.CacheDir == "" {
		return r.inMemory(f, identity)
	}
	// The text is named after the content, so that a damaged or outdated one is never taken for it.
	text := l.cachePath(path+" "+identity, ".json")
	if _, err := os.Stat(text); err != nil {
		if err := unpackTo(text, f); err != nil {
			return fmt.Errorf("unpack %s: %w", path, err)
		}
	}
	return l.openText(r, text, text)
}

func (r *Repodata) inMemory(compressed io.Reader, identity string) error {
	z, err := zstd.NewReader(compressed, zstd.WithDecoderMaxWindow(256<<20))
	if err != nil {
		return err
	}
	defer z.Close()
	b, err := io.ReadAll(io.LimitReader(z, maxInMemory+1))
	if err == nil && len(b) > maxInMemory {
		err = fmt.Errorf("longer than %d bytes when decompressed; give a cache folder", maxInMemory)
	}
	if err != nil {
		return err
	}
	if r.index, err = buildIndex(bytes.NewReader(b), int64(len(b)), identity); err != nil {
		return err
	}
	r.use(bytes.NewReader(b), nil)
	return nil
}

// unpackTo decompresses into a file that is there whole or not at all.
func unpackTo(path string, compressed io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	z, err := zstd.NewReader(compressed, zstd.WithDecoderMaxWindow(256<<20))
	if err != nil {
		return err
	}
	defer z.Close()
	return fsx.Write(path, 0o644, func(w io.Writer) error {
		n, err := io.Copy(w, io.LimitReader(z, maxRepodata+1))
		if err == nil && n > maxRepodata {
			err = fmt.Errorf("longer than %d bytes when decompressed", int64(maxRepodata))
		}
		return err
	})
}
