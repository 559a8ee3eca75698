package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"forge/internal/diag"
	"forge/sandbox"
	"forge/trust"
)

// verifyCommand checks packages and what stands beside them.
func verifyCommand(a *app) *cobra.Command {
	var keyFiles []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify FILE...",
		Short: "Check signatures and provenance of packages",
		Long: `Check packages: the bytes against the OpenPGP signature (.asc) and the signed statement
(.intoto.jsonl) beside each, and the statement itself. Then print what it was made from, and
follow the packages among that which lie in the same channel.

Trusted are your own keys and those in the workspace's keys folder; with --key, only the
keys named. With a key of one kind alone, the other kind of signature is reported as not
checked: an Ed25519 key vouches for the statement and through it for the bytes, an OpenPGP
key for the bytes only.

Exit code: 0 all good, 1 one was refused, 2 used wrongly.`,
		Example: `  forge verify output/*/*.conda
  forge verify --key them.pem downloaded-1.0-0.conda`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, f := range args {
				if info, err := os.Stat(f); err != nil {
					return usageError{fmt.Errorf("verify: %w", err)}
				} else if !info.Mode().IsRegular() {
					return usageError{fmt.Errorf("verify %s: it is not a file", f)}
				}
			}
			keys, err := a.trustedKeys(keyFiles)
			if err != nil {
				return err
			}
			return a.verify(cmd.Context(), args, keys, asJSON)
		},
	}
	c.Flags().StringArrayVar(&keyFiles, "key", nil, "trust the public keys in this file (PEM or OpenPGP) and no others; may be repeated")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

func (a *app) verify(ctx context.Context, files []string, keys *trust.KeySet, asJSON bool) error {
	formats, err := readFormats()
	if err != nil {
		return err
	}
	chain := newChain(keys, opener(formats), time.Now())
	if chain.least, err = a.policyIsolation(); err != nil {
		return err
	}
	var all []*checked
	for _, f := range files {
		one := chain.check(ctx, f)
		all = append(all, one)
		if err := ctx.Err(); err != nil {
			return err
		}
		if !asJSON {
			a.printChecked(one, keys, len(files) == 1 || a.global.verbose > 0)
		}
	}
	summary := chain.summary()
	if asJSON {
		if err := a.printJSON(map[string]any{"artifacts": all, "chain": summary}); err != nil {
			return err
		}
	} else if !a.global.quiet {
		fmt.Fprintf(a.stdout, "%s\n", summary)
	}
	if slices.ContainsFunc(all, func(c *checked) bool { return !c.Good }) {
		return exitError{exitFailed}
	}
	return nil
}

// policyIsolation is the least that the forge.hcl around here accepts; empty where it does not say.
func (a *app) policyIsolation() (sandbox.Isolation, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	ws, err := a.workspace(wd)
	if err != nil || ws.file == nil {
		return "", err
	}
	return sandbox.Isolation(ws.file.Policy.Isolation), nil
}

// printChecked writes the verdict on one file; whole adds all that it was made from.
func (a *app) printChecked(c *checked, keys *trust.KeySet, whole bool) {
	if !c.Good {
		paint := a.painter(a.stderr)
		fmt.Fprintf(a.stderr, "%s: %s: %s\n", diag.Printable(c.Path), paint("failed", "refused"), diag.Printable(c.Reason))
		return
	}
	if a.global.quiet {
		return
	}
	paint := a.painter(a.stdout)
	fmt.Fprintf(a.stdout, "%s: %s\n", diag.Printable(c.Path), paint("built", "good"))
	say := func(what, format string, args ...any) {
		fmt.Fprintf(a.stdout, "  %-10s %s\n", what, diag.Printable(fmt.Sprintf(format, args...)))
	}
	say("sha256", "%s", c.SHA256.Hex())
	for _, id := range c.KeyIDs {
		say("statement", "signed by %s%s", id, origin(keys, id))
	}
	if c.OpenPGP != "" {
		say("openpgp", "signed by %s%s", c.OpenPGP, origin(keys, c.OpenPGP))
	}
	if b := c.build; b != nil {
		isolation := "isolation " + b.Isolation
		if b.Isolation == "" {
			isolation = "no script ran"
		}
		say("made by", "%s %s (%s), %s", b.BuilderID, b.BuilderVersion, b.BuilderMode, isolation)
		say("recipe", "%s, tree %s%s", b.Recipe, b.RecipeTree.Short(), commit(b.GitCommit))
	}
	if t := c.Tests; t != nil {
		say("tests", "%d passed: %s", len(t.Passed), testNames(t.Passed))
	}
	for _, n := range c.Notes {
		say("note", "%s", n)
	}
	if whole {
		for _, m := range c.Materials {
			say(m.Kind, "%s", m.line())
		}
	} else if len(c.Materials) > 0 {
		say("made from", "%s", countKinds(c.Materials))
	}
}

func commit(id string) string {
	if id == "" {
		return ""
	}
	return ", commit " + id
}

// origin says where a key came from, so that a surprising one is seen.
func origin(keys *trust.KeySet, id string) string {
	for _, k := range keys.Keys() {
		if k.ID == id && k.Origin != "" {
			return " (" + k.Origin + ")"
		}
	}
	return ""
}

func countKinds(materials []checkedMaterial) string {
	count := map[string]int{}
	for _, m := range materials {
		count[m.Kind]++
	}
	var parts []string
	for kind, n := range count {
		parts = append(parts, counted(n, kind))
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}

// testNames lists tests, which statements name by number and kind.
func testNames(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = name
		if number, kind, ok := strings.Cut(name, " "); ok {
			list[i] = "test " + number + " (" + kind + ")"
		}
	}
	return strings.Join(list, ", ")
}

// counted is a number and what it counts: 1 file, 2 files.
func counted(n int, word string) string { return fmt.Sprintf("%d %s", n, plural(word, n)) }

func plural(word string, n int) string {
	switch {
	case n == 1:
		return word
	case strings.HasSuffix(word, "ch"):
		return word + "es"
	}
	return word + "s"
}

// relative is path as seen from the working directory, if that is shorter.
func relative(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(wd, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		return path
	}
	return rel
}
