package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"forge/internal/sigstoretest"
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
	sigstore, err := sigstoretest.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"attest": func(ts *testscript.TestScript, _ bool, args []string) { attest(ts, sigstore, args) },
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("FORGE_CACHE", store)
			env.Setenv("FORGE_KEYS", filepath.Join(env.WorkDir, ".keys"))
			env.Setenv("HOME", filepath.Join(env.WorkDir, ".home"))
			env.Setenv("NO_COLOR", "1")
			return nil
		},
	})
}

// attest is the command `attest FILE OWNER/REPO BUNDLE` of the scripts: a workflow of that repository on GitHub
// states where the file is from. The root to trust goes to trusted_root.json.
func attest(ts *testscript.TestScript, sigstore *sigstoretest.Instance, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: attest FILE OWNER/REPO BUNDLE")
	}
	file := ts.ReadFile(args[0])
	b, err := sigstore.Bundle(sigstoretest.GitHub(args[1], sigstore.Start.AddDate(0, 1, 0)),
		sigstoretest.Statement(sigstoretest.Provenance, filepath.Base(args[0]), []byte(file)), sigstoretest.Entry{})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), sigstoretest.JSON(b), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("trusted_root.json"), sigstoretest.JSON(sigstore.TrustedRoot()), 0o644))
}
