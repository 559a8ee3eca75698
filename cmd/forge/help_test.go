package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestHelp holds every verb to what a reader of --help expects: what it does, an example that names it,
// and a description of each flag.
func TestVerbsHaveTheirNames(t *testing.T) {
	for _, v := range verbs() {
		if got := v.make(&app{lookupEnv: func(string) (string, bool) { return "", false }}).Name(); got != v.name {
			t.Errorf("the verb %s is called %s", got, v.name)
		}
	}
}

func TestHelp(t *testing.T) {
	env := map[string]string{"FORGE_CACHE": t.TempDir(), "FORGE_KEYS": filepath.Join(t.TempDir(), "keys")}
	root := newRootCommand(&app{lookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		path := c.CommandPath()
		if c.Hidden || c.Name() == "help" {
			return
		}
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: its one line is %q", path, c.Short)
		}
		if !c.HasSubCommands() && !strings.Contains(c.Example, path) {
			t.Errorf("%s: no example calls it:\n%s", path, c.Example)
		}
		c.Flags().VisitAll(flagHasUsage(t, path))
		args := append(strings.Fields(path)[1:], "--help")
		code, out, errs := forgeIn(t, t.TempDir(), env, args...)
		if code != exitGood || !strings.Contains(out, "Usage:") || errs != "" {
			t.Errorf("%s --help: code %d\n%s%s", path, code, out, errs)
		}
		code, _, errs = forgeIn(t, t.TempDir(), env, append(strings.Fields(path)[1:], "--no-such-flag")...)
		if code != exitUsage || !strings.Contains(errs, "unknown flag: --no-such-flag") {
			t.Errorf("%s --no-such-flag: code %d\n%s", path, code, errs)
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
}

// TestNonsense gives every verb arguments that mean nothing: each says so in one readable message, and none
// of them takes it for success or falls over.
func TestNonsense(t *testing.T) {
	env := map[string]string{"FORGE_CACHE": t.TempDir(), "FORGE_KEYS": filepath.Join(t.TempDir(), "keys")}
	root := newRootCommand(&app{lookupEnv: func(string) (string, bool) { return "", false }})
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			visit(sub)
		}
		switch c.CommandPath() {
		case "forge", "forge help", "forge lsp", "forge sandbox run", "forge cache ls":
			return // takes no arguments of its own, any command, or a pattern that may match nothing
		}
		for _, args := range [][]string{{"no/such\x1b[31m/thing"}, {"no/such/thing", "and/another", "and-more"}, {""}} {
			var out, errs bytes.Buffer
			t.Chdir(t.TempDir())
			code := run(context.Background(), append(strings.Fields(c.CommandPath())[1:], args...), func(name string) (string, bool) { v, ok := env[name]; return v, ok },
				strings.NewReader("nonsense"), &out, &errs)
			if code != exitFailed && code != exitUsage || errs.Len() == 0 && out.Len() == 0 {
				t.Errorf("%s %q: code %d\n%s%s", c.CommandPath(), args, code, &out, &errs)
			}
			if strings.Contains(errs.String(), "\x1b[31m/thing") {
				t.Errorf("%s: control characters reach the terminal: %q", c.CommandPath(), errs.String())
			}
		}
	}
	visit(root)
}

func flagHasUsage(t *testing.T, path string) func(*pflag.Flag) {
	return func(f *pflag.Flag) {
		if f.Usage == "" {
			t.Errorf("%s --%s: nothing says what it is for", path, f.Name)
		}
	}
}
