package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forge/packages"
	"forge/platforms/toolchain"
	"forge/provenance"
	"forge/sandbox"
)

// Inputs is what a build was seen to read (forge build --trace-inputs): output/logs/NAME.inputs.json, and
// in the statement by its digest. It is what the kernel was asked for by name; see sandbox.Trace for
// what a program can do about that.
type Inputs struct {
	Output string `json:"output"`
	// Used are the packages and tools of the environments of which something was opened, sorted by name.
	Used []InputUse `json:"used"`
	// Unused are the build and host requirements of which nothing was.
	Unused []string `json:"unused,omitempty"`
	// Sources counts the files of the work and recipe folders.
	Sources int `json:"sources"`
	// Absent are the paths outside of the build's own folders that were looked for and are not there:
	// what would be read on a machine that has them and no sandbox.
	Absent []string `json:"absent,omitempty"`
	// Lost counts names that could not be recorded; not zero means the lists are incomplete.
	Lost int64 `json:"lost,omitempty"`
}

// InputUse is one package or tool, and how many of its files were opened.
type InputUse struct {
	Name     string `json:"name"`
	External bool   `json:"external,omitempty"`
	Declared bool   `json:"declared"` // named in the recipe, not only needed by what is
	Files    int    `json:"files"`
}

// owners tells whose file a path inside is.
type owners struct {
	of       map[string][]string // path → names
	external map[string]bool
}

// seeInputs judges what the scripts opened, writes it down beside the log and warns of what was declared
// in vain.
func (j *job) seeInputs(ctx context.Context) error {
	if j.trace == nil {
		return nil
	}
	owned, err := j.inputOwners(ctx)
	if err != nil {
		return fmt.Errorf("trace of inputs: %w", err)
	}
	j.inputs = judgeInputs(j.trace, owned, j.site.at, j.declared())
	j.inputs.Output = j.a.Output.String()
	if j.inputs.Lost > 0 {
		j.warn("trace of inputs: %d names could not be recorded; what follows is incomplete", j.inputs.Lost)
	}
	for _, name := range j.inputs.Unused {
		j.warn("unused: nothing of %s was opened, though it is in requirements.build or host", name)
	}
	text, err := json.MarshalIndent(j.inputs, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if j.inputsSum, err = j.tools.Store.PutBytes(text); err != nil {
		return err
	}
	return os.WriteFile(strings.TrimSuffix(j.log.Name(), ".log")+".inputs.json", text, 0o644)
}

// declared are the names in the recipe's own build and host requirements.
func (j *job) declared() map[string]bool {
	set := map[string]bool{}
	r := &j.a.Output.Requirements
	for _, name := range slices.Concat(names(r.Build), names(r.Host)) {
		set[strings.ToLower(name)] = true
	}
	return set
}

// inputOwners lists the files of all packages and externals where the build sees them.
func (j *job) inputOwners(ctx context.Context) (*owners, error) {
	o := &owners{of: map[string][]string{}, external: map[string]bool{}}
	for _, env := range []struct {
		records []*packages.Record
		prefix  string
	}{{j.a.Host.Records, j.site.at.prefix}, {j.a.Build.Records, j.buildPrefix()}} {
		for _, rec := range env.records {
			if rec.Channel == packages.ChannelExternal {
				continue
			}
			paths, err := j.pathsOf(rec, j.built)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", rec, err)
			}
			for _, p := range paths {
				o.add(env.prefix+"/"+p, rec.Name)
			}
		}
	}
	externals, err := j.externalsOf(ctx, j.a.Build, j.a.Host)
	if err != nil {
		return nil, err
	}
	return o, o.addExternals(externals)
}

func (o *owners) add(path, name string) { o.of[path] = append(o.of[path], name) }

