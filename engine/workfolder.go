package engine

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"forge/digest"
	"forge/internal/diag"
	"forge/internal/fsx"
	"forge/provenance"
	"forge/recipes"
)

// Outputs of a meta.yaml have one work folder: the script of each begins with what the scripts before it left there
// (recipes.Output.After). So that each stays an action of its own, what a script changes in the folder is kept and
// laid out over the sources, or over what the staging output left, for the outputs after it.

// materialWork is the kind of material of an earlier output's changes.
const materialWork = "work folder"

// The names in the archive of a script's changes begin with one of these.
const (
	workMember = "work/" // files, links and folders as they are now
	goneMember = "gone/" // what is no longer there
)

// earlier are the actions whose scripts ran before a's in the work folder and changed it, the first one first.
func (a *Action) earlier(built map[*Action]*Built) []*Action {
	var list []*Action
	for b := a.After; b != nil; b = b.After {
		if built[b] != nil && !built[b].Work.IsZero() {
			list = append(list, b)
		}
	}
	slices.Reverse(list)
	return list
}

// checkWorkOrder reports scripts that cannot run one after the other in their work folder, since what one is built
// with is built, by way of another recipe, with an output whose script comes later.
func (p *planner) checkWorkOrder() {
	next := func(i int) []int {
		var list []int
		for _, b := range p.all[i].Needed() {
			if k, ours := p.index[b]; ours {
				list = append(list, k)
			}
		}
		return list
	}
	for _, group := range components(len(p.all), next) {
		if len(group) < 2 {
			continue
		}
		var names, places []string
		way := shortestLoop(group, next)
		for k, i := range way {
			a, to := p.all[i], p.all[way[(k+1)%len(way)]]
			names = append(names, a.Output.Name)
			if a.After == to {
				places = append(places, fmt.Sprintf("%s: the script of %s runs after that of %s, in the same work folder", a.Output.Pos, a.Output.Name, to.Output.Name))
			} else {
				places = append(places, place(a.Output, to.Output.Name))
			}
		}
		p.problems = append(p.problems, diag.Diagnostic{Code: "cycle", Pos: p.all[way[0]].Output.Pos,
			Summary: "dependency cycle: " + strings.Join(append(names, names[0]), " -> "), Detail: strings.Join(places, "\n"),
			Suggestion: "let the outputs of the recipe need each other in the order in which they can be built, or make recipes of their own of them"})
	}
}

// workState is how the work folder is at one time.
type workState struct {
	entries map[string]workEntry
	racy    map[string]digest.Digest // content of files that could be written again within the same tick of the clock
}

// workEntry tells whether a file or link was changed. Of a folder only that it is there counts.
type workEntry struct {
	kind  fs.FileMode // its type bits
	stamp fsx.Stamp   // of a file
	link  string
	time  time.Time // of a folder
}

// same compares all but the times of folders.
func (e workEntry) same(other workEntry) bool {
	e.time, other.time = time.Time{}, time.Time{}
	return e == other
}

// lookAtWork walks through the work folder. Sockets and the like are passed over, as they are when it is kept.
func (j *job) lookAtWork(ctx context.Context) (map[string]workEntry, error) {
	all := map[string]workEntry{}
	err := filepath.WalkDir(j.site.work, func(p string, d fs.DirEntry, err error) error {
		if err := errors.Join(err, ctx.Err()); err != nil || p == j.site.work {
			return err
		}
		rel, err := filepath.Rel(j.site.work, p)
		if err != nil {
			return err
		}
		e := workEntry{kind: d.Type()}
		info, err := d.Info()
		switch {
		case err != nil:
		case d.IsDir():
			e.time = info.ModTime()
		case e.kind == fs.ModeSymlink:
			e.link, err = os.Readlink(p)
		case e.kind == 0:
			e.stamp, err = fsx.StampOf(p, false)
			if errors.Is(err, errors.ErrUnsupported) {
				e.stamp, err = fsx.Stamp{Size: info.Size(), Modified: info.ModTime().UnixNano(), Mode: uint32(info.Mode())}, nil
			}
		default:
			return nil
		}
		all[filepath.ToSlash(rel)] = e
		return err
	})
	return all, err
}

// workBeforeScript notes how the work folder is, where others come after this output's script.
func (j *job) workBeforeScript(ctx context.Context) error {
	if !j.a.Output.LeavesWork {
		return nil
	}
	entries, err := j.lookAtWork(ctx)
	if err != nil {
		return err
	}
	j.work = &workState{entries: entries, racy: map[string]digest.Digest{}}
	now := j.tools.Now()
	for name, e := range entries {
		if e.kind != 0 || e.stamp.Changed != 0 && e.stamp.Settled(now) {
			continue
		}
		if j.work.racy[name], _, err = digest.OfFile(j.inWork(name)); err != nil {
			return err
		}
	}
	return nil
}

func (j *job) inWork(name string) string { return filepath.Join(j.site.work, filepath.FromSlash(name)) }

