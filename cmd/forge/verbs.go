package main

import (
	"slices"

	"github.com/spf13/cobra"
)

// version is set by the linker in a release build.
var version = "0.1.0-dev"

// verb is a command with its name.
type verb struct {
	name string
	make func(a *app) *cobra.Command
}

// verbs lists the commands, in the order of the help.
func verbs() []verb {
	return []verb{
		// Build.
		{"build", buildCommand},
		{"plan", planCommand},
		{"render", renderCommand},
		{"lock", lockCommand},
		{"explain", explainCommand},
		{"graph", graphCommand},
		{"matrix", matrixCommand},
		{"fetch", fetchCommand},
		{"bench", benchCommand},
		{"debug", debugCommand},
		{"test", testCommand},
		{"rebuild", rebuildCommand},
		// Look.
		{"package", packageCommand},
		{"solve", solveCommand},
		{"abi", abiCommand},
		{"verify", verifyCommand},
		{"keys", keysCommand},
		{"cache", cacheCommand},
		{"report", reportCommand},
		{"env", envCommand},
		// The sandbox.
		{"sandbox", sandboxCommand},
		{"audit", auditCommand},
		// Recipes as they are written.
		{"lint", lintCommand},
		{"fmt", fmtCommand},
		{"schema", schemaCommand},
		{"convert", convertCommand},
		{"lsp", lspCommand},
		{"completion", completionCommand},
	}
}

// commands makes the commands that a command line may need: the one it begins with, or none where it only
// asks for the version. All of them have hundreds of flags, which cost more than to render a small recipe.
func commands(a *app, args []string) []*cobra.Command {
	all := verbs()
	if len(args) == 1 && (args[0] == "--version" || args[0] == "-V") {
		return nil
	}
	if len(args) > 0 {
		if i := slices.IndexFunc(all, func(v verb) bool { return v.name == args[0] }); i >= 0 {
			all = all[i : i+1]
		}
	}
	made := make([]*cobra.Command, len(all))
	for i, v := range all {
		made[i] = v.make(a)
	}
	return made
}
