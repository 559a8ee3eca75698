package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/bmatcuk/doublestar/v4"

	"forge/digest"
	"forge/internal/diag"
	"forge/internal/plain"
	"forge/packages"
	"forge/recipes"
	"forge/sandbox"
)

// stage makes the manifest of the package from what the script left in the prefix.
func (j *job) stage(ctx context.Context) (*packages.Manifest, error) {
	o := j.a.Output
	if err := j.addTestFiles(); err != nil {
		return nil, err
	}
	if err := j.entryPoints(); err != nil {
		return nil, err
	}
	added, err := j.newFiles()
	if err != nil {
		return nil, err
	}
	if err := j.compilePython(ctx, &added); err != nil {
		return nil, err
	}
	if added, err = j.mergeLevels(ctx, added); err != nil {
		return nil, err
	}
	if err := j.postProcess(added); err != nil {
		return nil, err
	}
	inspector, err := j.newInspector(added)
	if err != nil {
		return nil, err
	}
	files, warnings, err := packages.Collect(j.site.prefix, j.site.at.prefix, added, packages.CollectOptions{
		Prefix: packages.PrefixOptions{
			ForceText: o.Build.Prefix.ForceText, ForceBinary: o.Build.Prefix.ForceBinary,
			Ignore: o.Build.Prefix.Ignore, IgnoreBinary: o.Build.Prefix.IgnoreBinary,
		},
		NoArch: o.NoArch, EntryPoints: o.Build.EntryPoints, NoLink: o.Build.NoLink,
		OneCase: o.TargetPlatform.IsWindows() || o.TargetPlatform.OS() == "osx",
		Windows: o.TargetPlatform.IsWindows(), Placeholder: j.site.at.placeholder(),
		Inspect: inspector.file,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o, err)
	}
	binaries := inspector.binaries()
	j.warnDropped(binaries)
	for _, w := range warnings {
		j.warn("%s", w)
	}
	if err := j.refuseBinaryPrefix(files); err != nil {
		return nil, err
	}
	if err := j.refuseLinks(files); err != nil {
		return nil, err
	}
	if err := j.checkInterpreters(inspector, files, &j.a.Record); err != nil {
		return nil, err
	}
	if len(files) == 0 && j.ran {
		j.warn("the script ran but left no file in $PREFIX; %s is a metapackage", o)
	}
	m := &packages.Manifest{Record: j.a.Record, About: o.About.About, RunExports: j.a.RunExports,
		Files: files, Info: map[string][]byte{}, Epoch: j.epoch()}
	m.Record.Timestamp = m.Epoch * 1000
	m.Record.Channel = ""
	if err := j.checkLevel(binaries); err != nil {
		return nil, err
	}
	if err := j.checkLinkage(ctx, added, binaries, &m.Record); err != nil {
		return nil, err
	}
	if err := j.warnUndefined(binaries); err != nil {
		return nil, err
	}
	if o.NoArch == "python" {
		m.NoArchLink = &packages.NoArchLink{EntryPoints: o.Build.EntryPoints}
	}
	return m, j.info(m)
}

// newFiles lists the paths the package takes, sorted: new ones, and old ones the recipe names.
func (j *job) newFiles() ([]string, error) {
	after, err := snapshot(j.site.prefix)
	if errors.Is(err, syscall.ENAMETOOLONG) {
		return nil, errors.New("the script left folders in the prefix that are too deep for any path to name: no package can hold them")
	}
	if err != nil {
		return nil, err
	}
	o := j.a.Output
	added, changed := differences(j.before, after)
	always := j.alwaysIncluded(after)
	changed = slices.DeleteFunc(changed, func(p string) bool { return ownedByNobody(p) || slices.Contains(always, p) })
	if len(changed) > 0 {
		j.warn("the script changed files that were there before it, which stay out of the package: %s (build.always_include_files takes them)", firstFew(changed, 5))
	}
	keep := selected(added, o.Build.Files)
	if o.StagedFilesOnly {
		keep = slices.DeleteFunc(slices.Clone(keep), func(p string) bool { return !j.staged[p] })
	}
	keep = slices.Concat(keep, always)
	if !o.Build.Files.IsZero() {
		for _, p := range added { // what a test brings is not the recipe's to choose
			if below(p, testFolders(o.Name)) {
				keep = append(keep, p)
			}
		}
	}
	return sorted(keep), nil
}

