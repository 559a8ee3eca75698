package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"forge/digest"
	"forge/packages"
	"forge/platforms/toolchain"
	"forge/provenance"
	"forge/store"
)

// LackError tells what a package's record would have to hold for a rebuild.
type LackError struct{ What []string }

// Error lists what is missing, one a line.
func (e *LackError) Error() string {
	return "its record does not suffice for a rebuild:\n  " + strings.Join(e.What, "\n  ")
}

// recordedRecipe lays the recipe's folder out below dir, as it was when the package was built: from the
// package, else from the store, else from given. The tree's digest in the statement decides.
func recordedRecipe(st *store.Store, pkg packages.Package, b provenance.Build, given, dir string) (string, error) {
	file := filepath.Join(dir, path.Base(b.Recipe))
	for _, from := range []func() error{
		func() error { return recipeFromPackage(st, pkg, b.RecipeTree, dir) },
		func() error {
			return recipeFromFolder(filepath.Join(st.Root(), "trees", b.RecipeTree.Hex()), b.RecipeTree, dir)
		},
		func() error { return recipeFromFolder(given, b.RecipeTree, dir) },
	} {
		err := from()
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, store.ErrMissing) {
			return "", err
		}
	}
	return "", &LackError{[]string{fmt.Sprintf("the recipe's folder (%s, tree %s): it is not in the package, or not all of it, and no longer in the store; --from-recipe names a folder that holds it", b.Recipe, b.RecipeTree.Short())}}
}

// recipeFromPackage writes info/recipe to dir. A package keeps no exec bits, so those that give the
// recorded digest are looked for; where none do, something else is missing.
func recipeFromPackage(st *store.Store, pkg packages.Package, want digest.Digest, dir string) error {
	names, err := pkg.InfoNames()
	if err != nil {
		return err
	}
	var entries []digest.Entry
	data := map[string][]byte{}
	for _, name := range names {
		rel, ok := strings.CutPrefix(name, "recipe/")
		if !ok || !filepath.IsLocal(rel) || rel == "rendered_recipe.yaml" || rel == "variant_config.yaml" {
			continue
		}
		b, err := pkg.Info(name)
		if err != nil {
			return err
		}
		data[rel] = b
		entries = append(entries, digest.Entry{Path: rel, Kind: digest.File, Sum: digest.Of(b), Size: int64(len(b))})
	}
	for _, exec := range []func(digest.Entry) bool{
		func(digest.Entry) bool { return false },
		func(e digest.Entry) bool { _, err := os.Lstat(st.Path(e.Sum, true)); return err == nil },
		func(e digest.Entry) bool { return strings.HasPrefix(string(data[e.Path]), "#!") },
		func(e digest.Entry) bool { return strings.HasSuffix(e.Path, ".sh") },
		func(digest.Entry) bool { return true },
	} {
		tried := slices.Clone(entries)
		for i, e := range tried {
			if exec(e) {
				tried[i].Kind = digest.Exec
			}
		}
		if digest.Tree(tried) == want {
			return writeEntries(dir, tried, data)
		}
	}
	return store.ErrMissing
}

func writeEntries(dir string, entries []digest.Entry, data map[string][]byte) error {
	for _, e := range entries {
		file := filepath.Join(dir, filepath.FromSlash(e.Path))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		mode := os.FileMode(0o644)
		if e.Kind == digest.Exec {
			mode = 0o755
		}
		if err := os.WriteFile(file, data[e.Path], mode); err != nil {
			return err
		}
	}
	return nil
}

func recipeFromFolder(from string, want digest.Digest, dir string) error {
	if from == "" {
		return store.ErrMissing
	}
	entries, err := recipeTree(&Request{}, from)
	if err != nil || digest.Tree(entries) != want {
		return store.ErrMissing
	}
	return os.CopyFS(dir, os.DirFS(from))
}

// channelRecorded is the channel of what a record names: such a package comes before the host's tool of that name,
// as it did when it came from a channel.
const channelRecorded = "recorded"

// recordedPackages offers the packages a build was made with, found by their digests, and no others. It
// implements Channels.
type recordedPackages struct {
	records map[string][]*packages.Record
	files   map[string]string // sha256 → file
	exports map[string]packages.RunExports
	known   map[string]bool // names the package says it depends on; they had to be packages then
}

// findRecorded looks the package materials up in the store and the channels.
func findRecorded(r *runner, b provenance.Build) (*recordedPackages, []*Action, []string) {
	rp := &recordedPackages{records: map[string][]*packages.Record{}, files: map[string]string{}, exports: map[string]packages.RunExports{}, known: map[string]bool{}}
	var planned []*Action
	var missing []string
	for _, m := range b.Materials {
		if m.Kind != "package" {
			continue
		}
		rec, err := rp.find(r, m)
		if err != nil {
			missing = append(missing, fmt.Sprintf("the package %s (sha256 %.12s): %v", m.Name, m.Digests["sha256"], err))
			continue
		}
		if _, ours := m.Digests[provenance.DigestContent]; !ours {
			rp.records[rec.Name] = append(rp.records[rec.Name], rec)
			continue
		}
		rec.Channel = packages.ChannelPlanned
		planned = append(planned, &Action{Output: outputOf(r.req, rec), Record: *rec, RunExports: rp.exports[rec.SHA256]})
	}
	return rp, planned, missing
}

