package engine

import (
	"fmt"
	"path/filepath"
	"strings"
)

// The inside of a build's sandbox: the same for every package, run and machine, so that no path of
// this machine can reach a package.
const (
	insideRoot   = "/forge"
	insideWork   = "/forge/work"   // SRC_DIR
	insideBuild  = "/forge/build"  // BUILD_PREFIX
	insideRecipe = "/forge/recipe" // RECIPE_DIR
	insideExtra  = "/forge/extra"  // module closures
	insideTest   = "/forge/test"   // PREFIX of a package's tests; not the placeholder, so relocation is tested too
	insideChecks = "/forge/checks" // working folder of a package's tests
	buildUID     = 1000
	buildGID     = 1000
	buildUser    = "forge"
	buildHost    = "forge"

	// prefixLength is conda's: the longest path a package can be installed at.
	prefixLength = 255
	// layoutVersion is part of every key; raise it when the inside changes.
	layoutVersion = "3"
)

// layout is the paths a command sees.
type layout struct {
	root   string // the scripts lie here
	work   string // SRC_DIR, or the working folder of a test
	prefix string // PREFIX
	build  string // BUILD_PREFIX
	recipe string // RECIPE_DIR
	extra  string // module closures

	windows bool // paths are those of Windows, and cmd.exe runs the scripts
}

// onWindows is whether this machine's own paths are those of Windows, which a layout in place has.
const onWindows = filepath.Separator == '\\'

// insideLayout is that of a build in a root of its own.
func insideLayout() layout {
	return layout{root: insideRoot, work: insideWork, prefix: Placeholder(), build: insideBuild, recipe: insideRecipe, extra: insideExtra}
}

// insideTestLayout is that of a test: its prefix is not the placeholder, so relocation is tested too.
func insideTestLayout() layout {
	return layout{root: insideRoot, work: insideChecks, prefix: insideTest, build: insideBuild, recipe: insideChecks, extra: insideExtra}
}

// placeLayout is that of the lower isolation levels, which leave every file where it is: the folders of
// the build's own place below dir. Packages built so hold another placeholder every time.
//
// On Windows the prefix is not made long: most programs there end at 260 characters.
func placeLayout(dir string) layout {
	at := func(name string) string { return filepath.Join(dir, name) }
	l := layout{root: at("scripts"), work: at("work"), prefix: at("prefix"), build: at("build"), recipe: at("recipe"), extra: at("extra"), windows: onWindows}
	if onWindows {
		l.prefix = at("h_env")
		return l
	}
	if long := dir + "/h_env" + strings.Repeat("_placehold", prefixLength); len(dir)+len("/h_env") < prefixLength {
		l.prefix = long[:prefixLength]
	}
	return l
}

// Folders are the folders of a build, as its scripts see them.
type Folders struct {
	HostPrefix  string `json:"host_prefix"`
	BuildPrefix string `json:"build_prefix"`
	WorkDir     string `json:"work_dir"`
	BuildDir    string `json:"build_dir"`
}

// BuildFolders are the same for every build and machine.
func BuildFolders() Folders {
	return Folders{HostPrefix: Placeholder(), BuildPrefix: insideBuild, WorkDir: insideWork, BuildDir: insideRoot}
}

// Placeholder is $PREFIX inside the sandbox: one constant path of 255 characters.
func Placeholder() string {
	const stem = insideRoot + "/h_env"
	p := stem + strings.Repeat("_placehold", prefixLength)
	return p[:prefixLength]
}

// inPrefix is where the slash-separated path rel of the prefix lies.
func (l layout) inPrefix(rel string) string {
	if l.windows {
		return l.prefix + `\` + strings.ReplaceAll(rel, "/", `\`)
	}
	return l.prefix + "/" + rel
}

// check refuses a place that the tools of Windows could not work in: they end at 260 characters, and a
// build needs about 160 of them below its prefix. cmd.exe reads % in a path as a variable.
func (l layout) check() error {
	const most = 100
	switch {
	case !l.windows:
		return nil
	case len(l.prefix) > most:
		return fmt.Errorf("the folder of the build, %s, has %d characters, more than the %d that leave the tools of Windows enough: set FORGE_CACHE to a short folder, such as C:\\f", l.prefix, len(l.prefix), most)
	case strings.ContainsAny(l.prefix, "%!^&\""):
		return fmt.Errorf("the folder of the build, %s, holds a character that cmd.exe does not take as it is: set FORGE_CACHE to a folder without it", l.prefix)
	}
	return nil
}

// placeholder is what stands for the prefix in texts, where the prefix itself is another every time and
// clients do not mind its length: on Windows.
func (l layout) placeholder() string {
	if !l.windows {
		return ""
	}
	return Placeholder()
}
