package engine

import (
	"context"
	"fmt"
	"path/filepath"

	"forge/digest"
	"forge/internal/plain"
	"forge/packages"
	"forge/platforms/toolchain"
	"forge/provenance"
	"forge/recipes"
	"forge/sandbox"
	"forge/sources"
)

// state writes the statement of how b was made: only what this build observed.
func (j *job) state(ctx context.Context, m *packages.Manifest, b *Built) error {
	o := j.a.Output
	build := provenance.Build{
		FileName: b.FileName, SHA256: b.Archive,
		Recipe: j.recipeName(), RecipeTree: j.a.RecipeTree,
		Output: o.String(), Platform: o.Subdir(), Variant: o.Variant, Unused: o.Unused(), Settings: o.Settings,
		Key: j.key, Isolation: b.Isolation, Epoch: b.Epoch,
		Packer:    j.tools.Format.Name() + " " + j.tools.Format.Compressor(),
		BuilderID: "forge", BuilderMode: "workstation", BuilderVersion: j.tools.Version,
	}
	var err error
	if build.Widened, err = j.widened(j.a); err != nil {
		return err
	}
	if j.ran {
		limits, err := limitsInForce(j.result)
		if err != nil {
			return err
		}
		build.Limits, build.Script = limits, scriptDigest(o.Build.Scripts)
	}
	var git GitState
	git, err = j.tools.GitState(o.Recipe.Dir)
	if err != nil {
		return err
	}
	build.Byproducts = j.inputsByproduct()
	build.GitCommit, build.GitTree, build.GitRemote = git.Commit, git.Tree, git.Remote
	sources, err := j.sourceMaterials()
	if err != nil {
		return err
	}
	build.Materials = append(build.Materials, sources...)
	used, err := j.usedMaterials(ctx)
	if err != nil {
		return err
	}
	build.Materials = append(build.Materials, used...)
	build.Materials = append(build.Materials, j.levelMaterials(m)...)
	j.keepMaterials(build.Materials, b)
	if j.a.DebugOf != nil {
		build.Materials = j.debugMaterials()
	}
	text, err := provenance.Statement(build)
	if err != nil {
		return fmt.Errorf("statement of %s: %w", b.FileName, err)
	}
	b.Statement, err = j.tools.Store.PutBytes(text)
	return err
}

// scriptDigest names the scripts that ran, in order, by their text.
func scriptDigest(scripts []recipes.Script) digest.Digest {
	var m Manifest
	for _, s := range scripts {
		m.add("script", append([]string{s.Interpreter, s.Text}, s.Arguments...)...)
	}
	return m.ID().Digest
}

// recipeName is the recipe's path in its workspace: no path of this machine enters a statement.
func (j *job) recipeName() string {
	rel, err := filepath.Rel(j.req.WorkDir, filepath.Join(j.a.Output.Recipe.Dir, filepath.Base(j.a.Output.Recipe.File)))
	if err != nil || !filepath.IsLocal(rel) {
		return filepath.Base(j.a.Output.Recipe.Dir) + "/" + filepath.Base(j.a.Output.Recipe.File)
	}
	return filepath.ToSlash(rel)
}

// sourceMaterials are the fetched files and commits, with the verdicts on their signatures and attestations.
func (j *job) sourceMaterials() ([]provenance.Material, error) {
	list := []provenance.Material{}
	if j.a.Staging != nil {
		list = append(append(list, j.stagedMaterial()), j.built[j.a.Staging].Materials...)
	}
	list = append(list, j.workMaterials()...)
	for _, f := range j.fetched {
		verdicts, err := verdictsOf(&f)
		if err != nil {
			return nil, err
		}
		for _, file := range f.Files {
			m := provenance.Material{Kind: "source", URI: file.URL, Name: file.Name, Digests: map[string]string{"sha256": file.Digest.Hex()}}
			if file == f.Files[0] {
				m.Annotations = verdicts
			}
			list = append(list, m)
		}
		if f.GitCommit != "" || len(f.Files) == 0 && !f.Tree.IsZero() {
			list = append(list, treeMaterial(f.Source.Path, f.Source.Git != nil, f.GitCommit, f.Tree.Hex(), gitURL(f.Source.Git)))
		}
	}
	return list, nil
}

// verdictsOf is what was found out about who made a source; nil for nothing.
func verdictsOf(f *sources.Fetched) (map[string]any, error) {
	notes := map[string]any{}
	for _, v := range []struct {
		name  string
		count int
		list  any
	}{{"signatures", len(f.Signatures), f.Signatures}, {"attestations", len(f.Attestations), f.Attestations}} {
		if v.count == 0 {
			continue
		}
		var err error
		if notes[v.name], err = plain.Of(v.list); err != nil {
			return nil, err
		}
	}
	if len(notes) == 0 {
		return nil, nil
	}
	return notes, nil
}