func (rp *recordedPackages) find(r *runner, m provenance.Material) (*packages.Record, error) {
	sum, err := digest.Parse(m.Digests["sha256"])
	if err != nil {
		return nil, err
	}
	name, _ := m.Annotations["file"].(string)
	file := r.tools.Store.Path(sum, false)
	if !r.tools.Store.Has(sum) || !r.tools.Store.Verify(sum) {
		if file, name, sum, err = rp.inChannels(r, m, sum); err != nil {
			return nil, err
		}
	}
	for _, format := range r.tools.Formats {
		if name != "" && !strings.HasSuffix(name, format.Extension()) {
			continue
		}
		pkg, err := format.Open(file)
		if err != nil {
			continue
		}
		defer pkg.Close()
		rec, err := pkg.Record()
		if err != nil {
			return nil, err
		}
		if rp.exports[sum.Hex()], err = pkg.RunExports(); err != nil {
			return nil, err
		}
		rec.SHA256, rec.Channel, rec.FileName = sum.Hex(), channelRecorded, rec.String()+format.Extension()
		rp.files[rec.SHA256] = file
		return rec, nil
	}
	return nil, errors.New("it is in no format that can be read")
}

// inChannels finds the package in a channel: the very archive, else one of the same content, which is all that a
// package built with it depends on (a package that was reused names the archive of its first build).
func (rp *recordedPackages) inChannels(r *runner, m provenance.Material, sum digest.Digest) (file, name string, found digest.Digest, err error) {
	stem, _, _ := strings.Cut(strings.TrimPrefix(m.URI, "pkg:conda/"), "@")
	all, err := r.tools.Channels.Candidates(stem)
	if err != nil {
		return "", "", sum, err
	}
	for _, rec := range all {
		if rec.SHA256 == sum.Hex() {
			file, err = r.tools.Channels.Archive(rec)
			return file, rec.FileName, sum, err
		}
	}
	name, _ = m.Annotations["file"].(string)
	content := m.Digests[provenance.DigestContent]
	for _, rec := range all {
		if content == "" || rec.FileName != name {
			continue
		}
		if file, found, err = r.sameContent(rec, content); err != nil || file != "" {
			return file, name, found, err
		}
	}
	hint := "(-c adds a channel)"
	if content != "" {
		hint = "(-c adds a channel; or build it again from its recipe)"
	}
	return "", "", sum, errors.New("neither the store nor a channel has it " + hint)
}

// sameContent is the archive of a channel's record if its content has that digest; empty if not.
func (r *runner) sameContent(rec *packages.Record, content string) (file string, sum digest.Digest, err error) {
	if file, err = r.tools.Channels.Archive(rec); err != nil {
		return "", sum, err
	}
	pkg, err := openAny(r.tools.Formats, file)
	if err != nil {
		return "", sum, err
	}
	defer pkg.Close()
	got, err := pkg.ContentDigest()
	if err != nil || got.Hex() != content {
		return "", sum, err
	}
	sum, _, err = digest.OfFile(file)
	return file, sum, err
}

// Candidates implements resolver.Provider. What the package depends on was a package when it was built,
// whether or not it is at hand now: that decides between depends and constrains.
func (rp *recordedPackages) Candidates(name string) ([]*packages.Record, error) {
	if list := rp.records[name]; len(list) > 0 || !rp.known[name] {
		return list, nil
	}
	return []*packages.Record{{Name: name, Version: "0", Channel: channelRecorded}}, nil
}

// Names implements resolver.Provider.
func (rp *recordedPackages) Names() []string { return sortedKeys(rp.records) }

// RunExports implements Channels.
func (rp *recordedPackages) RunExports(r *packages.Record) (packages.RunExports, error) {
	return rp.exports[r.SHA256], nil
}

// Archive implements Channels.
func (rp *recordedPackages) Archive(r *packages.Record) (string, error) {
	if file, ok := rp.files[r.SHA256]; ok && r.SHA256 != "" {
		return file, nil
	}
	return "", fmt.Errorf("%s is not among the materials of the statement", r)
}

// recordedExternals are the machine's tools with the variables that the record's workspace set, and not this one's.
type recordedExternals struct {
	toolchain.Finder
	set map[string]map[string]string // by external
}

func newRecordedExternals(f toolchain.Finder, b provenance.Build) recordedExternals {
	x := recordedExternals{f, map[string]map[string]string{}}
	for _, m := range b.Materials {
		values, _ := m.Annotations[noteVariables].(map[string]any)
		if m.Kind != "external" || len(values) == 0 {
			continue
		}
		x.set[m.Name] = map[string]string{}
		for name, value := range values {
			x.set[m.Name][name] = fmt.Sprint(value)
		}
	}
	return x
}

// Find implements toolchain.Finder.
func (x recordedExternals) Find(ctx context.Context, name string) (*toolchain.External, error) {
	e, err := x.Finder.Find(ctx, name)
	if e == nil || err != nil {
		return nil, err
	}
	return e.With(x.set[name]), nil
}
