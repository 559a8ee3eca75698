package sources

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"forge/recipes"
)

var payload = bytes.Repeat([]byte("0123456789abcdef"), 64<<10/16)

// moody is a server whose answers each test decides.
func moody(t *testing.T, h http.HandlerFunc) (url string, hits *atomic.Int32) {
	t.Helper()
	hits = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/f.bin", hits
}

// torn sends the first n bytes of what was asked for and drops the connection.
func torn(w http.ResponseWriter, r *http.Request, n int, ranges bool) {
	from := 0
	if ranges {
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
	}
	w.Header().Set("ETag", `"one"`)
	w.Header().Set("Content-Length", strconv.Itoa(len(payload)-from))
	if from > 0 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(payload)-1, len(payload)))
		w.WriteHeader(http.StatusPartialContent)
	}
	w.Write(payload[from:min(len(payload), from+n)])
	if from+n < len(payload) {
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func TestDownload(t *testing.T) {
	third := len(payload)/3 + 1
	cases := []struct {
		name   string
		serve  func(hit *atomic.Int32) http.HandlerFunc
		hits   int32
		refuse []string // words of the error; nil if the file must come
	}{
		{"plain", func(*atomic.Int32) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.Write(payload) }
		}, 1, nil},
		{"resumes with ranges", func(*atomic.Int32) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { torn(w, r, third, true) }
		}, 3, nil},
		{"resumes where the server knows no ranges", func(n *atomic.Int32) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { torn(w, r, third*int(n.Add(1)), false) }
		}, 3, nil},
		{"gives up where nothing comes any more", func(n *atomic.Int32) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) == 1 {
					torn(w, r, third, true)
				}
				panic(http.ErrAbortHandler)
			}
		}, 3, []string{"broke off after " + strconv.Itoa(third)}},
		{"tries again after 503", func(n *atomic.Int32) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) < 3 {
					http.Error(w, "busy", http.StatusServiceUnavailable)
					return
				}
				w.Write(payload)
			}
		}, 3, nil},
		{"404 is final", func(*atomic.Int32) http.HandlerFunc { return http.NotFound }, 1, []string{"404 Not Found"}},
		{"403 is final", func(*atomic.Int32) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }
		}, 1, []string{"403 Forbidden"}},
		{"500 for ever", func(*atomic.Int32) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
		}, 3, []string{"500"}},
		{"other bytes", func(*atomic.Int32) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>not found</html>")) }
		}, 1, []string{"sha256 is ", ", recipe says "}},
		{"a range of other content", func(n *atomic.Int32) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) == 1 {
					torn(w, r, third, true)
				}
				w.Header().Set("ETag", `"two"`)
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", third, len(payload)-1, len(payload)))
				w.WriteHeader(http.StatusPartialContent)
				w.Write(payload[third:])
			}
		}, 2, []string{"changed on the server"}},
		{"another range than asked for", func(n *atomic.Int32) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) == 1 {
					torn(w, r, third, true)
				}
				w.Header().Set("ETag", `"one"`)
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(payload)-1, len(payload)))
				w.WriteHeader(http.StatusPartialContent)
				w.Write(payload)
			}
		}, 2, []string{"range"}},
		{"redirect to a file", func(*atomic.Int32) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
			}
		}, 1, []string{"redirected to file:///etc/passwd, which is not http"}},
		{"redirects without end", func(*atomic.Int32) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }
		}, 11, []string{"more than 10 redirects"}},
		{"says more than the limit", func(*atomic.Int32) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "99999999999") }
		}, 1, []string{"99999999999 bytes, more than"}},
		{"sends more than the limit", func(*atomic.Int32) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.(http.Flusher).Flush() // no length
				for range 64 {
					w.Write(payload)
				}
			}
		}, 1, []string{"more than the 1048576 bytes"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := newGetter(t, func(c *Config) { c.MaxBytes = 1 << 20 })
			url, hits := moody(t, c.serve(new(atomic.Int32)))
			f, err := g.Fetch(context.Background(), output("", recipes.Source{URLs: []string{url}, Hashes: sha(payload)}), nil)
			if hits.Load() != c.hits {
				t.Errorf("%d requests, want %d", hits.Load(), c.hits)
			}
			if left := leftovers(t, g); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
			if c.refuse != nil {
				wantError(t, err, append(c.refuse, url)...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if f[0].Files[0].Size != int64(len(payload)) || f[0].Files[0].Name != "f.bin" || f[0].Files[0].URL != url {
				t.Errorf("got %+v", f[0].Files[0])
			}
		})
	}
}

