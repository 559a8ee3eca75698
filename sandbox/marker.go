package sandbox

import "path/filepath"

// Arguments a program of ours gets when it starts itself as the keeper of a sandbox.
// They stand in argv[0], which no shell user sets by accident.
const (
	markKeeper = "forge-sandbox-keeper" // watches over a command that has no pid namespace
	markTool   = "forge-sandbox-tool"   // makes the system calls of Audit's attacks; may come with a path
)

// IsChild reports whether this process was started by a Runner to keep a sandbox. A program that uses
// the package asks first thing in main (tests: in TestMain), and then ends with Child's exit code:
//
//	if sandbox.IsChild(os.Args) {
//		os.Exit(sandbox.Child(os.Args))
//	}
func IsChild(args []string) bool {
	if len(args) == 0 {
		return false
	}
	switch filepath.Base(args[0]) {
	case markKeeper, markTool:
		return true
	}
	return false
}
