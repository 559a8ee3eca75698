package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"forge/internal/diag"
	"forge/recipes"
)

func convertCommand(a *app) *cobra.Command {
	var to, output string
	var force bool
	c := &cobra.Command{
		Use:   "convert FILE",
		Short: "Write a recipe in a newer format",
		Long: `Convert writes a meta.yaml as recipe.yaml, and either as recipe.hcl. What cannot be carried is said with its
place; the result is printed all the same, to go on from by hand, and the exit code is then 1.`,
		Example: "  forge convert recipe/meta.yaml -o recipe/recipe.yaml\n  forge convert --to recipe.hcl recipe.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.convert(args[0], to, output, force)
		},
	}
	c.Flags().StringVar(&to, "to", "", "recipe.yaml or recipe.hcl (default the next newer format)")
	c.Flags().StringVarP(&output, "output", "o", "", "file to write (default standard output)")
	c.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	return c
}

func (a *app) convert(file, to, output string, force bool) error {
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		found, err := recipeFiles([]string{file})
		if err != nil {
			return err
		}
		file = found[0]
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	if to == "" {
		to = target(file, output)
	}
	out, list := recipes.Convert(file, data, to)
	for _, d := range list {
		a.printError(&diag.Failure{List: diag.List{d}})
	}
	if out == nil {
		return exitError{exitFailed}
	}
	if err := a.writeConverted(out, output, force); err != nil {
		return err
	}
	if list.HasErrors() {
		return exitError{exitFailed}
	}
	return nil
}

// target is the format to convert to where --to does not say it.
func target(file, output string) string {
	switch base := filepath.Base(output); {
	case base == "recipe.yaml" || base == "recipe.hcl":
		return base
	case strings.HasSuffix(output, ".hcl") || filepath.Base(file) == "recipe.yaml":
		return "recipe.hcl"
	}
	return "recipe.yaml"
}

func (a *app) writeConverted(out []byte, output string, force bool) error {
	if output == "" {
		_, err := a.stdout.Write(out)
		return err
	}
	if _, err := os.Stat(output); err == nil && !force {
		return fmt.Errorf("%s is there already; --force replaces it", output)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return rewrite(output, out)
}
