package engine

import "strings"

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
	layoutVersion = "1"
)

// layout is the paths a command sees.
type layout struct {
	root   string // BUILD_DIR: the scripts lie here
	work   string // SRC_DIR, or the working folder of a test
	prefix string // PREFIX
	build  string // BUILD_PREFIX
	recipe string // RECIPE_DIR
	extra  string // module closures
}

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
func placeLayout(dir string) layout {
	l := layout{root: dir + "/scripts", work: dir + "/work", prefix: dir + "/prefix", build: dir + "/build", recipe: dir + "/recipe", extra: dir + "/extra"}
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
