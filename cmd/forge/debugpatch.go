package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"forge/engine"
	"forge/internal/diag"
	"forge/internal/fsx"
	"forge/platforms"
	"forge/recipes"
)

// patchFlags are those of create-patch; their names are rattler-build's.
type patchFlags struct {
	debug                     debugFlags
	directory, name, patchDir string
	overwrite, dryRun         bool
	add, include, exclude     []string
}

func createPatchCommand(a *app) *cobra.Command {
	var f patchFlags
	c := &cobra.Command{
		Use:   "create-patch",
		Short: "Make a patch of what was changed in the sources",
		Long: `Compares the work folder of a build that is set up with its sources as they were unpacked and
patched, writes the difference into the recipe's folder and names it in the recipe, where the
patches of a source are plain text; else it says what to add. The difference is shown on stderr.

Changed and removed files count, new ones only with --add. A build in the folder changes files,
too: --include and --exclude choose among them.`,
		Example: `  forge debug create-patch --name fix-typo
  forge debug create-patch --include 'src/*.c' --add 'src/compat.h' --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.createPatch(&f) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.directory, "directory", "d", "", "folder to compare (default this one if it is in a work folder, else the work folder set up last)")
	flags.StringVar(&f.name, "name", "changes", "name of the patch file, with or without .patch")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace a patch of that name")
	flags.StringVar(&f.patchDir, "patch-dir", "", "folder to write the patch into (default the recipe's)")
	flags.StringSliceVar(&f.add, "add", nil, "globs of new files to include")
	flags.StringSliceVar(&f.include, "include", nil, "globs of the changed files to include (default all)")
	flags.StringSliceVar(&f.exclude, "exclude", nil, "globs of files to leave out")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show the difference and write nothing")
	_ = c.MarkFlagDirname("directory")
	f.debug.build.registerChannels(flags)
	return c
}

func (a *app) createPatch(f *patchFlags) error {
	s, below, err := a.patchedSession(f)
	if err != nil {
		return err
	}
	changes, err := s.Changes(below)
	if err != nil {
		return err
	}
	if changes, err = f.chosen(changes); err != nil {
		return err
	}
	if len(changes) == 0 {
		return fmt.Errorf("nothing to patch in %s: no file is changed, or the flags leave them all out (new ones count with --add)", relative(s.WorkDir()))
	}
	texts := map[int][]byte{}
	var order []int
	for _, c := range changes {
		if texts[c.Source] == nil {
			order = append(order, c.Source)
		}
		texts[c.Source] = append(texts[c.Source], patchOf(c)...)
	}
	for i, source := range order {
		a.showDiff(texts[source])
		if f.dryRun {
			continue
		}
		if err := a.landPatch(f, s, source, i, texts[source]); err != nil {
			return err
		}
	}
	return nil
}

// patchedSession is the session whose folder is compared, and which part of its work folder.
func (a *app) patchedSession(f *patchFlags) (s *engine.Session, below string, err error) {
	if f.directory != "" {
		if below, err = filepath.Abs(f.directory); err != nil {
			return nil, "", err
		}
		s, err = engine.FindSession(below)
	} else {
		if below, err = os.Getwd(); err != nil {
			return nil, "", err
		}
		if s, err = engine.FindSession(below); err != nil {
			s, err = a.lastSession(&f.debug)
			below = ""
		}
	}
	if err != nil {
		return nil, "", err
	}
	if below == s.Dir {
		below = ""
	}
	if below != "" {
		if real, err := filepath.EvalSymlinks(below); err == nil {
			below = real
		}
	}
	return s, below, nil
}

// chosen leaves the changes that the flags select. A binary file is refused: a patch cannot hold it.
func (f *patchFlags) chosen(all []engine.Change) ([]engine.Change, error) {
	for _, g := range slices.Concat(f.add, f.include, f.exclude) {
		if !doublestar.ValidatePattern(g) {
			return nil, usageError{fmt.Errorf("%q is no glob", g)}
		}
	}
	var list []engine.Change
	for _, c := range all {
		switch {
		case globbed(f.exclude, c.Path):
			continue
		case c.Old == nil && !globbed(f.add, c.Path):
			continue
		case c.Old != nil && len(f.include) > 0 && !globbed(f.include, c.Path):
			continue
		}
		if bytes.IndexByte(c.Old, 0) >= 0 || bytes.IndexByte(c.New, 0) >= 0 {
			return nil, fmt.Errorf("%s holds binary data, which a patch cannot: leave it out with --exclude", diag.Printable(c.Path))
		}
		if strings.ContainsAny(c.Path, "\n\t") {
			return nil, fmt.Errorf("%q: a patch cannot name such a file", c.Path)
		}
		list = append(list, c)
	}
	return list, nil
}

// globbed reports whether a glob takes the path or the name of its file.
func globbed(globs []string, path string) bool {
	for _, g := range globs {
		g = strings.TrimPrefix(strings.TrimSpace(g), "./")
		if ok, _ := doublestar.Match(g, path); ok {
			return true
		}
		if ok, _ := doublestar.Match(g, path[strings.LastIndexByte(path, '/')+1:]); ok {
			return true
		}
		if ok, _ := doublestar.Match(strings.TrimSuffix(g, "/")+"/**", path); ok {
			return true
		}
	}
	return false
}

// patchOf is the change as `patch -p1` takes it.
func patchOf(c engine.Change) []byte {
	from, to := "a/"+c.Path, "b/"+c.Path
	text := diff.Diff(from, c.Old, to, c.New)
	if c.Old == nil {
		text = bytes.Replace(text, []byte("--- "+from+"\n"), []byte("--- /dev/null\n"), 1)
	}
	if c.New == nil {
		text = bytes.Replace(text, []byte("+++ "+to+"\n"), []byte("+++ /dev/null\n"), 1)
	}
	return text
}

// landPatch writes a patch into the recipe's folder and names it in the recipe.
func (a *app) landPatch(f *patchFlags, s *engine.Session, source, number int, text []byte) error {
	name := strings.TrimSuffix(f.name, ".patch")
	if number > 0 {
		name += fmt.Sprintf("-%d", number+1) // of another source
	}
	name += ".patch"
	if !filepath.IsLocal(name) {
		return usageError{fmt.Errorf("--name %q leaves the folder", f.name)}
	}
	dir := filepath.Dir(s.Recipe)
	if f.patchDir != "" {
		var err error
		if dir, err = filepath.Abs(f.patchDir); err != nil {
			return err
		}
	}
	file := filepath.Join(dir, name)
	if _, err := os.Stat(file); err == nil && !f.overwrite {
		return fmt.Errorf("%s is there already: --overwrite replaces it, --name gives another name", relative(file))
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := fsx.WriteFile(file, text, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "wrote %s\n", relative(file))
	rel, err := filepath.Rel(filepath.Dir(s.Recipe), file)
	if err != nil || !filepath.IsLocal(rel) {
		fmt.Fprintf(a.stderr, "forge: the patch lies outside the recipe's folder: move it there and name it under patches\n")
		return nil
	}
	return a.namePatch(s, source, filepath.ToSlash(rel))
}

// namePatch adds the patch to the recipe, unless it is named there or that cannot be done safely.
func (a *app) namePatch(s *engine.Session, source int, name string) error {
	if source >= len(s.Sources) {
		return fmt.Errorf("the recipe has no source: a patch has nothing to apply to")
	}
	if slices.Contains(s.Sources[source].Patches, name) {
		return nil
	}
	old, err := recipes.ReadFile(s.Recipe)
	if err != nil {
		return err
	}
	before := patchesOf(s)
	if source < len(before) && slices.Contains(before[source], name) {
		return nil // since the build was set up
	}
	text, err := recipes.AddPatch(s.Recipe, old, diag.Pos{Line: s.Sources[source].Line}, name)
	if err == nil {
		if err = fsx.WriteFile(s.Recipe, text, 0o644); err != nil {
			return err
		}
		if after := patchesOf(s); before != nil && onlyAdds(before, after, name) {
			fmt.Fprintf(a.stdout, "named it in %s\n", relative(s.Recipe))
			return nil
		}
		if err := fsx.WriteFile(s.Recipe, old, 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.stderr, "forge: add it to the recipe by hand (%s writes its patches in a way that is left to its author):\n  patches:\n    - %s\n", relative(s.Recipe), name)
	return nil
}

// patchesOf are the patches that the recipe gives the output, a list for each source; nil where it is broken.
func patchesOf(s *engine.Session) [][]string {
	host := platforms.Host()
	req := engine.Request{BuildPlatform: host, HostPlatform: host, TargetPlatform: host, AllowUnhashed: true}
	for _, o := range recipes.RenderFile(s.Recipe, req.RenderOptions(nil)).Outputs {
		if o.Name == s.Name {
			list := [][]string{}
			for _, source := range o.Sources {
				list = append(list, source.Patches)
			}
			return list
		}
	}
	return nil
}

// onlyAdds reports whether after is before with name at the end of one list.
func onlyAdds(before, after [][]string, name string) bool {
	if len(before) != len(after) {
		return false
	}
	added := 0
	for i := range before {
		switch {
		case slices.Equal(before[i], after[i]):
		case slices.Equal(append(slices.Clone(before[i]), name), after[i]):
			added++
		default:
			return false
		}
	}
	return added == 1
}

// showDiff prints a patch for people.
func (a *app) showDiff(text []byte) {
	paint := a.painter(a.stderr)
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		role := ""
		switch {
		case strings.HasPrefix(line, "diff "), strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"):
			role = "bold"
		case strings.HasPrefix(line, "+"):
			role = "built"
		case strings.HasPrefix(line, "-"):
			role = "marker"
		case strings.HasPrefix(line, "@@"):
			role = "note"
		}
		fmt.Fprintln(a.stderr, paint(role, diag.Printable(line)))
	}
}
