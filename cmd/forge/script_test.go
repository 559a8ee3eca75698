package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"forge/sandbox"
)

func TestMain(m *testing.M) {
	if sandbox.IsChild(os.Args) {
		os.Exit(sandbox.Child(os.Args))
	}
	program := func() int {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return run(ctx, os.Args[1:], os.LookupEnv, os.Stdin, os.Stdout, os.Stderr)
	}
	if os.Getenv("FORGE_TEST_AS_PROGRAM") != "" {
		os.Exit(program())
	}
	testscript.Main(m, map[string]func(){
		"forge": func() { os.Exit(program()) },
	})
}

// TestScripts runs the scripts that specify the verbs. They share one store, so that the host's tools
// are imported once; everything else is a script's own.
func TestScripts(t *testing.T) {
	store := t.TempDir()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("FORGE_CACHE", store)
			env.Setenv("FORGE_KEYS", filepath.Join(env.WorkDir, ".keys"))
			env.Setenv("HOME", filepath.Join(env.WorkDir, ".home"))
			env.Setenv("NO_COLOR", "1")
			return nil
		},
	})
}
