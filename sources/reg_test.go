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
	g := New(Config{Store: s, Env: os.Environ(), AllowUnhashed: true})
	out := &recipes.Output{Name: "x", Sources: []recipes.Source{
		{URLs: []string{os.Getenv("P")}},
	}}
	f, err := g.Fetch(context.Background(), out, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range f[0].Files {
		t.Log(x.Name, x.URL, x.Digest, x.Size)
	}
	d := t.TempDir()
	env, err := g.Unpack(context.Background(), f, d, os.Getenv("EX"))
	exec.Command("rm", "-rf", "/tmp/try-out").Run()
	exec.Command("cp", "-a", d, "/tmp/try-out").Run()
	t.Log(env, err)
}