// addExternals leaves out what is in every sandbox: it is nobody's dependency.
func (o *owners) addExternals(externals []*toolchain.External) error {
	base := map[string]bool{}
	for _, e := range externals {
		if e.Record.Name != toolchain.Base {
			o.external[e.Record.Name] = true
			continue
		}
		entries, err := e.Entries()
		if err != nil {
			return err
		}
		for _, entry := range entries {
			base[entry.Path] = true
		}
	}
	for _, e := range externals {
		entries, err := e.Entries()
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if e.Record.Name != toolchain.Base && !base[entry.Path] {
				o.add("/"+entry.Path, e.Record.Name)
			}
		}
	}
	return nil
}

// judgeInputs sorts what was opened by who brought it.
func judgeInputs(t *sandbox.Trace, owned *owners, at layout, declared map[string]bool) *Inputs {
	in := &Inputs{Used: []InputUse{}, Lost: t.Lost}
	files, has := map[string]int{}, map[string]bool{}
	for _, names := range owned.of {
		for _, n := range names {
			has[n] = true
		}
	}
	for _, p := range t.Opened {
		for _, n := range owned.of[p] {
			files[n]++
		}
		if below(p, at.work) || below(p, at.recipe) {
			in.Sources++
		}
	}
	for n, count := range files {
		in.Used = append(in.Used, InputUse{Name: n, External: owned.external[n], Declared: declared[n], Files: count})
	}
	slices.SortFunc(in.Used, func(a, b InputUse) int { return cmp.Compare(a.Name, b.Name) })
	for n := range declared {
		if has[n] && files[n] == 0 { // a package without files is there for what it depends on or exports
			in.Unused = append(in.Unused, n)
		}
	}
	slices.Sort(in.Unused)
	found := map[string]bool{}
	for _, p := range t.Opened {
		found[filepath.Base(p)] = true
	}
	for _, p := range t.Absent {
		if !at.ownFolder(p) && !loaderSearch(p, found) {
			in.Absent = append(in.Absent, p)
		}
	}
	return in
}

// loaderSearch tells of the places where the dynamic loader looks for a library, and for faster copies
// of it, before the place where it is (ld.so(8)).
func loaderSearch(p string, found map[string]bool) bool {
	dir, name := filepath.Split(p)
	return strings.Contains(p, "/glibc-hwcaps/") || strings.HasSuffix(dir, "/tls/") || name == "tls" || name == "x86_64" ||
		strings.Contains(name, ".so") && found[name] || p == "/etc/ld.so.preload" || p == "/etc/ld.so.cache"
}

// ownFolder tells of paths that are made for the build alone, or are the kernel's.
func (l layout) ownFolder(p string) bool {
	for _, dir := range []string{l.root, l.work, l.prefix, l.build, l.recipe, l.extra, "/tmp", "/proc", "/dev", "/sys"} {
		if below(p, dir) {
			return true
		}
	}
	return false
}

func below(p, dir string) bool {
	return p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}

// buildPrefix is where the build environment is seen.
func (j *job) buildPrefix() string {
	if j.a.Output.Build.MergeBuildHost {
		return j.site.at.prefix
	}
	return j.site.at.build
}

// addTrace joins what one script opened to what earlier ones did.
func (j *job) addTrace(t *sandbox.Trace) {
	if t == nil {
		return
	}
	if j.trace == nil {
		j.trace = &sandbox.Trace{}
	}
	j.trace.Opened = sorted(append(j.trace.Opened, t.Opened...))
	j.trace.Executed = sorted(append(j.trace.Executed, t.Executed...))
	j.trace.Absent = sorted(append(j.trace.Absent, t.Absent...))
	j.trace.Lost += t.Lost
}

// inputsByproduct names the document in the statement.
func (j *job) inputsByproduct() []provenance.Byproduct {
	if j.inputs == nil {
		return nil
	}
	notes := map[string]any{"used": len(j.inputs.Used), "absent": len(j.inputs.Absent), "lost": j.inputs.Lost}
	if len(j.inputs.Unused) > 0 {
		notes["unused"] = j.inputs.Unused
	}
	return []provenance.Byproduct{{Name: filepath.Base(strings.TrimSuffix(j.log.Name(), ".log")) + ".inputs.json",
		Digests: map[string]string{"sha256": j.inputsSum.Hex()}, Annotations: notes}}
}
