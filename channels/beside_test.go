package channels

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"forge/digest"
	"forge/packages"
	"forge/trust"
)

// TestClientsBesidePublishing has clients read a channel, in its folder and from a server, and download what they
// found, while packages are put into it and two writers index it: whatever is named is there, with these bytes, its
// signatures, its run_exports and what it depends on.
func TestClientsBesidePublishing(t *testing.T) {
	rounds := 40
	if os.Getenv("FORGE_TEST_ALL") != "" {
		rounds = 200
	}
	dir := t.TempDir()
	if err := IndexFolder(context.Background(), dir, chained, "linux-64"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	done := make(chan struct{})
	var clients sync.WaitGroup
	for name, channel := range map[string]string{"folder": "file://" + dir, "server": server.URL, "server with a cache": server.URL} {
		l := &Loader{CacheDir: t.TempDir()}
		clients.Go(func() {
			looks, seen := 0, 0
			for busy := true; busy; looks++ {
				select {
				case <-done:
					busy = false // and a last look at all of it
				default:
				}
				if name == "server" {
					l = &Loader{CacheDir: t.TempDir()}
				}
				var err error
				if seen, err = look(l, channel, seen); err != nil {
					t.Errorf("%s, look %d: %v", name, looks, err)
					return
				}
			}
			if name != "server with a cache" && seen != rounds { // a server's time stamps are whole seconds
				t.Errorf("%s: the last look found %d packages, want %d", name, seen, rounds)
			}
			t.Logf("%s: %d looks", name, looks)
		})
	}
	var writers sync.WaitGroup
	p := publisher(t, dir)
	p.Open = chained
	writers.Go(func() {
		for i := range rounds {
			publishChained(t, p, i+1)
			if err := IndexFolder(context.Background(), dir, chained); err != nil {
				t.Error(err)
			}
		}
	})
	writers.Go(func() {
		for range rounds {
			if err := IndexFolder(context.Background(), dir, chained); err != nil {
				t.Error(err)
			}
		}
	})
	writers.Wait()
	close(done)
	clients.Wait()
}

// chained opens a package that is nothing but an index.json, and has run_exports of its version.
func chained(path string) (packages.Package, error) {
	p, err := textPackage(path)
	if err != nil {
		return nil, err
	}
	info := p.(infoPackage)
	var index struct{ Version string }
	if err := json.Unmarshal(info.members["info/index.json"], &index); err != nil {
		return nil, err
	}
	info.members["info/run_exports.json"] = []byte(`{"weak":["a ` + index.Version + `"]}`)
	return info, nil
}

// publishChained puts version i of a, which depends on the one before it.
func publishChained(t *testing.T, p *Publisher, i int) {
	depends := ""
	if i > 1 {
		depends = fmt.Sprintf(`"a ==%d"`, i-1)
	}
	text := fmt.Sprintf(`{"name":"a","version":"%d","build":"0","build_number":0,"depends":[%s],"subdir":"linux-64"}`, i, depends)
	file, name := filepath.Join(t.TempDir(), "blob"), fmt.Sprintf("a-%d-0.conda", i)
	put(t, file, text)
	sum := digest.Of([]byte(text))
	statement := `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"` + name + `","digest":{"sha256":"` + sum.Hex() +
		`"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{}}`
	if _, err := p.Put(context.Background(), file, "linux-64", name, sum, []byte(statement), nil); err != nil {
		t.Error(err)
	}
}

// look reads the channel and gets the newest packages. It tells how many packages there are, of which none may have
// gone since the last look.
func look(l *Loader, channel string, seen int) (int, error) {
	ctx := context.Background()
	parts, err := l.Open(ctx, channel, []string{"linux-64", "noarch"})
	if err != nil {
		return 0, err
	}
	from := NewProvider(parts...)
	defer from.Close()
	records, err := from.Candidates("a")
	if err != nil {
		return 0, err
	}
	if len(records) < seen {
		return 0, fmt.Errorf("there are %d packages, before there were %d", len(records), seen)
	}
	exports := &ExportReader{Loader: l}
	for _, r := range records {
		version, err := strconv.Atoi(r.Version)
		if err != nil {
			return 0, err
		}
		if version > len(records) {
			return 0, fmt.Errorf("%s is there, and what it depends on is not: there are %d packages", r.FileName, len(records))
		}
		if version <= seen { // got at an earlier look
			continue
		}
		if _, err := l.Archive(ctx, r); err != nil {
			return 0, err
		}
		for _, suffix := range []string{trust.SuffixOpenPGP, trust.SuffixStatements} {
			if _, err := l.Beside(ctx, r, suffix, 1<<20); err != nil {
				return 0, err
			}
		}
		if _, ok, err := exports.Lookup(ctx, r); err != nil {
			return 0, err
		} else if !ok {
			return 0, fmt.Errorf("%s is in repodata.json and not in run_exports.json", r.FileName)
		}
	}
	return len(records), nil
}
