package channels

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"

	"forge/packages"
)

// sharedPath finds a file of ../shared, or skips the test.
func sharedPath(t testing.TB, name string) string {
	t.Helper()
	for _, root := range []string{os.Getenv("FORGE_SHARED"), "../../shared", "../../../shared"} {
		if path := filepath.Join(root, name); root != "" && exists(path) {
			return path
		}
	}
	t.Skipf("%s is not on this machine", name)
	return ""
}

const small = `{"info": {"subdir": "noarch"}, "removed": ["x-1-0.conda"], "repodata_version": 1,
 "packages": {"a-1.0-0.tar.bz2": {"name": "a", "version": "1.0", "build": "0", "build_number": 0, "depends": []},
   "a-1.1-h1_0.tar.bz2": {"name": "a", "version": "1.1", "build": "h1_0", "build_number": 0, "depends": ["b >=1", "c \"q\" }{"],
      "nested": {"x": [1, {"y": "}"}]}, "timestamp": 1500000000, "noarch": true, "track_features": ["f", "g"]}},
 "packages.conda": {"a-1.1-h1_0.conda": {"build":"h1_0","build_number":7,"depends":["b >=1"],"name":"a","version":"1.1","timestamp":1500000000123,"noarch":"python","size":10,"license":null},
   "b-2-0.conda": {"name":"b","version":"2","build":"0","build_number":0,"depends":[]}},
 "signatures": {"a": {"b": {"signature": "{\"\\"}}}}`

