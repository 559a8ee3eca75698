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
	"forge/platforms"
	"forge/recipes"
)

// convertFlags are the flags of forge convert.
type convertFlags struct {
	read       readFlags
	to, output string
	force      bool
	check      bool
	stdout     bool
}

func convertCommand(a *app) *cobra.Command {
	var f convertFlags
	c := &cobra.Command{
		Use:     "convert FILE",
		Aliases: []string{"migrate-recipe"},
		Short:   "Write a recipe in a newer format",
		Long: `Convert writes a meta.yaml as recipe.yaml, and either as recipe.hcl, with its comments, order and conditions.

The result is held against the original: both are rendered, with the .ci_support files of the feedstock if
there are any, else with -m and the variants file beside the recipe on linux-64, osx-arm64 and win-64. What
cannot be carried, and what renders differently, is said with its place; the result is written all the same,
to go on from by hand, and the exit code is then 1.`,
		Example: "  forge convert recipe/meta.yaml -o recipe/          # writes recipe/recipe.yaml\n" +
			"  forge convert --to recipe.hcl recipe.yaml\n  forge convert --check -m conda_build_config.yaml recipe/meta.yaml",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.convert(args[0], &f)
		},
	}
	f.read.register(c.Flags())
	c.Flags().StringVar(&f.to, "to", "", "recipe.yaml or recipe.hcl (default the next newer format)")
	c.Flags().StringVarP(&f.output, "output", "o", "", "file or folder to write to (default standard output)")
	c.Flags().BoolVar(&f.force, "force", false, "replace a file that is there")
	c.Flags().BoolVar(&f.check, "check", false, "write nothing, only say what cannot be carried and what differs")
	c.Flags().BoolVar(&f.stdout, "stdout", false, "write to standard output, the default")
	c.MarkFlagsMutuallyExclusive("output", "check", "stdout")
	return c
}

func (a *app) convert(file string, f *convertFlags) error {
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		found, err := recipeFiles([]string{file})
		if err != nil {
			return err
		}
		file = found[0]
	}
	data, err := recipes.ReadFile(file)
	if err != nil {
		return &diag.Failure{List: recipes.CannotRead(file, err)}
	}
	renders, err := f.renders(file)
	if err != nil {
		return err
	}
	to := f.to
	if to == "" {
		to = target(file, f.output)
	}
	out, list := recipes.ConvertChecked(file, data, to, renders)
	for _, d := range list {
		a.printError(&diag.Failure{List: diag.List{d}})
	}
	if out == nil {
		return exitError{exitFailed}
	}
	if !f.check {
		if err := a.writeConverted(out, outputFile(f.output, to), f.force); err != nil {
			return err
		}
	}
	if list.HasErrors() {
		return exitError{exitFailed}
	}
	return nil
}

// renders are the options that original and result are compared with.
func (f *convertFlags) renders(file string) ([]recipes.RenderOptions, error) {
	o, err := f.read.options()
	if err != nil {
		return nil, err
	}
	if f.read.target == "" {
		o.BuildPlatform, o.HostPlatform, o.TargetPlatform = platforms.Platform{}, platforms.Platform{}, platforms.Platform{}
	}
	return recipes.RendersFor(file, o)
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

// outputFile is the file to write; in a folder it has the name of its format.
func outputFile(output, to string) string {
	info, err := os.Stat(output)
	if output != "" && (err == nil && info.IsDir() || strings.HasSuffix(output, string(filepath.Separator))) {
		return filepath.Join(output, to)
	}
	return output
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
	return writeNamed(output, out)
}
