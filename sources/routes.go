package sources

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Routes say which servers are asked in the place of others. What they give is held to the same hashes:
// a mirror is trusted with nothing.
type Routes struct {
	// Mirrors are, by the beginning of an address, the beginnings that replace it, in order of
	// preference. The original is asked only if it is among them (as in rattler's configuration).
	Mirrors map[string][]string
	// Insecure are hosts whose TLS certificates are not checked.
	Insecure []string
	// Proxies replace HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the environment where they are set.
	HTTPProxy, HTTPSProxy, NoProxy string
}

// Check reports the first mirror that is no http address.
func (r Routes) Check() error {
	for from, list := range r.Mirrors {
		for _, address := range append([]string{from}, list...) {
			u, err := url.Parse(address)
			if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
				return fmt.Errorf("the mirror %q: want an address that begins with http:// or https://", address)
			}
		}
		if len(list) == 0 {
			return fmt.Errorf("the mirrors of %q: the list is empty", from)
		}
	}
	return nil
}

// NewClient is the http client of a run: sources, channels and archives all go through one. env is the
// caller's environment ("NAME=value"), for its proxies.
func NewClient(env []string, routes Routes) *http.Client {
	for name, value := range map[string]string{"http_proxy": routes.HTTPProxy, "https_proxy": routes.HTTPSProxy, "no_proxy": routes.NoProxy} {
		if value != "" {
			env = append(slices.Clip(env), name+"="+value)
		}
	}
	client := New(Config{Env: env}).http
	if len(routes.Insecure) > 0 || len(routes.Mirrors) > 0 {
		client.Transport = newRouter(client.Transport.(*http.Transport), routes)
	}
	return client
}

// router sends requests where the routes say.
type router struct {
	checked, unchecked http.RoundTripper
	insecure           map[string]bool
	prefixes           []string // longest first
	mirrors            map[string][]string
}

func newRouter(base *http.Transport, routes Routes) *router {
	open := base.Clone()
	open.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}
	r := &router{checked: base, unchecked: open, insecure: map[string]bool{}, mirrors: map[string][]string{}}
	for _, host := range routes.Insecure {
		r.insecure[strings.ToLower(host)] = true
	}
	for from, list := range routes.Mirrors {
		from = strings.TrimRight(from, "/")
		r.prefixes = append(r.prefixes, from)
		r.mirrors[from] = list
	}
	slices.SortFunc(r.prefixes, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return r
}

// RoundTrip implements http.RoundTripper: it asks one mirror after the other until one has an answer that
// asking elsewhere could not better.
func (r *router) RoundTrip(req *http.Request) (*http.Response, error) {
	addresses := r.instead(req.URL.String())
	if addresses == nil || req.Body != nil {
		return r.send(req)
	}
	var failures []error
	for i, address := range addresses {
		u, err := url.Parse(address)
		if err != nil {
			return nil, fmt.Errorf("the mirror %s: %w", address, err)
		}
		one := req.Clone(req.Context())
		one.URL, one.Host = u, ""
		resp, err := r.send(one)
		last := i+1 == len(addresses)
		switch {
		case req.Context().Err() != nil:
			return nil, req.Context().Err()
		case err != nil:
			failures = append(failures, fmt.Errorf("the mirror %s: %w", u.Redacted(), err))
		case last || resp.StatusCode < 400:
			return resp, nil
		default:
			failures = append(failures, fmt.Errorf("the mirror %s says %s", u.Redacted(), resp.Status))
			_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
			resp.Body.Close()
		}
	}
	return nil, errors.Join(failures...)
}

// instead lists the addresses that replace one; nil where no mirror stands for it.
func (r *router) instead(address string) []string {
	for _, from := range r.prefixes {
		rest, ok := strings.CutPrefix(address, from)
		if !ok || rest != "" && !strings.HasPrefix(rest, "/") {
			continue
		}
		var list []string
		for _, to := range r.mirrors[from] {
			list = append(list, strings.TrimRight(to, "/")+rest)
		}
		return list
	}
	return nil
}

func (r *router) send(req *http.Request) (*http.Response, error) {
	if r.insecure[strings.ToLower(req.URL.Hostname())] || r.insecure[strings.ToLower(req.URL.Host)] {
		return r.unchecked.RoundTrip(req)
	}
	return r.checked.RoundTrip(req)
}
