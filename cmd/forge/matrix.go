package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"forge/engine"
	"forge/internal/diag"
	"forge/internal/fsx"
	"forge/platforms"
	"forge/recipes"
)

// matrixFlags say for what the jobs are, and where their files go.
type matrixFlags struct {
	buildFlags
	platforms, migrations []string
	write                 string
	github, asJSON        bool
}

func matrixCommand(a *app) *cobra.Command {
	var f matrixFlags
	c := &cobra.Command{
		Use:   "matrix [RECIPE]...",
		Short: "Divide the variants of recipes into CI jobs",
		Long: `Matrix divides each recipe's variants into jobs as conda-smithy does for conda-forge: a job for each
combination of the variant keys that the recipe differs in at its top, for each platform. What is
skipped makes no job; noarch packages are built on one platform alone, by default linux-64.

--write DIR puts a variants file for each job into DIR/RECIPE (the form of .ci_support), and the job
itself is then forge build -m FILE RECIPE. --json prints {"include": [...]}, which GitHub Actions takes
as a matrix through fromJSON, and any other CI's templates can loop over.`,
		Example: `  forge matrix --platform linux-64,osx-arm64,win-64 -m pinning.yaml ./recipes/zlib
  forge matrix --platform linux-64,win-64 --write .ci_support --json ./recipes/... > matrix.json
  forge build -m .ci_support/zlib/linux_64_.yaml ./recipes/zlib`,
		RunE: func(cmd *cobra.Command, args []string) error {
			jobs, err := a.matrix(cmd.Context(), &f, args)
			if err != nil {
				return err
			}
			if err := writeJobs(f.write, jobs); err != nil {
				return err
			}
			if f.asJSON {
				return a.printJSON(struct {
					Include []ciJob `json:"include"`
				}{jobs})
			}
			return a.printJobs(jobs)
		},
	}
	f.register(c.Flags())
	fs := c.Flags()
	fs.StringSliceVar(&f.platforms, "platform", nil, "platforms to make jobs for (default --target-platform)")
	fs.StringArrayVar(&f.migrations, "migration", nil, "conda-forge migration file (CFEP-9) that applies to the variants")
	fs.StringVar(&f.write, "write", "", "folder to write a variants file for each job into")
	fs.BoolVar(&f.github, "github-actions-labels", false, "keep github_actions_labels in the jobs")
	fs.BoolVar(&f.asJSON, "json", false, `print {"include": [{"recipe", "platform", "name", "variant", "variant_config"}]}`)
	return c
}

// A ciJob is what one machine builds: a recipe for a platform, with some variant keys fixed.
type ciJob struct {
	Recipe   string              `json:"recipe"`
	Platform string              `json:"platform"`
	Name     string              `json:"name"`
	Variant  map[string][]string `json:"variant"`
	// File is the variants file of the job, where one was asked for.
	File string `json:"variant_config,omitempty"`

	content []byte
}

// matrix makes the jobs of all recipes, in their order. All broken recipes are told at once.
func (a *app) matrix(ctx context.Context, f *matrixFlags, args []string) ([]ciJob, error) {
	names := f.platforms
	if len(names) == 0 {
		names = []string{f.target}
	}
	jobs := []ciJob{} // an empty matrix is [] in JSON, too
	var broken, warnings diag.List
	for _, name := range names {
		f.target, f.buildPlatform, f.unsolved = name, name, true
		req, err := a.request(&f.buildFlags, args)
		if err != nil {
			return nil, err
		}
		opts, err := f.options(ctx, req, names)
		if err != nil {
			return nil, err
		}
		for _, path := range req.Recipes {
			more, list := jobsOf(path, opts, f.write, req.WorkDir)
			jobs = append(jobs, more...)
			for _, d := range list {
				if d.Severity == diag.Error {
					broken = append(broken, d)
				} else {
					warnings = append(warnings, d)
				}
			}
		}
	}
	a.printWarnings(warnings)
	slices.SortStableFunc(jobs, func(x, y ciJob) int { return strings.Compare(x.Recipe, y.Recipe) })
	broken.Sort()
	return jobs, slices.Compact(broken).Err() // most mistakes are the same on every platform
}

