package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"forge/engine"
	"forge/internal/diag"
)

func abiCommand(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "abi OLDFILE NEWFILE",
		Short: "Say what the libraries of a package took away from programs that use them",
		Long: `Compares the shared libraries of two builds of a package by soname: symbols that went or came,
became something else, and data whose size changed. A soname that is gone and all but symbols that came
break programs that were built with the old package, unless its run_exports keep them from being
installed with the new one.

forge build --abi-check holds every package against the one the channels have, before it is
published; policy { abi = "error" } in forge.hcl does so always.

Exit code: 0 nothing breaks, 1 something does, 2 used wrongly.`,
		Example: "  forge abi old/linux-64/zlib-1.3-*.conda output/linux-64/zlib-1.3.1-*.conda",
		Args:    cobra.ExactArgs(2),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.abi(cmd.Context(), args, asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

func (a *app) abi(ctx context.Context, args []string, asJSON bool) error {
	var files [2]string
	for i, arg := range args {
		var err error
		if files[i], err = packageFile(arg); err != nil {
			return err
		}
	}
	dir, err := a.cacheDir()
	if err != nil {
		return err
	}
	st, err := a.open(dir)
	if err != nil {
		return err
	}
	formats, err := readFormats()
	if err != nil {
		return err
	}
	r, err := engine.CompareABI(ctx, engine.Tools{Store: st, Formats: formats, Now: time.Now}, files[0], files[1])
	if err != nil {
		return err
	}
	if asJSON {
		err = a.printJSON(r)
	} else {
		a.printABI(r)
	}
	if err == nil && len(r.Breaks()) > 0 {
		return exitError{exitFailed}
	}
	return err
}

func (a *app) printABI(r *engine.ABIReport) {
	paint := a.painter(a.stdout)
	list := func(mark, role string, names []string) {
		const most = 20
		for i, n := range names {
			if i == most {
				fmt.Fprintf(a.stdout, "    %s and %d more\n", mark, len(names)-most)
				return
			}
			fmt.Fprintf(a.stdout, "    %s\n", paint(role, mark+" "+diag.Printable(n)))
		}
	}
	for _, l := range r.Libraries {
		state := "compatible"
		switch {
		case l.New:
			state = "new"
		case l.Gone:
			state = paint("failed", "gone")
		case l.Breaks():
			state = paint("failed", "breaks")
		}
		fmt.Fprintf(a.stdout, "  %s: %s\n", diag.Printable(l.SoName), state)
		list("-", "marker", l.Removed)
		list("~", "warning", l.Changed)
		list("~", "warning", l.Resized)
		list("+", "built", l.Added)
	}
	switch {
	case len(r.Libraries) == 0:
		fmt.Fprintf(a.stdout, "%s offers programs the same as %s\n", diag.Printable(r.New), diag.Printable(r.Old))
	case r.Pinned:
		fmt.Fprintf(a.stdout, "run_exports of %s keep what was built with it from meeting %s\n", diag.Printable(r.Old), diag.Printable(r.New))
	case len(r.Breaks()) == 0:
		fmt.Fprintln(a.stdout, "programs built with the old package run with the new one")
	default:
		fmt.Fprintln(a.stdout, "programs built with the old package may fail with the new one, and its run_exports let them meet")
	}
}