func (j *job) stagedMaterial() provenance.Material {
	b := j.built[j.a.Staging]
	return provenance.Material{Kind: "staging", URI: "forge:staging/" + j.a.Staging.Output.Name, Name: j.a.Staging.Output.String(),
		Digests: map[string]string{"sha256": b.Staged.Hex()}, Annotations: map[string]any{"key": b.Key.Hex()}}
}

// usedMaterials are the packages and externals of both environments, each once.
func (j *job) usedMaterials(ctx context.Context) ([]provenance.Material, error) {
	var list []provenance.Material
	seen := map[string]bool{}
	envs := []Environment{j.a.Build, j.a.Host}
	if j.a.Staging != nil {
		envs = append(envs, j.a.Staging.Build, j.a.Staging.Host)
	}
	for _, b := range j.a.earlier(j.built) {
		envs = append(envs, b.Build, b.Host)
	}
	for _, l := range j.a.Levels {
		envs = append(envs, l.Build, l.Host)
	}
	for _, env := range envs {
		for _, rec := range env.Records {
			if rec.Channel == packages.ChannelExternal || seen[rec.String()] {
				continue
			}
			seen[rec.String()] = true
			list = append(list, j.packageMaterial(rec, j.built))
		}
	}
	externals, err := j.externalsOf(ctx, envs...)
	if err != nil {
		return nil, err
	}
	for _, e := range externals {
		m, err := j.externalMaterial(e)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// noteVariables is where a statement says what variables the workspace set for an external.
const noteVariables = "variables"

// externalMaterial describes an external, once a run: a compiler has thousands of files. What it gives is
// shared and must not be changed.
func (r *runner) externalMaterial(e *toolchain.External) (provenance.Material, error) {
	r.mu.Lock()
	m, known := r.materials[e.Tree]
	r.mu.Unlock()
	if known && m.Name == e.Record.Name {
		return m, nil
	}
	origins, err := plain.Of(e.Origin)
	if err != nil {
		return m, err
	}
	notes := map[string]any{"trusted": "not built", "origin": origins}
	if len(e.Sums) > 0 {
		programs := map[string]any{}
		for program, sum := range e.Sums {
			programs[program] = sum.Hex()
		}
		notes["programs"] = programs
	}
	if len(e.Set) > 0 {
		notes[noteVariables] = e.Set
	}
	m = provenance.Material{Kind: "external", URI: "forge:external/" + e.Record.Name + "@" + e.Record.Version,
		Name: e.Record.Name, Digests: map[string]string{provenance.DigestTree: e.Tree.Hex()}, Annotations: notes}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.materials[e.Tree] = m
	return m, nil
}

func (r *runner) packageMaterial(rec *packages.Record, built map[*Action]*Built) provenance.Material {
	m := provenance.Material{Kind: "package", Name: rec.String(), URI: "pkg:conda/" + rec.Name + "@" + rec.Version + "?build=" + rec.Build + "&subdir=" + rec.Subdir,
		Digests: map[string]string{"sha256": rec.SHA256}}
	if rec.Channel == packages.ChannelPlanned {
		b := built[r.byRecord[rec]]
		m.Digests["sha256"], m.Digests[provenance.DigestContent] = b.Archive.Hex(), b.Content.Hex()
		m.Annotations = map[string]any{"file": b.FileName}
	}
	return m
}

func treeMaterial(path string, git bool, commit, tree, url string) provenance.Material {
	m := provenance.Material{Kind: "source", URI: "file:" + filepath.ToSlash(path), Name: filepath.Base(path), Digests: map[string]string{provenance.DigestTree: tree}}
	if filepath.IsAbs(path) {
		m.URI = "file:" + filepath.Base(path)
	}
	if git {
		m.URI, m.Name = "git+"+url, url
		m.Digests = map[string]string{"gitCommit": commit, provenance.DigestTree: tree}
	}
	return m
}

// plain turns a value into maps and lists, as it stands in JSON.
// limitsInForce are the limits of a run, and by what those are counted that are of all processes together.
func limitsInForce(res sandbox.Result) (any, error) {
	return plain.Of(struct {
		sandbox.Limits
		By string `json:"by,omitempty"`
	}{res.Limits, res.LimitedBy})
}

func gitURL(g *recipes.Git) string {
	if g == nil {
		return ""
	}
	return g.URL
}
