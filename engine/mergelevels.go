package engine

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"forge/digest"
	"forge/internal/diag"
	"forge/packages"
	"forge/platforms/cpu"
	"forge/platforms/elf"
	"forge/provenance"
)

const (
	// hwcapsLibraries is the folder of a prefix whose libraries can have levels: programs have it in their
	// library path, and the loader looks below it in hwcapsFolder first (ld.so(8), "glibc-hwcaps").
	hwcapsLibraries = "lib"
	hwcapsFolder    = hwcapsLibraries + "/glibc-hwcaps/"

	materialLevel = "level" // kind of material
)

// hwcapsLevel is the CPU level that a file of a prefix is for because of the folder it lies in, nil for none.
func hwcapsLevel(p string) *cpu.Level {
	rest, ok := strings.CutPrefix(p, hwcapsFolder)
	if !ok {
		return nil
	}
	dir, _, _ := strings.Cut(rest, "/")
	return cpu.OfHwcapsDir(dir)
}

// levelLibrary reads a file of the prefix that the loader could take from a level's folder: a shared library
// directly in lib. The info is nil for any other.
func (j *job) levelLibrary(p string) (*elf.Info, []byte, error) {
	file := filepath.Join(j.site.prefix, filepath.FromSlash(p))
	if path.Dir(p) != hwcapsLibraries || elfLibrary(path.Base(p)) == "" {
		return nil, nil, nil
	}
	if st, err := os.Lstat(file); err != nil || !st.Mode().IsRegular() {
		return nil, nil, err
	}
	root, err := os.OpenRoot(j.site.prefix)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	data, err := readMade(root, p, mostEdited)
	if err != nil || !elf.Is(data) {
		return nil, nil, err
	}
	info, err := elf.Parse(data)
	if err != nil || info.Type != elf.Shared || !info.Dynamic {
		return nil, nil, err
	}
	return info, data, nil
}

// keepLevel stores the libraries that were built for a CPU level.
func (j *job) keepLevel(ctx context.Context, b *Built, added []string) error {
	level, err := j.level(ctx)
	if err != nil {
		return err
	}
	if !level.Places() {
		return fmt.Errorf("%s: at isolation %s the prefix of every build is another, so libraries of several builds cannot lie in one package: layout glibc-hwcaps needs full isolation", j.a.Output, level)
	}
	var libraries []string
	for _, p := range added {
		info, _, err := j.levelLibrary(p)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		if info != nil {
			libraries = append(libraries, p)
		}
	}
	if len(libraries) == 0 {
		return j.noLevels("its script leaves no shared library in lib/")
	}
	b.Staged, err = j.pack(func(t *tar.Writer) error { return j.packLevel(t, libraries) })
	return err
}

// noLevels refuses an output that the layout is not for.
func (j *job) noLevels(why string) error {
	return diag.List{{Code: "cpu-level", Pos: j.a.Output.Pos, Summary: fmt.Sprintf("%s: layout glibc-hwcaps does not fit: %s", j.a.Output.Name, why),
		Detail:     "glibc's loader chooses among shared libraries in lib/; programs, static libraries and plug-ins in other folders have one level only",
		Suggestion: `name the packages with libraries in optimize.packages of forge.hcl, or use layout = "packages"`}}.Err()
}

func (j *job) packLevel(t *tar.Writer, libraries []string) error {
	for _, p := range libraries {
		_, data, err := j.levelLibrary(p)
		if err != nil {
			return err
		}
		if err := j.packData(t, p, 0o755, data); err != nil {
			return err
		}
	}
	return nil
}

