package engine

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"forge/packages"
	"forge/platforms/toolchain"
)

// glibcName is the virtual package of the C library's version.
const glibcName = "__glibc"

// glibcBound makes depends say which glibc the files need. What a host's compiler exports is only the
// version it was found with; the symbol versions in the files say what they cannot do without, so that
// bound is replaced. What a recipe or a channel's sysroot promised stays, and findings name the files
// that break the promise. binaries are those that run with the system's C library.
func glibcBound(binaries []elfFile, depends []string, observed []string) (bounded, findings []string) {
	floor, by := glibcFloor(binaries)
	bounded = slices.Clone(depends)
	if len(binaries) == 0 { // all run with a C library that packages bring
		return slices.DeleteFunc(bounded, func(spec string) bool { return slices.Contains(observed, spec) }), nil
	}
	if floor == "" {
		return depends, nil
	}
	for i, spec := range bounded {
		if specName(spec) != glibcName {
			continue
		}
		if slices.Contains(observed, spec) {
			bounded[i] = glibcName + " >=" + floor + ",<3.0.a0"
			continue
		}
		if !admits(spec, floor) {
			findings = append(findings, fmt.Sprintf("%s: needs glibc %s, and the package promises %q; build with an older sysroot, or raise the bound", by, floor, spec))
		}
	}
	return slices.Compact(bounded), findings
}

// glibcOfNone takes the bound that the host's compiler exported off a package that holds nothing a compiler made:
// headers, or only dependencies, as many outputs of a recipe with several. Static libraries, which name no versions
// of their symbols, keep it.
func (j *job) glibcOfNone(ctx context.Context, paths []string, files []inspected, r *packages.Record) error {
	compiled := func(p string) bool { return path.Ext(p) == ".a" }
	if slices.ContainsFunc(paths, compiled) || slices.ContainsFunc(files, func(f inspected) bool { return f.elf != nil }) {
		return nil
	}
	externals, err := j.externalsOf(ctx, j.toolEnvironments()...)
	if err != nil {
		return err
	}
	observed := observedGlibc(externals)
	r.Depends = slices.DeleteFunc(slices.Clone(r.Depends), func(spec string) bool { return slices.Contains(observed, spec) })
	return nil
}

// glibcFloor is the newest glibc that any file needs, and that file.
func glibcFloor(binaries []elfFile) (floor, by string) {
	for _, b := range binaries {
		need := b.info.GlibcFloor()
		if need != "" && (floor == "" || newer(need, floor)) {
			floor, by = need, b.path
		}
	}
	return floor, by
}

// admits tells whether every glibc that satisfies spec has what floor has: spec's lowest version must
// not lie below it.
func admits(spec, floor string) bool {
	_, bounds, _ := strings.Cut(spec, " ")
	for _, bound := range strings.Split(bounds, ",") {
		if low, ok := strings.CutPrefix(strings.TrimSpace(bound), ">="); ok {
			return !newer(floor, low)
		}
	}
	return false
}

// newer compares versions of the C library; one that is none is the newest, so that nothing leans on it.
func newer(a, b string) bool {
	v, err := packages.ParseVersion(a)
	if err != nil {
		return true
	}
	w, err := packages.ParseVersion(b)
	return err == nil && v.Compare(w) > 0
}

// observedGlibc are the bounds that the host's own tools export, in the environments of the build.
func observedGlibc(externals []*toolchain.External) []string {
	var specs []string
	for _, e := range externals {
		for _, spec := range slices.Concat(e.RunExports.Strong, e.RunExports.Weak) {
			if specName(spec) == glibcName {
				specs = append(specs, spec)
			}
		}
	}
	return specs
}