// alwaysIncluded are the files that the recipe takes in any case: those that were there before the script, too, changed
// or not, and those that build.files leaves out.
func (j *job) alwaysIncluded(after map[string]stamp) []string {
	globs := j.a.Output.Build.AlwaysInclude
	if len(globs) == 0 {
		return nil
	}
	var list []string
	for path := range after {
		if matchAny(globs, path) {
			list = append(list, path)
		}
	}
	return list
}

// ownedByNobody are indexes that every installation writes anew; no package carries them.
func ownedByNobody(path string) bool {
	return path == "share/info/dir" || strings.HasSuffix(path, ".pyc")
}

func firstFew(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:n], ", ") + fmt.Sprintf(" and %d more", len(list)-n)
}

// refuseBinaryPrefix is --error-prefix-in-binary.
func (j *job) refuseBinaryPrefix(files []packages.File) error {
	if !j.req.ErrorPrefixBin {
		return nil
	}
	var found []string
	for _, f := range files {
		if f.FileMode == packages.Binary {
			found = append(found, f.Path)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return fmt.Errorf("%s: binaries hold the build prefix (--error-prefix-in-binary): %s", j.a.Output, firstFew(found, 10))
}

// refuseLinks keeps symbolic links, which an ordinary user of Windows cannot make, out of what is built for
// it, and warns of those in what could be installed there.
func (j *job) refuseLinks(files []packages.File) error {
	o := j.a.Output
	onWindows := o.TargetPlatform.IsWindows() || o.NoArch != "" && !slices.ContainsFunc(j.a.Record.Depends, func(d string) bool { return specName(d) == "__unix" })
	if j.req.WindowsLinks || !onWindows {
		return nil
	}
	var found []string
	for _, f := range files {
		if f.Kind == digest.Symlink {
			found = append(found, f.Path)
		}
	}
	if len(found) == 0 {
		return nil
	}
	text := fmt.Sprintf("it holds symbolic links, which Windows does not let everybody make: %s (install copies, let the package depend on __unix, or accept them with --allow-symlinks-on-windows)", firstFew(found, 10))
	if !o.TargetPlatform.IsWindows() {
		j.warn("%s", text) // of noarch packages many are for Unix and do not say so
		return nil
	}
	return fmt.Errorf("%s: %s", o, text)
}

// entryPoints writes the scripts of entry points; of noarch python the installing client does that.
func (j *job) entryPoints() error {
	o := j.a.Output
	if o.NoArch == "python" {
		return nil
	}
	files, err := packages.EntryPointFiles(o.Build.EntryPoints, j.site.at.prefix, o.TargetPlatform.IsWindows())
	if err != nil {
		return fmt.Errorf("%s: %w", o, err)
	}
	root, err := os.OpenRoot(j.site.prefix) // the script may have left links out of it
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range files {
		if err := writeMade(root, f.Path, f.Data, 0o755); err != nil {
			return fmt.Errorf("entry point: %w", err)
		}
	}
	return nil
}

// compilePython makes the bytecode of the package's modules, as both peers do, and makes anew what the
// script left of it: compiled here it holds no path of the build, and it is keyed by the source's hash
// instead of its time, so it is the same everywhere (PEP 552).
func (j *job) compilePython(ctx context.Context, added *[]string) error {
	o := j.a.Output
	if o.NoArch != "" || j.a.Host.find("python") == nil {
		return nil
	}
	var modules []string
	for _, p := range *added {
		if strings.HasSuffix(p, ".py") && strings.Contains(p, "/site-packages/") && !endsLine(p) && !matchAny(o.Build.SkipPyc, p) {
			modules = append(modules, p)
		}
	}
	if len(modules) == 0 {
		return nil
	}
	for _, p := range *added {
		if source, ok := bytecodeSource(p); ok && slices.Contains(modules, source) {
			if err := os.Remove(filepath.Join(j.site.prefix, p)); err != nil {
				return err
			}
		}
	}
	// Beside the scripts, where the build's own cannot have left a link.
	list := sandbox.File{Path: j.site.at.root + "/modules.txt", Data: strings.Join(modules, "\n") + "\n"}
	script := recipes.Script{File: "bytecode", Text: "cd \"$PREFIX\"\n" +
		"\"$PYTHON\" -m compileall -q --invalidation-mode checked-hash -i " + shellQuote(list.Path) + " || echo 'some modules do not compile'"}
	if j.site.at.windows {
		list.Path = j.site.at.root + `\modules.txt`
		script.Text = "cd /d \"%PREFIX%\"\n" +
			"\"%PYTHON%\" -m compileall -q --invalidation-mode checked-hash -i " + batchQuote(list.Path) + "\n" +
			"if errorlevel 1 echo some modules do not compile\nexit 0"
	}
	j.site.beside = []sandbox.File{list}
	result, err := j.run(ctx, []recipes.Script{script})
	j.site.beside = nil
	if err != nil {
		return err
	}
	if result.ExitCode != 0 {
		return j.scriptFailure(ctx, result)
	}
	*added, err = j.newFiles()
	return err
}

// bytecodeSource is the module that a __pycache__ file was made of.
func bytecodeSource(path string) (string, bool) {
	dir, file := filepath.Split(path)
	if !strings.HasSuffix(dir, "__pycache__/") || !strings.HasSuffix(file, ".pyc") {
		return "", false
	}
	module, _, _ := strings.Cut(file, ".")
	return strings.TrimSuffix(dir, "__pycache__/") + module + ".py", true
}

// postProcess applies the recipe's text replacements.
func (j *job) postProcess(paths []string) error {
	if len(j.a.Output.Build.PostProcess) == 0 {
		return nil
	}
	root, err := os.OpenRoot(j.site.prefix)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, step := range j.a.Output.Build.PostProcess {
		re, err := regexp.Compile(step.Regex)
		if err != nil {
			return fmt.Errorf("post_process: %w", err)
		}
		for _, p := range selected(paths, step.Files) {
			if err := postProcessOne(root, p, re, step.Replacement); err != nil {
				return fmt.Errorf("post_process: %w", err)
			}
		}
	}
	return nil
}

func postProcessOne(root *os.Root, p string, re *regexp.Regexp, replacement string) error {
	name := filepath.FromSlash(p)
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	old, err := readMade(root, p, mostEdited)
	if err != nil {
		return err
	}
	if b := re.ReplaceAll(old, []byte(replacement)); string(b) != string(old) {
		return root.WriteFile(name, b, info.Mode().Perm())
	}
	return nil
}

// info fills the members below info/ that are not made of the manifest's own fields.
func (j *job) info(m *packages.Manifest) error {
	o := j.a.Output
	m.Info["hash_input.json"] = o.HashInput
	if err := j.licences(m); err != nil {
		return err
	}
	if j.req.IncludeRecipe {
		if err := j.recipeFiles(m); err != nil {
			return err
		}
	}
	if extra := aboutExtra(o, j.req.ExtraMeta); len(extra) > 0 {
		m.About.Extra = extra
	}
	return testsFile(m, o)
}

// aboutExtra is the recipe's extra, which about.json carries in rattler-build and conda-build: who maintains it,
// for one. What it says to Forge itself stays out. --extra-meta adds to it.
func aboutExtra(o *recipes.Output, more map[string]string) map[string]any {
	extra := map[string]any{}
	for _, from := range []map[string]any{o.Extra, o.About.Extra} {
		maps.Copy(extra, from)
	}
	delete(extra, "forge")
	for k, v := range more {
		extra[k] = v
	}
	return extra
}

// licences copies the files of license_file: from the work folder, else from the recipe's.
func (j *job) licences(m *packages.Manifest) error {
	var missing diag.List
	for _, glob := range j.a.Output.About.LicenseFiles {
		found := false
		if filepath.IsAbs(glob) {
			data, err := j.hostLicence(glob)
			if err != nil {
				return err
			}
			m.Info["licenses/"+filepath.Base(glob)] = data
			continue
		}
		for _, root := range []string{j.site.work, j.a.Output.Recipe.Dir} {
			hits, err := filesBelow(root, glob)
			if err != nil {
				return fmt.Errorf("license_file %q: %w", glob, err)
			}
			for _, rel := range hits {
				if m.Info["licenses/"+filepath.ToSlash(rel)], err = j.licence(root, rel); err != nil {
					return err
				}
				found = true
			}
			if found {
				break
			}
		}
		if !found {
			missing = append(missing, diag.Diagnostic{Code: "missing-license-file", Pos: j.a.Output.About.LicensePos,
				Summary:    fmt.Sprintf("%s: license_file %q is neither in the sources nor beside the recipe", j.a.Output.Name, glob),
				Suggestion: "name a file of the sources, or put the text beside the recipe"})
		}
	}
	return missing.Err()
}

// licence reads one licence file, which the build script may have made.
func (j *job) licence(root, rel string) ([]byte, error) {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	data, err := readMade(dir, rel, mostLicence)
	if err != nil {
		return nil, diag.List{{Code: "bad-license-file", Pos: j.a.Output.About.LicensePos, Summary: fmt.Sprintf("%s: license_file: %v", j.a.Output.Name, err)}}.Err()
	}
	return data, nil
}

// filesBelow lists the regular files that glob selects below root, relative and sorted; nothing
// outside root is read, whatever links the sources hold.
func filesBelow(root, glob string) ([]string, error) {
	glob = strings.TrimPrefix(filepath.ToSlash(glob), "./")
	if !filepath.IsLocal(glob) {
		return nil, fmt.Errorf("leaves the folder")
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	hits, err := doublestar.Glob(dir.FS(), strings.TrimSuffix(glob, "/"))
	if err != nil {
		return nil, err
	}
	var files []string
	for _, h := range hits {
		info, err := dir.Stat(h)
		if err != nil {
			continue
		}
		if info.Mode().IsRegular() {
			files = append(files, h)
			continue
		}
		err = fs.WalkDir(dir.FS(), h, func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files = append(files, p)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// recipeFiles puts the recipe, as it was hashed and as it was rendered, into the package.
func (j *job) recipeFiles(m *packages.Manifest) error {
	entries, err := j.recipeEntries()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Kind != digest.File && e.Kind != digest.Exec {
			continue
		}
		data, err := j.tools.Store.Bytes(e.Sum)
		if err != nil {
			if data, err = os.ReadFile(j.tools.Store.Path(e.Sum, true)); err != nil {
				return err
			}
		}
		m.Info["recipe/"+e.Path] = data
	}
	view := j.a.Output.View()
	view.Recipe = filepath.Base(view.Recipe)
	fields, err := plain.Of(view)
	if err != nil {
		return err
	}
	rendered, err := yamlOf(fields)
	if err != nil {
		return err
	}
	m.Info["recipe/rendered_recipe.yaml"] = rendered
	variant, err := yamlOf(j.a.Output.Variant)
	m.Info["recipe/variant_config.yaml"] = variant
	return err
}

// addTestFiles copies what script tests bring along into the payload, as rattler-build does.
func (j *job) addTestFiles() error {
	for i, t := range j.a.Output.Tests {
		if !hasFiles(t) {
			continue
		}
		dst := testFolder(j.a.Output.Name, i)
		if err := copyGlobs(j.site.work, j.site.prefix, dst, t.Script.SourceFiles); err != nil {
			return err
		}
		if err := copyGlobs(j.a.Output.Recipe.Dir, j.site.prefix, dst, t.Script.RecipeFiles); err != nil {
			return err
		}
	}
	return nil
}

// copyGlobs copies what globs select below root to the folder dst of the prefix. Nothing is written outside
// of it, whatever links the script left there.
func copyGlobs(root, prefix, dst string, globs []string) error {
	to, err := os.OpenRoot(prefix)
	if err != nil {
		return err
	}
	defer to.Close()
	from, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer from.Close()
	for _, g := range globs {
		hits, err := filesBelow(root, g)
		if err != nil {
			return fmt.Errorf("test file %q: %w", g, err)
		}
		if len(hits) == 0 {
			return fmt.Errorf("test file %q: nothing matches", g)
		}
		for _, rel := range hits {
			if err := copyMade(from, to, rel, path.Join(dst, filepath.ToSlash(rel))); err != nil {
				return fmt.Errorf("test file %q: %w", g, err)
			}
		}
	}
	return nil
}