// options are those of one platform.
func (f *matrixFlags) options(ctx context.Context, req *engine.Request, names []string) (o recipes.CIOptions, err error) {
	files, err := recipes.ReadVariantFiles(req.VariantFiles)
	if err != nil {
		return o, err
	}
	o = recipes.CIOptions{RenderOptions: req.RenderOptions(files), GitHubActions: f.github}
	if req.Git != nil {
		o.Git = req.Git(ctx)
	}
	if o.Migrations, err = recipes.ReadVariantFiles(f.migrations); err != nil {
		return o, err
	}
	noarch := req.NoarchPlatform
	if noarch == "" {
		noarch = noarchAmong(names)
	}
	o.NoArch = req.TargetPlatform.String() == noarch
	return o, nil
}

// noarchAmong picks the platform whose jobs build noarch packages: conda-forge's, else the first.
func noarchAmong(names []string) string {
	if names[0] == "" {
		return platforms.Host().String()
	}
	if slices.Contains(names, "linux-64") {
		return "linux-64"
	}
	return names[0]
}

// jobsOf makes the jobs of one recipe.
func jobsOf(path string, opts recipes.CIOptions, write, dir string) ([]ciJob, diag.List) {
	variants, list := recipes.CIVariants(path, opts)
	if list.HasErrors() {
		return nil, list
	}
	shown := path
	if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
		shown = rel
	}
	jobs := make([]ciJob, 0, len(variants))
	for _, v := range variants {
		j := ciJob{Recipe: filepath.ToSlash(shown), Platform: opts.TargetPlatform.String(), Name: v.Name, Variant: v.Values}
		if write != "" {
			j.File = filepath.ToSlash(filepath.Join(write, folderName(path), v.Name+".yaml"))
			var err error
			if j.content, err = v.File(); err != nil {
				return nil, diag.List{{Severity: diag.Error, Code: "unwritable", Pos: diag.Pos{File: path}, Summary: "the job's variants file cannot be written: " + err.Error()}}
			}
		}
		jobs = append(jobs, j)
	}
	return jobs, list
}

// folderName is that of the recipe's folder; of a feedstock, whose recipes all lie in recipe/, the feedstock's.
func folderName(path string) string {
	dir := filepath.Dir(path)
	if name := filepath.Base(dir); name != "recipe" {
		return name
	}
	return filepath.Base(filepath.Dir(dir))
}

// writeJobs writes the variants files. Two recipes in folders of one name would share theirs: that is refused
// before anything is written.
func writeJobs(dir string, jobs []ciJob) error {
	if dir == "" {
		return nil
	}
	whose := map[string]string{}
	for _, j := range jobs {
		if other, taken := whose[j.File]; taken {
			return fmt.Errorf("%s and %s would both be written to %s: write them to folders of their own", other, j.Recipe, j.File)
		}
		whose[j.File] = j.Recipe
	}
	for _, j := range jobs {
		if err := os.MkdirAll(filepath.Dir(j.File), 0o755); err != nil {
			return err
		}
		if err := fsx.WriteFile(j.File, j.content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// printJobs prints the jobs for people: one a line, with the keys that tell them apart within their recipe.
func (a *app) printJobs(jobs []ciJob) error {
	if len(jobs) == 0 {
		fmt.Fprintln(a.stderr, "nothing to build on these platforms")
		return nil
	}
	apart := keysApart(jobs)
	t := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "RECIPE\tPLATFORM\tJOB\tVARIANT")
	for _, j := range jobs {
		var words []string
		for _, k := range sortedNames(j.Variant) {
			if apart[j.within(k)] && k != "target_platform" {
				words = append(words, k+"="+strings.Join(j.Variant[k], ","))
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", diag.Printable(j.Recipe), j.Platform, diag.Printable(j.Name), diag.Printable(strings.Join(words, " ")))
	}
	return t.Flush()
}

// within names a key among the jobs of the recipe on the platform.
func (j ciJob) within(key string) string { return j.Recipe + "\x00" + j.Platform + "\x00" + key }

// keysApart are the keys that have more than one value in a recipe's jobs for a platform.
func keysApart(jobs []ciJob) map[string]bool {
	seen, apart := map[string]string{}, map[string]bool{}
	for _, j := range jobs {
		for k, values := range j.Variant {
			id, text := j.within(k), strings.Join(values, ",")
			if before, ok := seen[id]; ok && before != text || len(values) > 1 {
				apart[id] = true
			}
			seen[id] = text
		}
	}
	return apart
}