// mergeLevels puts beside the package's libraries those that were built for higher CPU levels, in the folders
// where glibc's loader looks first on machines that have the level. It returns all files of the package. A
// level must have the same libraries, with the same names and all symbols of the package's own: who links to
// one must find everything in the other. One that came out the same is left out.
func (j *job) mergeLevels(ctx context.Context, added []string) ([]string, error) {
	if len(j.a.Levels) == 0 {
		return added, nil
	}
	own := map[string]ownLibrary{}
	for _, p := range added {
		info, data, err := j.levelLibrary(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		if info != nil {
			own[p] = ownLibrary{info, data}
		}
	}
	if len(own) == 0 {
		return nil, j.noLevels("the package has no shared library in lib/")
	}
	j.fromLevels = map[string]bool{}
	for _, a := range j.a.Levels {
		more, err := j.mergeLevel(ctx, a, own, added)
		if err != nil {
			return nil, fmt.Errorf("%s: its libraries for %s: %w", j.a.Output.Name, levelOf(a.Output).Name, err)
		}
		added = append(added, more...)
	}
	return sorted(added), nil
}

type ownLibrary struct {
	info *elf.Info
	data []byte
}

func (j *job) mergeLevel(ctx context.Context, a *Action, own map[string]ownLibrary, added []string) (more []string, err error) {
	level := levelOf(a.Output)
	seen := 0
	err = j.eachPacked(ctx, j.built[a].Staged, func(h *tar.Header, r io.Reader) error {
		base, ok := own[h.Name]
		if !ok {
			return nil // of another output, or left out by build.files
		}
		seen++
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if string(data) == string(base.data) {
			j.note("%s is the same for %s, and is not there twice", h.Name, level.Name)
			return nil
		}
		if err := replaces(base, data); err != nil {
			return err
		}
		names, err := j.addLibrary(hwcapsFolder+level.HwcapsDir(), h.Name, data, base.info.SoName, added)
		more = append(more, names...)
		return err
	})
	if err != nil {
		return nil, err
	}
	if seen < len(own) {
		return nil, errors.New("not all libraries of the package are among them: does the script look at $CFLAGS or $microarch?")
	}
	return more, nil
}

// replaces tells whether the loader may take a library in place of the package's own.
func replaces(own ownLibrary, data []byte) error {
	info, err := elf.Parse(data)
	if err != nil {
		return err
	}
	if info.SoName != own.info.SoName {
		return fmt.Errorf("its name (DT_SONAME) is %q, and the package's own library is %q", info.SoName, own.info.SoName)
	}
	have, err := elf.Exports(data)
	if err != nil {
		return err
	}
	want, err := elf.Exports(own.data)
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for _, s := range have {
		names[s.String()] = true
	}
	var lost []string
	for _, s := range want {
		if !names[s.String()] {
			lost = append(lost, s.String())
		}
	}
	if len(lost) > 0 {
		return fmt.Errorf("it lacks symbols of the package's own library: %s", firstFew(lost, 5))
	}
	return nil
}

// addLibrary writes a library into a level's folder, with the link by whose name it is loaded where the
// package has one. It returns the paths.
func (j *job) addLibrary(dir string, name string, data []byte, soname string, added []string) ([]string, error) {
	base := path.Base(name)
	to := path.Join(dir, base)
	root, err := os.OpenRoot(j.site.prefix) // the script may have left links out of it
	if err != nil {
		return nil, err
	}
	defer root.Close()
	st, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if err := writeMade(root, to, data, st.Mode().Perm()); err != nil {
		return nil, err
	}
	j.fromLevels[to] = true
	paths := []string{to}
	if soname != "" && soname != base && soname == path.Base(soname) && slices.Contains(added, hwcapsLibraries+"/"+soname) {
		if err := root.Symlink(base, path.Join(dir, soname)); err != nil {
			return nil, err
		}
		paths = append(paths, path.Join(dir, soname))
	}
	return paths, nil
}

// levelMaterials name the builds for other CPU levels and what the package has of each: the paths with the
// sha256 of the files as they are in the package.
func (j *job) levelMaterials(m *packages.Manifest) []provenance.Material {
	var list []provenance.Material
	for _, a := range j.a.Levels {
		b, dir := j.built[a], hwcapsFolder+levelOf(a.Output).HwcapsDir()
		files := map[string]any{}
		for _, f := range m.Files {
			if path.Dir(f.Path) == dir && f.Kind != digest.Symlink {
				files[f.Path] = f.Sum.Hex()
			}
		}
		list = append(list, provenance.Material{Kind: materialLevel, URI: "forge:level/" + levelOf(a.Output).Name, Name: a.Output.String(),
			Digests: map[string]string{"sha256": b.Staged.Hex()}, Annotations: map[string]any{"key": b.Key.Hex(), "isolation": b.Isolation, "files": files}})
	}
	return list
}
