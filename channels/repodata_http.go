package channels

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"forge/internal/fsx"
)

// cached is what the cache knows of a downloaded repodata.json.
type cached struct {
	URL          string    `json:"url"` // of the file that was there, compressed or not
	ETag         string    `json:"etag,omitempty"`
	LastModified string    `json:"last_modified,omitempty"`
	FreshUntil   time.Time `json:"fresh_until,omitzero"` // Cache-Control's max-age
}

// errAbsent says that the server does not have the file.
var errAbsent = errors.New("not there")

// openURL opens subdirs on a server. Those it does not have are empty, but one must be there.
func (l *Loader) openURL(ctx context.Context, channel string, subdirs []string) ([]*Repodata, error) {
	if l.CacheDir == "" {
		return nil, fmt.Errorf("channel %s: a cache folder is needed for downloads", redact(channel))
	}
	var out []*Repodata
	there := false
	for _, subdir := range subdirs {
		r := &Repodata{Channel: channel, Subdir: subdir, base: channel + "/" + subdir}
		err := l.openRemote(ctx, r)
		there = there || err == nil
		if err != nil && !errors.Is(err, errAbsent) {
			return out, fmt.Errorf("channel %s, %s: %w", redact(channel), subdir, err)
		}
		out = append(out, r)
	}
	if !there && len(subdirs) > 0 {
		return out, fmt.Errorf("channel %s: the server has repodata for none of %s; check the address", redact(channel), strings.Join(subdirs, ", "))
	}
	return out, nil
}

// openRemote opens what a server has of a subdir: shards, else one file.
func (l *Loader) openRemote(ctx context.Context, r *Repodata) error {
	named := l.File != "" && l.File != repodataFile
	if !l.NoShards && !named {
		if err := l.openShards(ctx, r); !errors.Is(err, errAbsent) {
			return err
		}
	}
	if named {
		address := r.base + "/" + l.File
		addresses := []string{address + ".zst", address}
		if l.Offline {
			addresses = addresses[1:] // one that is not in the cache is not there
		}
		text, err := l.fetch(ctx, address, addresses)
		if !errors.Is(err, errAbsent) {
			if err != nil {
				return err
			}
			return l.openText(r, text, text)
		}
	}
	address := r.base + "/" + repodataFile
	text, err := l.fetch(ctx, address, []string{address + ".zst", address})
	if err != nil {
		return err
	}
	return l.openText(r, text, text)
}

// redact hides passwords and tokens in a URL.
func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(unreadable URL)"
	}
	if rest, ok := strings.CutPrefix(u.Path, "/t/"); ok {
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			u.Path = "/t/<TOKEN>" + rest[i:]
		}
	}
	return u.Redacted()
}

// fetch brings a file into the cache, decompressed, and returns its path. The first of the addresses
// that the server has counts; key is what the cache calls it.
func (l *Loader) fetch(ctx context.Context, key string, addresses []string) (string, error) {
	text, err := l.bring(ctx, key, addresses)
	l.note(key, addresses, text, err)
	return text, err
}

