package engine

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"strings"
	"testing"
	"time"
)

func tarOf(t *testing.T, mtime int64, uid int, text string, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		h := &tar.Header{Name: name, Mode: 0o644, Uid: uid, ModTime: time.Unix(mtime, 0), Size: int64(len(text))}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(text))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipOf(t *testing.T, mtime int64, text string, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Modified: time.Unix(mtime, 0)})
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte(text))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchiveClasses(t *testing.T) {
	end := time.Unix(1795676689, 0)
	e := evidence{start: end.Add(-5 * time.Second), end: end}
	for name, c := range map[string]struct {
		a, b []byte
		want string // class and place of each difference
	}{
		"tar time":      {tarOf(t, 1, 0, "x", "a"), tarOf(t, 2, 0, "x", "a"), "timestamp tar member a mtime"},
		"tar owner":     {tarOf(t, 1, 0, "x", "a"), tarOf(t, 1, 7, "x", "a"), "user tar member a owner"},
		"tar order":     {tarOf(t, 1, 0, "x", "a", "b"), tarOf(t, 1, 0, "x", "b", "a"), "order tar members"},
		"tar content":   {tarOf(t, 1, 0, "x y", "a"), tarOf(t, 2, 0, "y x", "a"), "timestamp tar member a mtime; order tar member a, line 1"},
		"zip time":      {zipOf(t, 1e9, "x", "a"), zipOf(t, 2e9, "x", "a"), "timestamp zip member a mtime"},
		"zip order":     {zipOf(t, 1e9, "x", "a", "b"), zipOf(t, 1e9, "x", "b", "a"), "order zip members"},
		"time and id":   {[]byte(`{"at": "2026-11-26T12:14:34Z", "id": "56feda60bff7"}`), []byte(`{"at": "2026-11-26T12:14:37Z", "id": "529a909cbdf0"}`), "timestamp line 1; randomness line 1 beside the time"},
		"ls":            {[]byte("a 12:14:34.634863142 +0000"), []byte("a 12:14:37.662863000 +0000"), "timestamp line 1"},
		"date and word": {[]byte("built 2026-11-26 red"), []byte("built 2026-11-27 green"), "timestamp line 1; unknown line 1 beside the time"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, d := range compareFiles("x", c.a, c.b, 0) {
				classify(&d, e)
				got = append(got, d.Class+" "+d.Where)
			}
			if s := strings.Join(got, "; "); s != c.want {
				t.Errorf("got %s\nwant %s", s, c.want)
			}
		})
	}
}
