package sources

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"
)

const maxRedirects = 10

// newClient is an http client with no overall time limit: a transfer may be long, but never silent.
func newClient(proxies *httpproxy.Config) *http.Client {
	proxy := proxies.ProxyFunc()
	return &http.Client{
		CheckRedirect: checkRedirect,
		Transport: &http.Transport{
			Proxy:                 func(r *http.Request) (*url.URL, error) { return proxy(r.URL) },
			DialContext:           (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout:   15 * time.Second,
			TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
			ResponseHeaderTimeout: time.Minute,
			IdleConnTimeout:       30 * time.Second,
			DisableCompression:    true, // the bytes are hashed as they lie on the server
			ForceAttemptHTTP2:     true,
		},
	}
}

func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	if r.URL.Scheme != "http" && r.URL.Scheme != "https" {
		return fmt.Errorf("is redirected to %s, which is not http", r.URL.Redacted())
	}
	r.Header.Del("Referer")
	return nil
}

// statusError is an answer other than the file.
type statusError struct {
	status     string
	code       int
	retryAfter time.Duration
}

func (e *statusError) Error() string { return "the server says " + e.status }

// final reports whether asking again is of no use.
func final(err error) bool {
	var (
		status *statusError
		dns    *net.DNSError
		gone   *goneError
	)
	switch {
	case errors.As(err, &status):
		return status.code < 500 && status.code != http.StatusTooManyRequests && status.code != http.StatusRequestTimeout
	case errors.As(err, &dns):
		return dns.IsNotFound
	case errors.As(err, &gone):
		return true
	}
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &certificate) || strings.Contains(err.Error(), "redirect")
}

// goneError tells that what is left of a file cannot be had any more.
type goneError struct{ why string }

func (e *goneError) Error() string { return e.why }

// download is the body of a file behind an http URL. When the connection breaks it asks for the
// rest, up to Config.Attempts times without a byte between.
type download struct {
	g      *Getter
	ctx    context.Context
	url    string
	secure bool // https must stay https, since nothing else vouches for the bytes

	body          io.ReadCloser
	cancel        context.CancelFunc
	stall         *time.Timer
	offset, total int64 // total is -1 if not known
	validator     string
	failed        int
}

// openHTTP starts a download. secure refuses to leave https.
func (g *Getter) openHTTP(ctx context.Context, rawURL string, secure bool) (*download, error) {
	d := &download{g: g, ctx: ctx, url: rawURL, secure: secure, total: -1}
	for {
		err := d.connect()
		if err == nil {
			return d, nil
		}
		if err = d.again(err); err != nil {
			return nil, err
		}
	}
}

// again waits before the next try, or returns why there is none.
func (d *download) again(err error) error {
	if d.ctx.Err() != nil {
		return d.ctx.Err()
	}
	d.failed++
	if final(err) || d.failed >= d.g.Attempts {
		return err
	}
	wait := d.g.Backoff << (d.failed - 1)
	var status *statusError
	if errors.As(err, &status) {
		wait = max(wait, min(status.retryAfter, 30*time.Second))
	}
	select {
	case <-d.ctx.Done():
		return d.ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// connect asks for the file from offset on.
func (d *download) connect() error {
	ctx, cancel := context.WithCancel(d.ctx)
	stall := time.AfterFunc(d.g.Stall, cancel)
	fail := func(err error) error {
		stalled := ctx.Err() != nil && d.ctx.Err() == nil
		stall.Stop()
		cancel()
		if stalled {
			return fmt.Errorf("gave nothing for %s", d.g.Stall)
		}
		return plain(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil {
		return fail(err)
	}
	req.Header.Set("User-Agent", "forge")
	req.Header.Set("Accept-Encoding", "identity")
	if d.offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.offset))
		if d.validator != "" {
			req.Header.Set("If-Range", d.validator)
		}
	}
	resp, err := d.g.http.Do(req)
	if err != nil {
		return fail(err)
	}
	if err := d.accept(resp); err != nil {
		resp.Body.Close()
		return fail(err)
	}
	d.body, d.cancel, d.stall = resp.Body, cancel, stall
	return nil
}

// accept judges an answer and brings its body to offset.
func (d *download) accept(resp *http.Response) error {
	if d.secure && resp.Request.URL.Scheme != "https" {
		return fmt.Errorf("the redirect to %s leaves https", resp.Request.URL.Redacted())
	}
	validator := resp.Header.Get("ETag")
	if strings.HasPrefix(validator, "W/") || validator == "" {
		validator = resp.Header.Get("Last-Modified")
	}
	if d.offset > 0 && validator != d.validator {
		return &goneError{"the file changed on the server while it was read"}
	}
	d.validator = validator
	switch {
	case resp.StatusCode == http.StatusOK:
		if resp.ContentLength > d.g.MaxBytes {
			return &goneError{fmt.Sprintf("has %d bytes, more than the %d that a source may have", resp.ContentLength, d.g.MaxBytes)}
		}
		d.total = resp.ContentLength
		if _, err := io.CopyN(io.Discard, resp.Body, d.offset); err != nil {
			return err
		}
		return nil
	case resp.StatusCode == http.StatusPartialContent && d.offset > 0:
		return d.partial(resp.Header.Get("Content-Range"))
	}
	return &statusError{resp.Status, resp.StatusCode, retryAfter(resp.Header.Get("Retry-After"))}
}

// partial checks that a 206 holds what was asked for (RFC 9110, 14.4).
func (d *download) partial(contentRange string) error {
	var from, to, total int64
	if n, _ := fmt.Sscanf(contentRange, "bytes %d-%d/%d", &from, &to, &total); n != 3 {
		from, total = -1, -1
	}
	if from != d.offset || d.total >= 0 && total != d.total {
		return &goneError{fmt.Sprintf("the server answers with the range %q of %d bytes, asked from %d", contentRange, d.total, d.offset)}
	}
	return nil
}

func (d *download) Read(p []byte) (int, error) {
	for {
		n, err := d.body.Read(p)
		d.stall.Reset(d.g.Stall)
		d.offset += int64(n)
		if n > 0 {
			d.failed = 0
		}
		if err == nil || n > 0 && !errors.Is(err, io.EOF) {
			return n, nil // the error comes again
		}
		whole := d.total < 0 || d.offset >= d.total
		if errors.Is(err, io.EOF) && whole {
			return n, io.EOF
		}
		if n > 0 {
			return n, nil
		}
		if err := d.resume(err); err != nil {
			return 0, err
		}
	}
}

// resume opens a new connection after err broke the last one.
func (d *download) resume(err error) error {
	if d.body != nil {
		d.Close()
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	for err != nil {
		if aerr := d.again(err); aerr != nil {
			if d.ctx.Err() != nil {
				return d.ctx.Err()
			}
			return fmt.Errorf("broke off after %d bytes: %w", d.offset, plain(aerr))
		}
		err = d.connect()
	}
	return nil
}

func (d *download) Close() error {
	d.stall.Stop()
	d.cancel()
	return d.body.Close()
}

// plain takes the method and URL off an error of net/http: the caller names the mirror itself,
// without the password that the URL may hold.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// retryAfter reads seconds; the other form, a date, would need a clock we trust.
func retryAfter(s string) time.Duration {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, 3600)) * time.Second
}