func (l *Loader) bring(ctx context.Context, key string, addresses []string) (string, error) {
	text, metaPath := l.cachePath(key, ".json"), l.cachePath(key, ".meta")
	if err := os.MkdirAll(filepath.Dir(text), 0o755); err != nil {
		return "", err
	}
	unlock, err := fsx.Lock(ctx, text+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	var meta cached
	if b, err := os.ReadFile(metaPath); err == nil && exists(text) {
		if json.Unmarshal(b, &meta) != nil {
			meta = cached{}
		}
	}
	if l.Offline {
		if meta.URL == "" {
			if len(addresses) == 1 {
				return "", errAbsent // there is another form of it
			}
			return "", fmt.Errorf("%s is not in the cache; run once without --offline", redact(key))
		}
		return text, nil
	}
	if l.Now != nil && meta.URL != "" && l.Now().Before(meta.FreshUntil) {
		return text, nil
	}
	for _, candidate := range addresses {
		known := cached{}
		if meta.URL == candidate {
			known = meta
		}
		err = l.update(ctx, candidate, text, metaPath, known)
		if !errors.Is(err, errAbsent) {
			break
		}
	}
	return text, err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// update asks for a file that may have changed and puts its text in place.
func (l *Loader) update(ctx context.Context, address, text, metaPath string, known cached) error {
	part := text + ".part" + filepath.Ext(address)
	meta, changed, err := l.download(ctx, address, part, known)
	if err != nil {
		return err
	}
	if changed {
		if err := place(part, text, strings.HasSuffix(address, ".zst")); err != nil {
			return fmt.Errorf("%s: %w", redact(address), err)
		}
	}
	b, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	return fsx.WriteFile(metaPath, b, 0o644)
}

// place turns a complete download into the text.
func place(part, text string, compressed bool) error {
	if !compressed {
		return os.Rename(part, text)
	}
	f, err := os.Open(part)
	if err != nil {
		return err
	}
	defer os.Remove(part)
	defer f.Close()
	return unpackTo(text, f)
}

// attempts and waits between them, for what a server may do better the next time.
const attempts = 4

// download writes a file to part, going on where a broken connection left off. It reports false where
// the known version is still the latest.
func (l *Loader) download(ctx context.Context, address, part string, known cached) (cached, bool, error) {
	os.Remove(part) // left by another run, of an unknown version
	var meta cached
	var changed bool
	err := retry(ctx, func() (again bool, err error) {
		meta, changed, again, err = l.try(ctx, address, part, known, meta)
		return again, err
	})
	return meta, changed, err
}

// retry calls f until it succeeds or says that another time would not help.
func retry(ctx context.Context, f func() (again bool, err error)) error {
	for try := 0; ; try++ {
		again, err := f()
		switch {
		case err == nil || !again || ctx.Err() != nil:
			return err
		case try+1 == attempts:
			return fmt.Errorf("after %d attempts: %w", attempts, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(100<<(2*try)) * time.Millisecond):
		}
	}
}

// do sends a request. Its errors do not repeat the address, which may hold secrets.
func (l *Loader) do(req *http.Request) (*http.Response, error) {
	client := l.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return resp, err
}

// mayRecover reports whether a server may answer better the next time.
func mayRecover(status int) bool {
	return status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
}

// try makes one request. meta is what an earlier try learned of the file it began to download.
func (l *Loader) try(ctx context.Context, address, part string, known, meta cached) (_ cached, changed, again bool, err error) {
	f, err := os.OpenFile(part, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return meta, false, false, err
	}
	defer f.Close()
	have, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return meta, false, false, err
	}
	req, err := l.request(ctx, address, have, known, meta)
	if err != nil {
		return meta, false, false, err
	}
	resp, err := l.do(req)
	if err != nil {
		return meta, false, true, fmt.Errorf("get %s: %w", redact(address), err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && known.URL != "":
		os.Remove(part)
		known.FreshUntil = l.freshUntil(resp)
		return known, false, false, nil
	case resp.StatusCode == http.StatusOK:
		if err := f.Truncate(0); err != nil {
			return meta, false, false, err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return meta, false, false, err
		}
	case resp.StatusCode == http.StatusPartialContent && have > 0:
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		os.Remove(part)
		return meta, false, false, fmt.Errorf("get %s: %w", redact(address), errAbsent)
	default:
		return meta, false, mayRecover(resp.StatusCode), fmt.Errorf("get %s: the server says %s", redact(address), resp.Status)
	}
	meta = cached{URL: address, ETag: resp.Header.Get("ETag"), LastModified: resp.Header.Get("Last-Modified"), FreshUntil: l.freshUntil(resp)}
	n, err := io.Copy(f, io.LimitReader(resp.Body, maxRepodata+1))
	if err == nil && n > maxRepodata {
		return meta, false, false, fmt.Errorf("get %s: longer than %d bytes", redact(address), int64(maxRepodata))
	}
	if err != nil {
		return meta, false, true, fmt.Errorf("get %s: %w", redact(address), err)
	}
	return meta, true, false, nil
}

// request asks for the rest of a file begun, or for a file unless it is the known one.
func (l *Loader) request(ctx context.Context, address string, have int64, known, meta cached) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("get %s: invalid address", redact(address))
	}
	req.Header.Set("User-Agent", "forge")
	switch {
	case have > 0 && strings.HasPrefix(meta.ETag, `"`):
		req.Header.Set("Range", "bytes="+strconv.FormatInt(have, 10)+"-")
		req.Header.Set("If-Range", meta.ETag)
	case known.ETag != "":
		req.Header.Set("If-None-Match", known.ETag)
	case known.LastModified != "":
		req.Header.Set("If-Modified-Since", known.LastModified)
	}
	return req, nil
}

// freshUntil is how long the server lets its answer be used without asking.
func (l *Loader) freshUntil(resp *http.Response) time.Time {
	if l.Now == nil {
		return time.Time{}
	}
	for directive := range strings.SplitSeq(resp.Header.Get("Cache-Control"), ",") {
		directive = strings.ToLower(strings.TrimSpace(directive))
		if directive == "no-cache" || directive == "no-store" {
			return time.Time{}
		}
		if s, ok := strings.CutPrefix(directive, "max-age="); ok {
			if n, err := strconv.Atoi(s); err == nil && n > 0 {
				return l.Now().Add(time.Duration(min(n, 86400)) * time.Second)
			}
		}
	}
	return time.Time{}
}
