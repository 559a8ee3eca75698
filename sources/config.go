package sources

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"

	"forge/store"
)

// Config is all that fetching depends on beside the recipe; only Store is required.
type Config struct {
	Store   *store.Store
	Checker SignatureChecker   // nil: a source that asks for a signature is refused
	Attests AttestationChecker // nil: a source that asks for an attestation is refused
	Offline bool               // ask the store only

	// AllowUnhashed takes url sources without a sha256; they are marked in Fetched.Unhashed.
	AllowUnhashed bool

	// Env is the caller's environment ("NAME=value"). Of it, proxies decide how http is reached, and
	// registry clients are given what they read: HOME, proxies, certificates, their own settings.
	Env []string

	Now func() time.Time // for the age of registry indexes and for signatures; nil for time.Now

	Client   *http.Client  // nil for one of our own
	Attempts int           // tries of one mirror without progress; 0 for 3
	Backoff  time.Duration // before the second try, doubled after each; 0 for 500 ms
	Stall    time.Duration // a transfer that gives no byte for so long is broken; 0 for a minute
	MaxBytes int64         // of one file, downloaded or unpacked; 0 for 8 GiB
	Jobs     int           // sources of one output fetched at once; 0 for 4

	ClientDirs []string      // where registry clients are looked up; nil for the usual ones
	IndexAge   time.Duration // how long a registry index in the store is good for; 0 for a day
	Ignore     []string      // absolute folders never taken into a path source: output, caches
}

// Getter is the Fetcher that works on this machine. It is safe for use by several goroutines.
type Getter struct {
	Config
	env  map[string]string
	http *http.Client
	etc  string // apt's configuration, /etc/apt but in tests

	mu   sync.Mutex
	dead map[string]error // hosts that cannot be reached, so that each is tried once a run

	aptFailed   error // why the last update of apt's index failed, nil if it did not
	aptFailedAt time.Time
}

var _ Fetcher = (*Getter)(nil)

// New returns a Fetcher over c.Store.
func New(c Config) *Getter {
	orDuration := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Attempts == 0 {
		c.Attempts = 3
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 8 << 30
	}
	if c.Jobs == 0 {
		c.Jobs = 4
	}
	orDuration(&c.Backoff, 500*time.Millisecond)
	orDuration(&c.Stall, time.Minute)
	orDuration(&c.IndexAge, 24*time.Hour)
	g := &Getter{Config: c, env: map[string]string{}, etc: "/etc/apt", dead: map[string]error{}}
	for _, kv := range c.Env {
		if k, v, ok := strings.Cut(kv, "="); ok {
			g.env[k] = v
		}
	}
	g.http = c.Client
	if g.http == nil {
		g.http = newClient(g.proxies())
	}
	return g
}

// proxies reads the usual variables from Config.Env, in either case, lower first.
func (g *Getter) proxies() *httpproxy.Config {
	get := func(name string) string {
		if v := g.env[strings.ToLower(name)]; v != "" {
			return v
		}
		return g.env[name]
	}
	return &httpproxy.Config{HTTPProxy: get("HTTP_PROXY"), HTTPSProxy: get("HTTPS_PROXY"), NoProxy: get("NO_PROXY")}
}

// lock serialises work on one thing between goroutines and processes.
func (g *Getter) lock(ctx context.Context, name string) (func(), error) {
	unlock, err := g.Store.Lock(ctx, "sources "+name)
	if err != nil {
		return nil, fmt.Errorf("wait for another fetch of %s: %w", name, err)
	}
	return unlock, nil
}