func writeChannel(t testing.TB, subdir, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, subdir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, subdir, "repodata.json"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFolder(t *testing.T) {
	dir := writeChannel(t, "noarch", small)
	for _, cache := range []string{"", t.TempDir()} {
		for range 2 { // the second time from the cache
			parts, err := (&Loader{CacheDir: cache}).Open(context.Background(), dir, []string{"linux-64", "noarch"})
			if err != nil {
				t.Fatal(err)
			}
			p := NewProvider(parts...)
			got, err := p.Candidates("a")
			if err != nil {
				t.Fatal(err)
			}
			base := "file://" + dir + "/noarch/"
			want := []*packages.Record{
				{Name: "a", Version: "1.0", Build: "0", Subdir: "noarch", FileName: "a-1.0-0.tar.bz2", Channel: dir, URL: base + "a-1.0-0.tar.bz2"},
				{Name: "a", Version: "1.1", Build: "h1_0", BuildNumber: 7, Subdir: "noarch", Depends: []string{"b >=1"}, NoArch: "python", Size: 10,
					Timestamp: 1500000000123, FileName: "a-1.1-h1_0.conda", Channel: dir, URL: base + "a-1.1-h1_0.conda"},
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			if got, _ := p.Candidates("nope"); got != nil {
				t.Error(got)
			}
			if diff := cmp.Diff([]string{"a", "b"}, p.Names()); diff != "" {
				t.Error(diff)
			}
			p.Close()
		}
	}
}

// TestAgainstEncodingJSON reads real repodata both ways.
func TestAgainstEncodingJSON(t *testing.T) {
	for _, name := range []string{"conda/tests/data/index.json", "conda/tests/data/index2.json", "conda/tests/data/index4.json",
		"conda/tests/data/index5.json", "conda/tests/data/repodata/r_linux-64.json", "conda/tests/data/repodata/main_noarch.json",
		"conda/tests/data/repodata/conda-test_noarch.json", "rattler/test-data/channels/pytorch/linux-64/repodata.json",
		"rattler/test-data/channels/dummy/linux-64/repodata.json", "mamba/libmamba/tests/data/repodata/sudoku.json",
		"mamba/libmamba/tests/data/repodata/conda-forge-numpy-linux-64.json"} {
		b, err := os.ReadFile(sharedPath(t, "vectors/"+name))
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		if !strings.Contains(text, `"packages"`) {
			text = `{"packages":` + text + `}`
		}
		checkText(t, name, text)
	}
}

func checkText(t *testing.T, name, text string) {
	t.Helper()
	var doc struct {
		Packages map[string]json.RawMessage
		Conda    map[string]json.RawMessage `json:"packages.conda"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	parts, err := (&Loader{}).Open(context.Background(), writeChannel(t, "noarch", text), []string{"noarch"})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer parts[0].Close()
	got, err := parts[0].All()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	n := 0
	for _, r := range got {
		raw, ok := doc.Conda[r.FileName]
		if !ok {
			raw = doc.Packages[r.FileName]
		}
		var want struct {
			packages.Record
			NoArch        any `json:"noarch"`
			TrackFeatures any `json:"track_features"`
			Timestamp     float64
		}
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatalf("%s: %s: %v", name, r.FileName, err)
		}
		if diff := cmp.Diff(&want.Record, r, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(packages.Record{},
			"FileName", "Channel", "URL", "Subdir", "NoArch", "TrackFeatures", "Timestamp", "Build")); diff != "" {
			t.Fatalf("%s: %s: %s", name, r.FileName, diff)
		}
		n++
	}
	stems := map[string]bool{} // builds whose key says the record's name
	for _, section := range []map[string]json.RawMessage{doc.Packages, doc.Conda} {
		for file, raw := range section {
			var r packages.Record
			parts := strings.Split(file, "-")
			if json.Unmarshal(raw, &r); r.Name == strings.Join(parts[:len(parts)-2], "-") {
				stems[strings.TrimSuffix(strings.TrimSuffix(file, ".tar.bz2"), ".conda")] = true
			}
		}
	}
	if n != len(stems) {
		t.Errorf("%s: %d records of %d", name, n, len(stems))
	}
}

// TestHostile: what strangers may send ends in an error, soon.
func TestHostile(t *testing.T) {
	long := strings.Repeat("x", 40<<20)
	many := func(n int) string {
		var b strings.Builder
		b.WriteString(`{"packages":{`)
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `"a-%d-0.conda":{"name":"a","version":"%[1]d","build":"0","depends":["a"]}`, i)
		}
		return b.String() + "}}"
	}
	for name, text := range map[string]string{
		"empty": "", "not json": "hello", "list": "[]", "cut": small[:len(small)-30], "cut in key": `{"pack`,
		"long string": `{"packages":{"a-1-0.conda":{"name":"` + long + `"}}}`, "long key": `{"` + long + `":1}`,
		"deep": `{"x":` + strings.Repeat("[", 1000) + `}`, "wrong types": `{"packages":{"a-1-0.conda":{"name":5}}}`,
		"record is list": `{"packages":{"a-1-0.conda":[]}}`, "bad file name": `{"packages":{"a.conda":{}}}`,
		"depends is text": `{"packages":{"a-1-0.conda":{"name":"a","depends":"b"}}}`,
		"too many":        many(maxCandidates + 1), "bad number": `{"packages":{"a-1-0.conda":{"name":"a","size":1e99}}}`,
		"odd quotes": `{"packages":{"a-1-0.conda":{"name":"a}}}`, "garbage value": `{"packages":{"a-1-0.conda":{"name":"a","x":tru}}}`,
	} {
		start := cpuTime()
		_, err := (&Loader{}).Load(context.Background(), writeChannel(t, "noarch", text), []string{"noarch"})
		if err == nil || len(err.Error()) > 500 {
			t.Errorf("%s: got %.600v", name, err)
		}
		if took := time.Duration(cpuTime() - start); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func TestHTTP(t *testing.T) {
	z, _ := zstd.NewWriter(nil)
	compressed := z.EncodeAll([]byte(small), nil)
	var log []string
	breakOnce, etag := true, `"v1"`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log = append(log, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("Range")+r.Header.Get("If-None-Match")))
		switch {
		case r.URL.Path != "/c/noarch/repodata.json.zst":
			http.NotFound(w, r)
			return
		case r.Header.Get("If-None-Match") == etag:
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", etag)
		if breakOnce {
			breakOnce = false
			w.Header().Set("Content-Length", fmt.Sprint(len(compressed)))
			w.Write(compressed[:100])
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(compressed)))
	}))
	defer server.Close()
	l := &Loader{CacheDir: t.TempDir(), NoShards: true}
	open := func() {
		t.Helper()
		parts, err := l.Open(context.Background(), server.URL+"/c", []string{"linux-64", "noarch"})
		if err != nil {
			t.Fatal(err)
		}
		if p := NewProvider(parts...); len(p.Names()) != 2 {
			t.Error(p.Names())
		}
		for _, p := range parts {
			p.Close()
		}
	}
	open()
	open()
	etag = `"v2"`
	open()
	l.Offline = true
	open2 := len(log)
	if _, err := l.Open(context.Background(), server.URL+"/c", []string{"noarch"}); err != nil || len(log) != open2 {
		t.Error(err, log)
	}
	want := []string{"/c/linux-64/repodata.json.zst", "/c/linux-64/repodata.json", "/c/noarch/repodata.json.zst", "/c/noarch/repodata.json.zst bytes=100-",
		"/c/linux-64/repodata.json.zst", "/c/linux-64/repodata.json", `/c/noarch/repodata.json.zst "v1"`,
		"/c/linux-64/repodata.json.zst", "/c/linux-64/repodata.json", `/c/noarch/repodata.json.zst "v1"`}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Error(diff)
	}
	l.Offline = false
	if _, err := l.Open(context.Background(), server.URL+"/none", []string{"noarch"}); err == nil {
		t.Error("an address without a channel is accepted")
	}
}

func TestHTTPErrors(t *testing.T) {
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n < 3 {
			http.Error(w, "later", http.StatusServiceUnavailable)
			return
		}
		http.Error(w, "no", http.StatusForbidden)
	}))
	defer server.Close()
	address := strings.Replace(server.URL, "://", "://user:secret@", 1) + "/t/token/c"
	_, err := (&Loader{CacheDir: t.TempDir()}).Open(context.Background(), address, []string{"noarch"})
	if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "token") || !strings.Contains(err.Error(), "403") || n != 3 {
		t.Errorf("%d requests: %v", n, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (&Loader{CacheDir: t.TempDir()}).Open(ctx, address, []string{"noarch"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestDamagedCacheIsAMiss(t *testing.T) {
	dir, cache := writeChannel(t, "noarch", small), t.TempDir()
	for range 2 {
		parts, err := (&Loader{CacheDir: cache}).Open(context.Background(), dir, []string{"noarch"})
		if err != nil || !slices.Equal(parts[0].Names(), []string{"a", "b"}) {
			t.Fatal(err)
		}
		parts[0].Close()
		files, _ := filepath.Glob(cache + "/repodata/*.idx")
		b, _ := os.ReadFile(files[0])
		b[len(b)-1] ^= 1
		os.WriteFile(files[0], b, 0o644)
	}
}

func FuzzRepodata(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"packages":{"a-1-0.conda":{"name":"a","version":"1","build":"0","depends":["x"],"timestamp":1.5e3}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := buildIndex(strings.NewReader(string(text)), int64(len(text)), "x")
		if err != nil {
			return
		}
		r := &Repodata{Channel: "c", Subdir: "noarch", index: n, text: strings.NewReader(string(text))}
		for _, name := range r.Names() {
			records, err := r.read(name)
			if err != nil {
				continue
			}
			for _, rec := range records {
				// What we accept, encoding/json accepts with the same meaning.
				if rec.Name != name {
					t.Fatal(rec)
				}
			}
		}
	})
}

// TestConformanceIndexed reads what rattler's indexer wrote, packages of revision 3 included.
func TestConformanceIndexed(t *testing.T) {
	dir, err := filepath.Abs(sharedPath(t, "vectors/rattler-build/packages/_channel"))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := (&Loader{}).Open(context.Background(), dir, []string{"linux-64", NoArch})
	if err != nil {
		t.Fatal(err)
	}
	p := NewProvider(parts...)
	defer p.Close()
	for _, name := range p.Names() {
		records, err := p.Candidates(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if !exists(filepath.Join(dir, r.Subdir, r.FileName)) {
				t.Errorf("%s is not there", r.URL)
			}
		}
	}
	got, err := p.Candidates("v3pkg")
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	want := &packages.Record{Flags: []string{"gpu", "blas:mkl"}, Depends: []string{`a[when="__linux"]`, "b[extras=[x]]"},
		ExtraDepends: map[string][]string{"docs": {"sphinx"}, "test": {`pytest[version=">=7"]`}}, FileName: "v3pkg-1.0-h4616a5c_0.conda"}
	have := &packages.Record{Flags: got[0].Flags, Depends: got[0].Depends, ExtraDepends: got[0].ExtraDepends, FileName: got[0].FileName}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
	t.Logf("%d names of a channel that rattler indexed, packages of revision 3 included", len(p.Names()))
}

// TestNoFileNames: what is no file name is not offered, and the rest can be had.
func TestNoFileNames(t *testing.T) {
	record := `{"name":"a","version":"1","build":"0","depends":[]}`
	text := `{"packages":{"a-1-0\u0000.conda":` + record + `,"..\/a-1-0.conda":` + record + `,"a-1-\"0\".conda":` + record +
		`,"a-1-\\":` + record + `,"a-1-0.conda":` + record + `,"x/a-1-0.conda":` + record + `}}`
	parts, err := (&Loader{}).Open(context.Background(), writeChannel(t, "noarch", text), []string{"noarch"})
	if err != nil {
		t.Fatal(err)
	}
	defer parts[0].Close()
	got, err := parts[0].Candidates("a")
	if err != nil || len(got) != 2 || got[1].FileName != "a-1-0.conda" || got[0].FileName != `a-1-"0".conda` {
		t.Error(got, err)
	}
	all, err := parts[0].All()
	if err != nil || len(all) != 2 {
		t.Error(all, err)
	}
}

func TestBaseURL(t *testing.T) {
	dir := writeChannel(t, "noarch", `{"info":{"base_url":"../pool"},"packages":{"a-1-0.conda":{"name":"a","version":"1","build":"0"}}}`)
	parts, err := (&Loader{}).Open(context.Background(), dir, []string{"noarch"})
	if err != nil {
		t.Fatal(err)
	}
	defer parts[0].Close()
	got, err := parts[0].Candidates("a")
	if want := "file://" + dir + "/pool/a-1-0.conda"; err != nil || got[0].URL != want {
		t.Errorf("got %v, %v, want %s", got[0].URL, err, want)
	}
}

// TestConformanceShards reads the shards that rattler's indexer wrote from a server, and the same from one file.
func TestConformanceShards(t *testing.T) {
	dir := sharedPath(t, "vectors/rattler-build/packages/_channel")
	asked := map[string]int{}
	var mu sync.Mutex
	files := http.FileServer(http.Dir(dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.Path]++
		mu.Unlock()
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	cache := t.TempDir()
	read := func(l *Loader) map[string]*packages.Record {
		t.Helper()
		out := map[string]*packages.Record{}
		list, err := l.Load(context.Background(), server.URL, []string{"linux-64", NoArch})
		if err != nil {
			t.Fatal(err)
		}
		for _, index := range list {
			for _, r := range index.Records {
				out[r.URL] = r
			}
		}
		return out
	}
	sharded, whole := read(&Loader{CacheDir: cache}), read(&Loader{CacheDir: t.TempDir(), NoShards: true})
	if diff := cmp.Diff(whole, sharded, cmpopts.EquateEmpty()); diff != "" || len(whole) < 20 {
		t.Error(len(whole), diff)
	}
	local := t.TempDir() // a folder with the shards alone
	if err := os.CopyFS(local, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, subdir := range []string{"linux-64", NoArch} {
		for _, name := range []string{"repodata.json", "repodata.json.zst"} {
			os.Remove(filepath.Join(local, subdir, name))
		}
	}
	parts, err := (&Loader{}).Open(context.Background(), local, []string{"linux-64", NoArch})
	if err != nil {
		t.Fatal(err)
	}
	folder := NewProvider(parts...)
	defer folder.Close()
	count := 0
	for _, name := range folder.Names() {
		records, err := folder.Candidates(name)
		if err != nil {
			t.Fatal(err)
		}
		count += len(records)
	}
	if count != len(whole) {
		t.Errorf("a folder of shards has %d records, want %d", count, len(whole))
	}
	n := len(asked)
	if again := read(&Loader{CacheDir: cache, Offline: true}); len(again) != len(whole) || len(asked) != n {
		t.Errorf("offline: %d records, %d new requests", len(again), len(asked)-n)
	}
	for path, times := range asked {
		if strings.Contains(path, "/shards/") && times != 1 {
			t.Errorf("%s was asked for %d times", path, times)
		}
	}
	t.Logf("%d records of rattler's indexer, the same from shards and from one file; each shard fetched once", len(whole))
}

// TestShardDigest: a shard that is not the one the index names is refused.
func TestShardDigest(t *testing.T) {
	z, _ := zstd.NewWriter(nil)
	index := append([]byte("\x82\xa4info\x82\xa8base_url\xa0\xafshards_base_url\xa2s/\xa6shards\x81\xa1a\xc4\x20"), make([]byte, 32)...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/repodata_shards.msgpack.zst") {
			w.Write(z.EncodeAll(index, nil))
			return
		}
		w.Write(z.EncodeAll([]byte("\x80"), nil))
	}))
	defer server.Close()
	parts, err := (&Loader{CacheDir: t.TempDir()}).Open(context.Background(), server.URL, []string{"noarch"})
	if err != nil {
		t.Fatal(err)
	}
	defer parts[0].Close()
	if _, err := parts[0].Candidates("a"); err == nil || !strings.Contains(err.Error(), "digest") {
		t.Error(err)
	}
}

// TestShardsElsewhere: a server's index cannot make us read files of this machine.
func TestShardsElsewhere(t *testing.T) {
	s := &shards{}
	index := []byte("\x81\xa4info\x82\xa8base_url\xa0\xafshards_base_url\xacfile:///etc/")
	if err := s.parseIndex(index, &Repodata{base: "https://h.example/c/noarch"}); err == nil || !strings.Contains(err.Error(), "files of this machine") {
		t.Error(err)
	}
	if err := s.parseIndex(index, &Repodata{base: "file:///c/noarch"}); err != nil {
		t.Error(err)
	}
}

func FuzzShard(f *testing.F) {
	f.Add([]byte("\x81\xa8packages\x81\xabp-1-0.conda\x83\xa4name\xa1p\xa7version\xa11\xa7depends\x91\xa1q"))
	f.Fuzz(func(t *testing.T, text []byte) {
		records, err := parseShard(text, "p")
		for _, r := range records {
			if err == nil && r.Name != "p" {
				t.Fatal(r)
			}
		}
	})
}

// TestIndexFindsEveryName holds find and list against a plain map: names out of order, shared between
// sections, prefixes of one another, and on both sides of each block's border.
func TestIndexFindsEveryName(t *testing.T) {
	for _, count := range []int{0, 1, 15, 16, 17, 33, 400} {
		random := rand.New(rand.NewPCG(1, uint64(count)))
		want := map[string]int{}
		var sections [2]strings.Builder
		for i := range count {
			name := strings.Repeat("ab", random.IntN(4)) + strconv.Itoa(random.IntN(count)) + strings.Repeat("-c", random.IntN(2))
			fmt.Fprintf(&sections[i%2], `,"%s-1-%d.conda":{"name":"%s","version":"1","build":"%d"}`, name, i, name, i)
			want[name]++
		}
		text := fmt.Sprintf(`{"packages":{%s},"packages.conda":{%s}}`, strings.TrimPrefix(sections[0].String(), ","), strings.TrimPrefix(sections[1].String(), ","))
		n, err := buildIndex(strings.NewReader(text), int64(len(text)), "x")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), n.list(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		for name := range want {
			found := n.find(name)
			for _, e := range found {
				if !strings.HasPrefix(text[e.offset:], `"`+name+"-1-") {
					t.Errorf("%s: %.40s", name, text[e.offset:])
				}
			}
			if len(found) != want[name] || !slices.IsSortedFunc(found, func(a, b rawEntry) int { return int(a.offset) - int(b.offset) }) {
				t.Errorf("%d of %d records of %s", len(found), want[name], name)
			}
			for _, other := range []string{name + "x", name[:len(name)-1], "", "zz"} {
				if want[other] == 0 && n.find(other) != nil {
					t.Errorf("%q was found", other)
				}
			}
		}
	}
}