// keepWork stores what the script changed in the work folder, if anything, for those that come after it.
func (j *job) keepWork(ctx context.Context, b *Built) error {
	if j.work == nil || !j.ran {
		return nil
	}
	now, err := j.lookAtWork(ctx)
	if err != nil {
		return err
	}
	var gone, changed, folders []string
	for name, old := range j.work.entries {
		if e, ok := now[name]; !ok || e.kind != old.kind {
			gone = append(gone, name)
		}
	}
	for name, e := range now {
		old, ok := j.work.entries[name]
		is := !ok || !e.same(old)
		if sum, racy := j.work.racy[name]; racy && !is {
			read, _, err := digest.OfFile(j.inWork(name))
			if err != nil {
				return err
			}
			is = read != sum
		}
		switch {
		case is:
			changed = append(changed, name)
		case e.kind.IsDir() && !e.time.Equal(old.time):
			folders = append(folders, name) // make can look at it, where there is something to look at at all
		}
	}
	if b.WorkSeen = true; len(gone)+len(changed) == 0 {
		return nil
	}
	b.Work, err = j.pack(func(t *tar.Writer) error {
		return j.packWork(ctx, t, sorted(gone), sorted(append(changed, folders...)))
	})
	return err
}

func (j *job) packWork(ctx context.Context, t *tar.Writer, gone, changed []string) error {
	for _, name := range gone {
		h := &tar.Header{Name: goneMember + name, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
	}
	for _, name := range changed {
		if err := errors.Join(ctx.Err(), packOne(t, j.inWork(name), workMember+name)); err != nil {
			return err
		}
	}
	return nil
}

// restoreWork lays out what the outputs before this one left in the work folder, in the order in which they did:
// their scripts, and what these changed. This one's script comes last.
func (j *job) restoreWork(ctx context.Context) error {
	changes := map[*recipes.Output]digest.Digest{}
	for _, b := range j.a.earlier(j.built) {
		changes[b.Output] = j.built[b].Work
	}
	var chain []*recipes.Output
	for o := j.a.Output; o != nil; o = o.After {
		chain = append(chain, o)
	}
	for _, o := range slices.Backward(chain) {
		if err := j.placeScripts(ctx, o); err != nil {
			return fmt.Errorf("copy the script of %s into the work folder: %w", o, err)
		}
		if sum, ok := changes[o]; ok {
			if err := j.restoreChanges(ctx, sum); err != nil {
				return fmt.Errorf("what the script of %s left in the work folder: %w", o, err)
			}
		}
	}
	return nil
}

func (j *job) restoreChanges(ctx context.Context, sum digest.Digest) error {
	return j.layOut(ctx, sum, j.site.work, func(root *os.Root, h *tar.Header) (bool, error) {
		if name, ok := strings.CutPrefix(h.Name, goneMember); ok {
			return false, root.RemoveAll(name)
		}
		name, ok := strings.CutPrefix(h.Name, workMember)
		if !ok || path.Clean(name) != name {
			return false, errors.New("that is no name of the work folder")
		}
		if h.Name = name; h.Typeflag == tar.TypeDir {
			return true, nil
		}
		return true, root.RemoveAll(name) // as it was before
	})
}

// workMaterials name what earlier outputs changed in the work folder, and what is needed to do it again.
func (j *job) workMaterials() []provenance.Material {
	var list []provenance.Material
	for _, a := range j.a.earlier(j.built) {
		b := j.built[a]
		list = append(list, provenance.Material{Kind: materialWork, URI: "forge:work/" + a.Output.Name, Name: a.Output.String(),
			Digests:     map[string]string{"sha256": b.Work.Hex()},
			Annotations: map[string]any{"key": b.Key.Hex(), "isolation": b.Isolation, "variant": a.Output.Variant}})
	}
	return list
}

// workNames are the outputs whose changes to the work folder a statement names.
func workNames(b provenance.Build) []string {
	var list []string
	for _, m := range b.Materials {
		if m.Kind == materialWork {
			list = append(list, m.Name)
		}
	}
	return list
}

// addWorkVariants adds to the request, which has the package's own variant, what it takes to render those outputs:
// they may be of other variants, in the order in which their scripts ran.
func addWorkVariants(req *Request, b provenance.Build) {
	values := map[string][]string{}
	for _, m := range b.Materials {
		variant, _ := m.Annotations["variant"].(map[string]any)
		if m.Kind != materialWork {
			continue
		}
		for name, value := range variant {
			if text := fmt.Sprint(value); name != "target_platform" && !slices.Contains(values[name], text) {
				values[name] = append(values[name], text)
			}
		}
	}
	for name, list := range values {
		if own := req.Variant[name]; len(own) > 0 && !slices.Contains(list, own[0]) {
			list = append(list, own[0])
		}
		if req.Variant == nil {
			req.Variant = map[string][]string{}
		}
		req.Variant[name] = list
	}
}
