package engine

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"forge/packages"
	"forge/platforms"
	"forge/recipes"
)

// testContents checks what the package holds (rattler-build's package_contents test).
func (r *runner) testContents(a *Action, b *Built, t recipes.ContentsTest) error {
	pkg, err := r.openBuilt(b)
	if err != nil {
		return err
	}
	defer pkg.Close()
	paths, err := payloadPaths(pkg)
	if err != nil {
		return fmt.Errorf("%s: %w", b.FileName, err)
	}
	if problems := checkContents(a.Output, t, paths); len(problems) > 0 {
		return fmt.Errorf("%s: package_contents test failed:\n  %s", a.Output, strings.Join(problems, "\n  "))
	}
	return nil
}

// payloadPaths lists the paths of an archive's payload.
func payloadPaths(pkg packages.Package) ([]string, error) {
	raw, err := pkg.Info("paths.json")
	if err != nil {
		return nil, err
	}
	var list struct {
		Paths []struct {
			Path string `json:"_path"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("paths.json: %w", err)
	}
	paths := make([]string, 0, len(list.Paths))
	for _, p := range list.Paths {
		paths = append(paths, p.Path)
	}
	return paths, nil
}

// pathsOf lists the paths of a record's package.
func (r *runner) pathsOf(rec *packages.Record, built map[*Action]*Built) ([]string, error) {
	pkg, err := r.openRecord(rec, built)
	if err != nil {
		return nil, err
	}
	defer pkg.Close()
	return payloadPaths(pkg)
}

// checkContents lists what is missing, what must not be there and, with strict, what nothing named.
func checkContents(o *recipes.Output, t recipes.ContentsTest, paths []string) []string {
	var problems []string
	named := map[string]bool{}
	for _, rule := range contentRules(o, t) {
		var hits []string
		for _, p := range paths {
			for _, g := range rule.globs {
				if ok, _ := doublestar.Match(g, p); ok {
					hits = append(hits, p)
					named[p] = true
				}
			}
		}
		if !rule.not && len(hits) == 0 {
			problems = append(problems, fmt.Sprintf("missing %s: nothing matches %s", rule.what, strings.Join(rule.globs, ", ")))
		}
		if rule.not && len(hits) > 0 {
			problems = append(problems, fmt.Sprintf("must not hold %s, but has %s", rule.what, strings.Join(hits, ", ")))
		}
	}
	if t.Strict {
		for _, p := range paths {
			if !named[p] {
				problems = append(problems, "strict: no entry names "+p)
			}
		}
	}
	return problems
}

// contentRule is one entry of the test as globs over the payload, any of which will do.
type contentRule struct {
	what  string
	globs []string
	not   bool
}

func contentRules(o *recipes.Output, t recipes.ContentsTest) []contentRule {
	var rules []contentRule
	add := func(not bool, kind string, names []string, globs func(string) []string) {
		for _, n := range names {
			rules = append(rules, contentRule{what: kind + " " + n, globs: globs(n), not: not})
		}
	}
	for _, side := range []struct {
		not                            bool
		files, site, bin, lib, include []string
	}{
		{false, t.Files, t.SitePackages, t.Bin, t.Lib, t.Include},
		{true, t.NotFiles, t.NotSitePackages, t.NotBin, t.NotLib, t.NotInclude},
	} {
		add(side.not, "file", side.files, func(n string) []string { return []string{n} })
		add(side.not, "site-packages", side.site, sitePackages)
		add(side.not, "program", side.bin, func(n string) []string { return programs(o.TargetPlatform, n) })
		add(side.not, "library", side.lib, func(n string) []string { return libraries(o.TargetPlatform, n) })
		add(side.not, "header", side.include, func(n string) []string {
			dir := "include"
			if o.TargetPlatform.IsWindows() {
				dir = "Library/include"
			}
			return []string{path.Join(dir, n), path.Join(dir, n, "**")}
		})
	}
	return rules
}

// sitePackages finds a module by its dotted name, or a path as it is.
func sitePackages(n string) []string {
	if strings.ContainsAny(n, "/*") || strings.HasSuffix(n, ".py") || strings.HasSuffix(n, ".so") {
		return []string{"**/site-packages/" + n, "site-packages/" + n}
	}
	p := strings.ReplaceAll(n, ".", "/")
	return []string{"**/site-packages/" + p + "/__init__.py", "**/site-packages/" + p + ".py", "**/site-packages/" + p + ".*.so", "**/site-packages/" + p + ".*.pyd"}
}

// programs finds a program where rattler-build does: in the folders of PATH, and for Emscripten what its linker makes
// of one.
func programs(p platforms.Platform, n string) []string {
	switch {
	case p.IsWindows():
		return []string{"{,Library/bin/,Library/usr/bin/,Library/mingw-w64/bin/,Scripts/,bin/}" + n + "{,.exe,.bat,.cmd,.com,.ps1}"}
	case p.OS() == "emscripten":
		return []string{"bin/" + n + "{,.js,.wasm}"}
	}
	return []string{"bin/" + n, "python-scripts/" + n}
}

// libraries finds a library by its name with or without "lib", or a file of lib/ that is named with its ending.
func libraries(p platforms.Platform, n string) []string {
	switch {
	case p.IsWindows():
		return []string{"Library/lib/" + n, "Library/bin/" + n, "Library/lib/" + n + ".lib", "Library/bin/" + n + ".dll", "bin/" + n + ".dll", "lib/" + n + ".lib",
			"Library/lib/lib" + n + ".dll.a"} // the last is MinGW's
	case strings.Contains(n, ".so") || strings.HasSuffix(n, ".a") || strings.HasSuffix(n, ".dylib"):
		return []string{"lib/" + n}
	}
	ends := []string{".so", ".so.*"}
	if p.OS() == "osx" {
		ends = []string{".dylib", ".*.dylib"}
	}
	found := []string{"lib/{,lib}" + n + ends[0], "lib/{,lib}" + n + ends[1]}
	if strings.Contains(n, "/") { // a folder, or a module of R: R/library/cli/libs/cli
		return append(found, "lib/"+n)
	}
	return found
}
