package main

import (
	"bytes"
	"fmt"
	"io"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"forge/internal/diag"
	"forge/recipes"
)

type fmtFlags struct {
	write, check, diff bool
	stdinName          string
}

func fmtCommand(a *app) *cobra.Command {
	var f fmtFlags
	c := &cobra.Command{
		Use:   "fmt [RECIPE]...",
		Short: "Lay recipes out in the usual way",
		Long: `Fmt lays recipes out: indentation, spaces, empty lines. Comments, quotes and order stay, and the meaning, too:
what would read as anything else is left as it is. Without a flag the result is printed.`,
		Example: "  forge fmt -w ./recipes/...\n  forge fmt --check ./recipes/...     exit 1 if anything is to do\n  forge fmt --diff recipe.yaml\n  forge fmt - < recipe.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == "-" {
				return a.fmtStdin(&f)
			}
			return a.fmt(&f, args)
		},
	}
	c.Flags().BoolVarP(&f.write, "write", "w", false, "write the result to the files, and name those that changed")
	c.Flags().BoolVar(&f.check, "check", false, "write nothing; name the files that are laid out otherwise and exit 1 if there are any")
	c.Flags().BoolVar(&f.diff, "diff", false, "print what would change")
	c.Flags().StringVar(&f.stdinName, "stdin-name", "recipe.yaml", "the name that tells the format of standard input")
	c.MarkFlagsMutuallyExclusive("write", "check")
	c.MarkFlagsMutuallyExclusive("write", "diff")
	return c
}

func (a *app) fmtStdin(f *fmtFlags) error {
	data, err := io.ReadAll(io.LimitReader(a.stdin, 16<<20))
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	out, list := recipes.Format(f.stdinName, data)
	if err := list.Err(); err != nil {
		return err
	}
	_, err = a.stdout.Write(out)
	return err
}

func (a *app) fmt(f *fmtFlags, args []string) error {
	files, err := recipeFiles(args)
	if err != nil {
		return err
	}
	failed, differ := false, false
	for _, file := range files {
		data, err := recipes.ReadFile(file)
		if err != nil {
			a.printError(&diag.Failure{List: recipes.CannotRead(file, err)})
			failed = true
			continue
		}
		out, list := recipes.Format(file, data)
		if list.HasErrors() {
			a.printError(&diag.Failure{List: list})
			failed = true
			continue
		}
		if !bytes.Equal(data, out) {
			differ = true
		}
		if err := a.formatted(f, file, data, out); err != nil {
			return err
		}
	}
	if failed || differ && f.check {
		return exitError{exitFailed}
	}
	return nil
}

func (a *app) formatted(f *fmtFlags, file string, data, out []byte) error {
	same := bytes.Equal(data, out)
	switch {
	case f.diff || f.check:
		if same {
			return nil
		}
		if f.check && !a.global.quiet {
			fmt.Fprintln(a.stdout, diag.Printable(file))
		}
		if f.diff {
			_, err := a.stdout.Write(diff.Diff(file, data, file+" (laid out)", out))
			return err
		}
		return nil
	case f.write:
		if same {
			return nil
		}
		if !a.global.quiet {
			fmt.Fprintln(a.stdout, diag.Printable(file))
		}
		return writeNamed(file, out)
	}
	_, err := a.stdout.Write(out)
	return err
}
