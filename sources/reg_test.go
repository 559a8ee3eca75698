package sources

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"forge/recipes"
	"forge/store"
)

func TestTry(t *testing.T) {
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	g := New(Config{Store: s, Env: os.Environ()})
	out := &recipes.Output{Name: "x", Sources: []recipes.Source{
		{URLs: []string{"https://zlib.net/zlib-1.2.13.tar.gz", "pkg:deb/debian/zlib@1.2.13.dfsg?arch=source"}, Hashes: map[string]string{"sha256": "71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1"}},
		{TargetDirectory: "hello", URLs: []string{"pkg:deb/debian/hello@2.10?arch=source"}, Hashes: map[string]string{"sha256": "31e066137a962676e89f69d1b65382de95a7ef7d914b8cb956f41ea72e0f516b"}},
		{TargetDirectory: "gojq", URLs: []string{"pkg:golang/github.com/itchyny/gojq@v0.12.16"}, Hashes: map[string]string{"sha256": "32dd58e9a78bec89f06440e0f4a5a463b2bec72330aab7fe647a63fda3b49ea3"}},
		{TargetDirectory: "semver", URLs: []string{"pkg:npm/semver@7.6.3"}, Hashes: map[string]string{"sha256": "376d2ca2c941fc5a37e9ac3ec65302e5e421e2cc1ee3dee57a854d2bd9bee125"}},
		{TargetDirectory: "meson", URLs: []string{"pkg:pypi/meson@1.6.1"}, Hashes: map[string]string{"sha256": "1eca49eb6c26d58bbee67fd3337d8ef557c0804e30a6d16bfdf269db997464de"}},
	}}
	f, err := g.Fetch(context.Background(), out, nil)
	t.Logf("%+v\n%v", f, err)
	if err != nil {
		t.Fatal()
	}
	d := t.TempDir()
	env, err := g.Unpack(context.Background(), f, d, os.Getenv("EX"))
	l, _ := os.ReadDir(d)
	exec.Command("cp", "-a", d, "/tmp/try-out").Run()
	t.Log(env, err, l)
}
