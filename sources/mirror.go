package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"strings"

	"forge/internal/diag"
)

// body is the bytes one mirror gives.
type body struct {
	io.ReadCloser
	name string // what the file is called there
	size int64  // -1 if not known
}

// ask is what is wanted of a mirror: a file of these hashes, or the signature of one.
type ask struct {
	hashes
	signs   *File // the file whose detached signature is meant; nil for a source itself
	attests *File // the file whose attestations are meant
}

// opener gives the bytes behind one entry of url. A registry that has several files picks by want.
type opener func(ctx context.Context, rawURL string, want ask) (*body, error)

// mirrorError tells why one mirror did not give the file.
type mirrorError struct {
	url string
	err error
}

// UnreachableError tells why none of the mirrors of a source gave it.
type UnreachableError struct{ mirrors []mirrorError }

func (e *UnreachableError) Error() string {
	if len(e.mirrors) == 1 {
		return "fetch " + e.mirrors[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "fetch: none of the %d mirrors gave the file", len(e.mirrors))
	for _, m := range e.mirrors {
		b.WriteString("\n" + m.String())
	}
	return b.String()
}

func (m mirrorError) String() string { return shown(m.url) + ": " + m.err.Error() }

// Unwrap gives the reasons, one for each mirror tried.
func (e *UnreachableError) Unwrap() []error {
	all := make([]error, len(e.mirrors))
	for i, m := range e.mirrors {
		all[i] = m.err
	}
	return all
}

// fromMirrors stores the first file of urls that is what want says.
func (g *Getter) fromMirrors(ctx context.Context, urls []string, want ask, report func(Progress)) (File, error) {
	var failed UnreachableError
	for _, u := range urls {
		file, err := g.fromMirror(ctx, u, want, report)
		if err == nil {
			return file, nil
		}
		if ctx.Err() != nil {
			return File{}, ctx.Err()
		}
		failed.mirrors = append(failed.mirrors, mirrorError{u, err})
	}
	return File{}, &failed
}

func (g *Getter) fromMirror(ctx context.Context, rawURL string, want ask, report func(Progress)) (File, error) {
	open, err := g.scheme(rawURL)
	if err != nil {
		return File{}, err
	}
	if report != nil { // a registry's client says nothing on the way
		report(Progress{Name: urlBase(rawURL), Total: -1})
	}
	b, err := open(ctx, rawURL, want)
	if err != nil {
		return File{}, err
	}
	defer b.Close()
	most := g.MaxBytes
	switch {
	case want.signs != nil:
		most = mostSignature
	case want.attests != nil:
		most = mostAttestation
	}
	if b.size > most {
		return File{}, fmt.Errorf("has %d bytes, more than the %d that it may have", b.size, most)
	}
	counted := &counter{r: newCheckingReader(b, want.hashes, most), p: Progress{Name: b.name, Total: b.size}, report: report}
	d, n, err := g.Store.Put(counted)
	if err != nil {
		return File{}, err
	}
	if report != nil {
		report(Progress{Name: b.name, Done: n, Total: n})
	}
	return File{Name: b.name, URL: withoutSecrets(rawURL), Digest: d, Size: n}, nil
}

func (g *Getter) scheme(rawURL string) (opener, error) {
	if err := cleanURL(rawURL); err != nil {
		return nil, err
	}
	scheme, _, _ := strings.Cut(rawURL, ":")
	switch strings.ToLower(scheme) {
	case "http", "https":
		return g.openWeb, nil
	case "file":
		return g.openFile, nil
	case "pkg":
		return g.openPackage, nil
	}
	return nil, fmt.Errorf("is none of https://, http://, file:// and pkg:, which are the URLs forge can fetch")
}

// openWeb is the opener of http and https.
func (g *Getter) openWeb(ctx context.Context, rawURL string, want ask) (*body, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("is no URL")
	}
	if u.Host == "" {
		return nil, errors.New("names no host")
	}
	if err := g.deadHost(u.Host); err != nil {
		return nil, err
	}
	d, err := g.openHTTP(ctx, rawURL, want.sha256.IsZero() && u.Scheme == "https")
	if err != nil {
		g.noteDead(u.Host, err)
		return nil, err
	}
	return &body{d, urlBase(rawURL), d.total}, nil
}

// openFile is the opener of file://; only regular files are read.
func (g *Getter) openFile(_ context.Context, rawURL string, _ ask) (*body, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host != "" && u.Host != "localhost" || u.Opaque != "" {
		return nil, errors.New("is no file URL of this machine; write file:///the/absolute/path")
	}
	return openRegular(localPath(u.Path))
}

func openRegular(name string) (*body, error) {
	info, err := os.Stat(name) // before opening: a fifo would block
	if err != nil {
		return nil, withoutPath(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, withoutPath(err)
	}
	return &body{f, info.Name(), info.Size()}, nil
}

func withoutPath(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// cleanURL refuses what no URL of a recipe may hold.
func cleanURL(s string) error {
	if s == "" {
		return errors.New("the url is empty")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) || diag.Printable(s) != s {
		return errors.New("holds spaces or control characters; write them percent-encoded")
	}
	return nil
}

// urlBase is the last part of the URL's path, as a file name.
func urlBase(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	base := path.Base(u.Path)
	if base == "." || base == "/" || base == ".." || strings.ContainsAny(base, "\\\x00:") || diag.Printable(base) != base {
		return "download"
	}
	return base
}

// withoutSecrets drops user and password of a URL.
func withoutSecrets(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil || u.User == nil {
		return rawURL
	}
	u.User = nil
	return u.String()
}

// shown is a URL as an error may print it.
func shown(rawURL string) string { return diag.Printable(withoutSecrets(rawURL)) }

// deadHost returns why host could not be reached before in this run.
func (g *Getter) deadHost(host string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.dead[host]
}

// noteDead remembers a host that could not be connected to. An answer, of whatever kind, is life.
func (g *Getter) noteDead(host string, err error) {
	var op interface{ Timeout() bool }
	var status *statusError
	if errors.As(err, &status) || errors.Is(err, context.Canceled) || !errors.As(err, &op) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dead[host] = err
}
