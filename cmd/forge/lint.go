package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"forge/internal/diag"
	"forge/platforms"
	"forge/recipes"
)

// readFlags are the flags of the verbs that only read recipes.
type readFlags struct {
	variantConfig, variants []string
	target                  string
	ignoreRecipeVariants    bool
	allowUnhashed           bool
}

func (f *readFlags) register(fs *pflag.FlagSet) {
	fs.StringArrayVarP(&f.variantConfig, "variant-config", "m", nil, "variants file; a later one wins")
	fs.StringArrayVar(&f.variants, "variant", nil, "variant values, KEY=V[,V]")
	fs.StringVar(&f.target, "target-platform", "", "platform to read the recipes for (default this machine's)")
	fs.BoolVar(&f.ignoreRecipeVariants, "ignore-recipe-variants", false, "do not read the variants file beside a recipe")
	fs.BoolVar(&f.allowUnhashed, "allow-unhashed", false, "accept URL sources without a hash")
}

// options completes the flags.
func (f *readFlags) options() (recipes.RenderOptions, error) {
	o := recipes.RenderOptions{IgnoreRecipeVariants: f.ignoreRecipeVariants, AllowUnhashed: f.allowUnhashed, BuildPlatform: platforms.Host(), TargetPlatform: platforms.Host()}
	if f.target != "" {
		p, err := parsePlatform("--target-platform", f.target)
		if err != nil {
			return o, err
		}
		o.TargetPlatform = p
	}
	o.HostPlatform = o.TargetPlatform
	var err error
	if o.Variants, err = recipes.ReadVariantFiles(f.variantConfig); err != nil {
		return o, fmt.Errorf("read the variants file: %w", err)
	}
	for _, v := range f.variants {
		key, values, ok := strings.Cut(v, "=")
		if !ok || key == "" {
			return o, usageError{fmt.Errorf("--variant %q: want KEY=VALUE[,VALUE]", v)}
		}
		if o.Set == nil {
			o.Set = map[string][]string{}
		}
		o.Set[key] = strings.Split(values, ",")
	}
	return o, nil
}

// recipeFiles are the files that arguments name; the working folder's recipe without any.
func recipeFiles(args []string) ([]string, error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	wd, err := filepath.Abs(".")
	if err != nil {
		return nil, err
	}
	return recipes.Find(args, wd)
}

type lintFlags struct {
	read                readFlags
	fix, asJSON, strict bool
	listRules, noNotes  bool
	ignore              []string
	errors, warnings    int
	notes, fixed        int
}

func lintCommand(a *app) *cobra.Command {
	var f lintFlags
	c := &cobra.Command{
		Use:   "lint [RECIPE]...",
		Short: "Say what is wrong with recipes, and what could be better",
		Long: `Lint reports every mistake that the reader finds in a recipe and what its rules advise, each with its place
and a stable id; docs/lints.md has a section for each id. --fix makes the changes that are safe.

A recipe may switch rules off by a comment: "# forge lint: ignore ID, ID", on a line of its own for the
whole file, or at the end of a line for that line.

Exit code 0 if there is no error, 1 if there is one (with --strict also for warnings).`,
		Example: "  forge lint ./recipes/...\n  forge lint --fix recipe.yaml\n  forge lint --json ./recipes/... | jq '.[].code'",
		RunE: func(_ *cobra.Command, args []string) error {
			if f.listRules {
				return a.printRules(f.asJSON)
			}
			return a.lint(&f, args)
		},
	}
	f.read.register(c.Flags())
	c.Flags().BoolVar(&f.fix, "fix", false, "make the changes that are safe")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&f.strict, "strict", false, "warnings are errors")
	c.Flags().BoolVar(&f.noNotes, "no-notes", false, "leave notes out")
	c.Flags().BoolVar(&f.listRules, "list", false, "print the rules")
	c.Flags().StringArrayVar(&f.ignore, "ignore", nil, "leave out what has this id")
	return c
}

func (a *app) printRules(asJSON bool) error {
	if asJSON {
		return a.printJSON(recipes.Rules())
	}
	for _, r := range recipes.Rules() {
		fix := ""
		if r.Fixable {
			fix = "  (--fix)"
		}
		fmt.Fprintf(a.stdout, "%-24s %-8s %s%s\n", r.ID, r.Severity, r.Title, fix)
	}
	return nil
}

// lintRow is one finding as --json prints it.
type lintRow struct {
	diag.Diagnostic
	Severity string `json:"severity"`
	Fixable  bool   `json:"fixable,omitempty"`
	Help     string `json:"help,omitempty"`
}

func (a *app) lint(f *lintFlags, args []string) error {
	opts, err := f.read.options()
	if err != nil {
		return err
	}
	files, err := recipeFiles(args)
	if err != nil {
		return err
	}
	rules := map[string]bool{}
	for _, r := range recipes.Rules() {
		rules[r.ID] = true
	}
	rows := []lintRow{}
	for _, file := range files {
		findings, err := a.lintFile(f, file, opts)
		if err != nil {
			return err
		}
		for _, d := range findings {
			if f.noNotes && d.Severity == diag.Note || slices.Contains(f.ignore, d.Code) {
				continue
			}
			f.count(d.Severity)
			row := lintRow{Diagnostic: d.Diagnostic, Severity: d.Severity.String(), Fixable: len(d.Fix) > 0}
			if rules[d.Code] {
				row.Help = "docs/lints.md#" + d.Code
			}
			rows = append(rows, row)
			if !f.asJSON && (!a.global.quiet || d.Severity == diag.Error) {
				fmt.Fprintln(a.stdout, d.Paint(a.painter(a.stdout)))
			}
		}
	}
	if f.asJSON {
		if err := a.printJSON(rows); err != nil {
			return err
		}
	} else if !a.global.quiet {
		fmt.Fprintf(a.stdout, "%s: %s, %s, %s%s\n", counted(len(files), "recipe"), counted(f.errors, "error"),
			counted(f.warnings, "warning"), counted(f.notes, "note"), fixedText(f))
	}
	if f.errors > 0 || f.strict && f.warnings > 0 {
		return exitError{exitFailed}
	}
	return nil
}

func fixedText(f *lintFlags) string {
	if !f.fix {
		return ""
	}
	return fmt.Sprintf(", %d fixed", f.fixed)
}

func (f *lintFlags) count(s diag.Severity) {
	switch s {
	case diag.Error:
		f.errors++
	case diag.Warning:
		f.warnings++
	default:
		f.notes++
	}
}

// lintFile lints one file, after its fixes where they are asked for.
func (a *app) lintFile(f *lintFlags, file string, opts recipes.RenderOptions) ([]recipes.Finding, error) {
	data, err := recipes.ReadFile(file)
	if err != nil {
		return []recipes.Finding{{Diagnostic: recipes.CannotRead(file, err)[0]}}, nil
	}
	findings := recipes.Lint(file, data, opts)
	if !f.fix {
		return findings, nil
	}
	before := data
	for range 10 { // a fix may make room for another
		wanted := slices.DeleteFunc(slices.Clone(findings), func(d recipes.Finding) bool { return slices.Contains(f.ignore, d.Code) })
		fixed, n := recipes.FixAll(data, wanted)
		if n == 0 || string(fixed) == string(data) {
			break
		}
		f.fixed += n
		data = fixed
		findings = recipes.Lint(file, data, opts)
	}
	if string(data) == string(before) {
		return findings, nil
	}
	return findings, writeNamed(file, data)
}
