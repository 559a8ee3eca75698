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

// Placeholder is $PREFIX inside the sandbox: one constant path of 255 characters.
func Placeholder() string {
	const stem = insideRoot + "/h_env"
	p := stem + strings.Repeat("_placehold", prefixLength)
	return p[:prefixLength]
}
