package channels

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"forge/internal/fsx"
	"forge/packages"
)

// shards is sharded repodata (CEP 16, https://github.com/conda/ceps): an index of names, and one file
// for each name, which is named after its digest and never changes.
type shards struct {
	loader *Loader
	base   string // URL of the folder with the shards, with a final "/"
	hashes map[string][sha256.Size]byte

	ctx    context.Context
	cancel context.CancelFunc
	slots  chan struct{} // downloads at one time
	wait   sync.WaitGroup
	mu     sync.Mutex
	asked  map[string]*shard
}

// shard is the file of a name, perhaps on its way.
type shard struct {
	done    chan struct{}
	records []*packages.Record
	err     error
}

// The bounds of sharded repodata.
const (
	maxShardIndex = 256 << 20 // bytes, decompressed
	maxShard      = 32 << 20
	shardSlots    = 16
)

// openShards opens the sharded repodata of a subdir, if it is there; the error is errAbsent if not.
func (l *Loader) openShards(ctx context.Context, r *Repodata) error {
	address := r.base + "/repodata_shards.msgpack.zst"
	path, err := l.fetch(ctx, address, []string{address})
	if err != nil {
		return err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return l.useShards(ctx, r, b, address)
}

// openShardsFolder opens the sharded repodata of a folder that has nothing else.
func (l *Loader) openShardsFolder(ctx context.Context, r *Repodata, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := zstd.NewReader(f, zstd.WithDecoderMaxWindow(256<<20))
	if err != nil {
		return err
	}
	defer z.Close()
	b, err := io.ReadAll(io.LimitReader(z, maxShardIndex+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return l.useShards(ctx, r, b, path)
}

func (l *Loader) useShards(ctx context.Context, r *Repodata, index []byte, from string) error {
	s := &shards{loader: l, slots: make(chan struct{}, shardSlots), asked: map[string]*shard{}}
	if err := s.parseIndex(index, r); err != nil {
		return fmt.Errorf("%s: %w", redact(from), err)
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	r.shards = s
	r.close = s.close
	return nil
}

// parseIndex reads the names with their digests, and where files and shards are.
func (s *shards) parseIndex(b []byte, r *Repodata) error {
	if len(b) > maxShardIndex {
		return fmt.Errorf("longer than %d bytes", maxShardIndex)
	}
	base, shardBase := "", ""
	s.hashes = map[string][sha256.Size]byte{}
	doc := &msgpack{b}
	err := doc.object(func(key string) error {
		switch key {
		case "info":
			return doc.object(func(key string) (err error) {
				switch key {
				case "base_url":
					base, err = doc.text()
				case "shards_base_url":
					shardBase, err = doc.text()
				default:
					err = doc.skip(0)
				}
				return err
			})
		case "shards":
			return doc.object(func(name string) error {
				sum, err := doc.bytes()
				if err == nil && len(sum) != sha256.Size {
					err = fmt.Errorf("digest of %.80q has %d bytes", name, len(sum))
				}
				if err == nil {
					s.hashes[name] = [sha256.Size]byte(sum)
				}
				return err
			})
		}
		return doc.skip(0)
	})
	if err != nil {
		return err
	}
	at, err := url.Parse(r.base + "/")
	if err != nil {
		return err
	}
	files, err1 := at.Parse(strings.TrimSuffix(base, "/") + "/")
	shardsAt, err2 := at.Parse(strings.TrimSuffix(shardBase, "/") + "/")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if at.Scheme != "file" && (files.Scheme == "file" || shardsAt.Scheme == "file") {
		return errors.New("a server names files of this machine")
	}
	if base != "" && base != "/" { // indexers write "/" for the folder itself
		r.base = strings.TrimSuffix(files.String(), "/")
	}
	s.base = shardsAt.String()
	return nil
}

func (s *shards) close() error {
	s.cancel()
	s.wait.Wait()
	return nil
}

func (s *shards) names() []string {
	out := make([]string, 0, len(s.hashes))
	for name := range s.hashes {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// candidates waits for the shard of a name. The shards of what its records depend on are fetched
// meanwhile: the next question is most likely about one of them.
func (s *shards) candidates(name string, r *Repodata) ([]*packages.Record, error) {
	got := s.start(name, r)
	if got == nil {
		return nil, nil
	}
	<-got.done
	return got.records, got.err
}

// start begins to fetch a name's shard, once; nil says that there is none.
func (s *shards) start(name string, r *Repodata) *shard {
	sum, ok := s.hashes[name]
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := s.asked[name]; got != nil {
		return got
	}
	got := &shard{done: make(chan struct{})}
	s.asked[name] = got
	s.wait.Add(1)
	go func() {
		defer s.wait.Done()
		defer close(got.done)
		got.records, got.err = s.read(name, sum, r)
		for _, record := range got.records {
			for _, dep := range record.Depends {
				dep, _, _ = strings.Cut(dep, " ")
				s.start(dep, r)
			}
		}
	}()
	return got
}

// read gets a shard and decodes it; so many are decoded at one time that they cannot fill the memory.
func (s *shards) read(name string, sum [sha256.Size]byte, r *Repodata) ([]*packages.Record, error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-s.ctx.Done():
		return nil, s.ctx.Err()
	}
	b, err := s.bytes(hex.EncodeToString(sum[:])+".msgpack.zst", sum)
	if err != nil {
		return nil, fmt.Errorf("shard of %s: %w", name, err)
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxShard), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	text, err := z.DecodeAll(b, nil)
	if err != nil {
		return nil, fmt.Errorf("shard of %s: %w", name, err)
	}
	records, err := parseShard(text, name)
	if err != nil {
		return nil, fmt.Errorf("shard of %s: %w", name, err)
	}
	if len(records) > maxCandidates {
		return nil, fmt.Errorf("%d records of %s; more than %d are refused", len(records), name, maxCandidates)
	}
	records = slices.DeleteFunc(records, func(r *packages.Record) bool { return !isFileName(r.FileName) })
	for _, record := range records {
		r.complete(record)
	}
	return preferConda(records), nil
}

// errDigest says that a shard is not the one that the index names.
var errDigest = errors.New("the file does not have the digest of the index")

// bytes gets a shard from the folder, the cache or the server.
func (s *shards) bytes(file string, sum [sha256.Size]byte) ([]byte, error) {
	if path, ok := localPath(s.base + file); ok {
		b, err := os.ReadFile(path)
		if err == nil && sha256.Sum256(b) != sum {
			err = errDigest
		}
		return b, err
	}
	path := filepath.Join(s.loader.CacheDir, "repodata", "shards", file)
	b, err := os.ReadFile(path)
	if err == nil && sha256.Sum256(b) == sum {
		return b, nil
	}
	if s.loader.Offline {
		return nil, errors.New("it is not in the cache; run once without --offline")
	}
	if b, err = s.download(s.base+file, sum); err != nil {
		return nil, err
	}
	if os.MkdirAll(filepath.Dir(path), 0o755) == nil {
		_ = fsx.WriteCache(path, b, 0o644) // a cache that cannot be written only costs time
	}
	return b, nil
}

// download gets a shard; its digest is that of the index, or it is refused.
func (s *shards) download(address string, sum [sha256.Size]byte) ([]byte, error) {
	var b []byte
	err := retry(s.ctx, func() (again bool, err error) {
		b, again, err = s.loader.get(s.ctx, address)
		if err == nil && sha256.Sum256(b) != sum {
			err = errDigest
		}
		return again, err
	})
	return b, err
}

// get reads a small file.
func (l *Loader) get(ctx context.Context, address string) (b []byte, again bool, err error) {
	req, err := l.request(ctx, address, 0, cached{}, cached{})
	if err != nil {
		return nil, false, err
	}
	resp, err := l.do(req)
	if err != nil {
		return nil, true, fmt.Errorf("get %s: %w", redact(address), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, mayRecover(resp.StatusCode), fmt.Errorf("get %s: the server says %s", redact(address), resp.Status)
	}
	b, err = io.ReadAll(io.LimitReader(resp.Body, maxShard+1))
	if err == nil && len(b) > maxShard {
		return nil, false, fmt.Errorf("get %s: longer than %d bytes", redact(address), maxShard)
	}
	return b, true, err
}

// parseShard reads the records of one name; records of other names are left out.
func parseShard(text []byte, name string) ([]*packages.Record, error) {
	doc := &msgpack{text}
	var out []*packages.Record
	section := func(extension string) error {
		return doc.object(func(file string) error {
			r := &packages.Record{FileName: file + extension}
			if err := doc.record(r); err != nil {
				return fmt.Errorf("%.80q: %w", file, err)
			}
			if r.Name == name {
				out = append(out, r)
			}
			if len(out) > maxCandidates {
				return fmt.Errorf("more than %d records", maxCandidates)
			}
			return nil
		})
	}
	err := doc.object(func(key string) error {
		switch key {
		case "packages", "packages.conda":
			return section("")
		case "v3":
			return doc.object(func(key string) error {
				switch key {
				case "conda":
					return section(".conda")
				case "tar_bz2":
					return section(".tar.bz2")
				}
				return doc.skip(0)
			})
		}
		return doc.skip(0)
	})
	sortRecords(out)
	return out, err
}

// record reads a record, in which digests are bytes.
func (m *msgpack) record(r *packages.Record) error {
	texts := map[string]*string{"name": &r.Name, "version": &r.Version, "build": &r.Build, "subdir": &r.Subdir,
		"license": &r.License, "license_family": &r.LicenseFamily, "arch": &r.Arch, "platform": &r.Platform,
		"noarch": &r.NoArch, "track_features": &r.TrackFeatures, "features": &r.Features}
	return m.object(func(key string) (err error) {
		if to := texts[key]; to != nil {
			*to, err = m.text()
			return err
		}
		var n int64
		var b []byte
		switch key {
		case "build_number":
			n, err = m.want(packInt)
			r.BuildNumber = int(n)
		case "timestamp":
			r.Timestamp, err = m.want(packInt)
		case "size":
			r.Size, err = m.want(packInt)
		case "depends":
			r.Depends, err = m.list()
		case "constrains":
			r.Constrains, err = m.list()
		case "flags":
			r.Flags, err = m.list()
		case "sha256":
			b, err = m.bytes()
			r.SHA256 = hex.EncodeToString(b)
		case "md5":
			b, err = m.bytes()
			r.MD5 = hex.EncodeToString(b)
		case "extra_depends":
			r.ExtraDepends = map[string][]string{}
			err = m.object(func(group string) (err error) {
				r.ExtraDepends[group], err = m.list()
				return err
			})
		default:
			err = m.skip(0)
		}
		return err
	})
}