func TestSilentServer(t *testing.T) {
	g := newGetter(t, func(c *Config) { c.Stall, c.Attempts = 50*time.Millisecond, 2 })
	url, hits := moody(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("x"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	_, err := g.Fetch(context.Background(), output("", recipes.Source{URLs: []string{url}, Hashes: sha(payload)}), nil)
	wantError(t, err, url, "broke off")
	if hits.Load() < 2 {
		t.Error("did not try again")
	}
}

func TestCancelLeavesNothing(t *testing.T) {
	g := newGetter(t)
	url, _ := moody(t, func(w http.ResponseWriter, r *http.Request) {
		w.Write(payload)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(context.Background())
	start := time.Now()
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := g.Fetch(ctx, output("", recipes.Source{URLs: []string{url, "https://elsewhere.invalid/x"}, Hashes: sha(payload[:9])}), nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("took %s to stop", d)
	}
	if left := leftovers(t, g); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestMirrors(t *testing.T) {
	good, _ := moody(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(payload) })
	gone, goneHits := moody(t, http.NotFound)
	wrong, _ := moody(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("else")) })
	local := filepath.Join(t.TempDir(), "f.bin")
	if err := os.WriteFile(local, payload, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("in order, past the bad ones", func(t *testing.T) {
		g := newGetter(t)
		f := fetch(t, g, output("", recipes.Source{URLs: []string{"http://nowhere.invalid/f.bin", gone, wrong, good}, Hashes: sha(payload)}))
		if f[0].Files[0].URL != good {
			t.Errorf("came from %s", f[0].Files[0].URL)
		}
	})
	t.Run("file", func(t *testing.T) {
		g := newGetter(t)
		f := fetch(t, g, output("", recipes.Source{URLs: []string{gone, "file://" + filepath.ToSlash(local)}, Hashes: sha(payload)}))
		if f[0].Files[0].Name != "f.bin" {
			t.Errorf("got %+v", f[0].Files[0])
		}
	})
	t.Run("every one is named with its reason", func(t *testing.T) {
		g := newGetter(t)
		_, err := g.Fetch(context.Background(), output("", recipes.Source{Hashes: sha(payload), URLs: []string{
			gone, wrong, "http://user:secret@nowhere.invalid/f.bin", "ftp://x/y", "file:///does/not/exist", "file:///dev/zero", "https:///x", "pkg:gem/rails@1", "pkg:deb/debian/zlib",
			"https://a.example/\x1b[31m", "file://elsewhere/x"}}), nil)
		wantError(t, err, "none of the 11 mirrors", gone+": the server says 404", wrong+": sha256 is ", "http://nowhere.invalid/f.bin: ",
			"ftp://x/y: is none of https://", "file:///does/not/exist: no such file", "file:///dev/zero: is not a regular file", "names no host",
			`packages of type "gem"`, "names no version", "control characters", "is no file URL of this machine")
		if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("error shows %q", err)
		}
	})
	t.Run("from the store without asking", func(t *testing.T) {
		g := newGetter(t)
		src := recipes.Source{URLs: []string{gone, good}, Hashes: sha(payload)}
		fetch(t, g, output("", src))
		before := goneHits.Load()
		src.URLs = []string{gone}
		fetch(t, g, output("", src))
		g.Offline = true
		f := fetch(t, g, output("", src))
		if goneHits.Load() != before {
			t.Error("asked the network for what is in the store")
		}
		if f[0].Files[0].URL != good {
			t.Errorf("says it came from %s", f[0].Files[0].URL)
		}
	})
	t.Run("offline", func(t *testing.T) {
		g := newGetter(t, func(c *Config) { c.Offline = true })
		_, err := g.Fetch(context.Background(), output("", recipes.Source{URLs: []string{good}, Hashes: sha(payload)}), nil)
		wantError(t, err, good, "forge fetch", "[offline]", "recipe.yaml")
	})
	t.Run("hashes", func(t *testing.T) {
		for _, c := range []struct {
			hashes map[string]string
			words  []string
		}{
			{nil, []string{"has no sha256", "--allow-unhashed", "[missing-hash]"}},
			{map[string]string{"md5": "ea2e0dbb5ddc3bcbd5f7c80ac2ed6b3b"}, []string{"has no sha256"}},
			{map[string]string{"sha256": "abc"}, []string{`"abc" is not a sha256: want 64 hex digits`}},
			{map[string]string{"sha256": strings.Repeat("0", 64)}, []string{"has no sha256", "[missing-hash]"}},
			{map[string]string{"crc": "abc"}, []string{`"crc" is not known`}},
			{map[string]string{"sha256": sha(payload)["sha256"], "md5": "ea2e0dbb5ddc3bcbd5f7c80ac2ed6b3b"}, []string{"md5 is ", "recipe says ea2e", "[hash-mismatch]"}},
			{sha([]byte("not it")), []string{"sha256 is " + sha(payload)["sha256"] + ", recipe says " + sha([]byte("not it"))["sha256"], "[hash-mismatch]"}},
		} {
			_, err := newGetter(t).Fetch(context.Background(), output("", recipes.Source{URLs: []string{good}, Hashes: c.hashes}), nil)
			wantError(t, err, c.words...)
		}
		g := newGetter(t, func(c *Config) { c.AllowUnhashed = true })
		f := fetch(t, g, output("", recipes.Source{URLs: []string{good}}))
		if !f[0].Unhashed || f[0].Digest().Hex() != sha(payload)["sha256"] {
			t.Errorf("got %+v", f[0])
		}
	})
	t.Run("a password is not kept", func(t *testing.T) {
		g := newGetter(t)
		f := fetch(t, g, output("", recipes.Source{URLs: []string{strings.Replace(good, "://", "://u:secret@", 1)}, Hashes: sha(payload)}))
		if strings.Contains(f[0].Files[0].URL, "secret") {
			t.Errorf("kept in %q", f[0].Files[0].URL)
		}
	})
}

// TestHTTPSStays holds that without a hash a redirect may not leave https.
func TestHTTPSStays(t *testing.T) {
	plain, _ := moody(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(payload) })
	s := httptest.NewTLSServer(http.RedirectHandler(plain, http.StatusFound))
	defer s.Close()
	g := newGetter(t, func(c *Config) { c.Client, c.AllowUnhashed = s.Client(), true })
	_, err := g.Fetch(context.Background(), output("", recipes.Source{URLs: []string{s.URL}}), nil)
	wantError(t, err, "leaves https")
	fetch(t, g, output("", recipes.Source{URLs: []string{s.URL + "/x"}, Hashes: sha(payload)}))
}

// TestTwoAtOnce holds that two processes, here two getters, fetch one file once.
func TestTwoAtOnce(t *testing.T) {
	url, hits := moody(t, func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(20 * time.Millisecond)
		w.Write(payload)
	})
	g := newGetter(t)
	done := make(chan error)
	for range 4 {
		other := New(g.Config)
		go func() {
			_, err := other.Fetch(context.Background(), output("", recipes.Source{URLs: []string{url}, Hashes: sha(payload)}), nil)
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if hits.Load() != 1 {
		t.Errorf("%d downloads of one file", hits.Load())
	}
}

func TestProgress(t *testing.T) {
	url, _ := moody(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat(payload, 20)) })
	var last Progress
	calls := 0
	_, err := newGetter(t).Fetch(context.Background(), output("", recipes.Source{URLs: []string{url}, Hashes: sha(bytes.Repeat(payload, 20))}), func(p Progress) {
		if p.Done < last.Done {
			t.Errorf("went back from %d to %d", last.Done, p.Done)
		}
		last, calls = p, calls+1
	})
	if err != nil || last.Done != 20*int64(len(payload)) || last.Total != last.Done || calls < 3 {
		t.Errorf("%d calls, last %+v, error %v", calls, last, err)
	}
}

// TestDamagedRecord holds that an edited record is a miss.
func TestDamagedRecord(t *testing.T) {
	url, hits := moody(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(payload) })
	g := newGetter(t, func(c *Config) { c.AllowUnhashed = true })
	src := recipes.Source{URLs: []string{url}}
	fetch(t, g, output("", src))
	path := g.recordPath(fileKey(src.URLs, hashes{}))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(path, bytes.Replace(b, []byte("f.bin"), []byte("g.bin"), 1), 0o644)
	fetch(t, g, output("", src))
	if hits.Load() != 2 {
		t.Errorf("%d downloads, want 2", hits.Load())
	}
}
