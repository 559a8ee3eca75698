package main

import (
	"slices"

	"github.com/spf13/cobra"
)

// version is set by the linker in a release build.
var version = "0.1.0-dev"

// verb is a command with its name and its place in the help.
type verb struct {
	name  string
	group string
	make  func(a *app) *cobra.Command
}

// The groups of the help.
const (
	groupBuild   = "build"
	groupLook    = "look"
	groupRecipes = "recipes"
	groupMachine = "machine"
)

// helpGroups lists them in the order of the help.
func helpGroups() []*cobra.Group {
	return []*cobra.Group{
		{ID: groupBuild, Title: "Build and plan:"},
		{ID: groupLook, Title: "Look at what came of it:"},
		{ID: groupRecipes, Title: "Write recipes:"},
		{ID: groupMachine, Title: "This machine:"},
	}
}

// verbs lists the commands, in the order of the help.
func verbs() []verb {
	return []verb{
		{"build", groupBuild, buildCommand},
		{"plan", groupBuild, planCommand},
		{"lock", groupBuild, lockCommand},
		{"explain", groupBuild, explainCommand},
		{"graph", groupBuild, graphCommand},
		{"matrix", groupBuild, matrixCommand},
		{"fetch", groupBuild, fetchCommand},
		{"bench", groupBuild, benchCommand},
		{"debug", groupBuild, debugCommand},
		{"test", groupLook, testCommand},
		{"rebuild", groupLook, rebuildCommand},
		{"package", groupLook, packageCommand},
		{"solve", groupLook, solveCommand},
		{"abi", groupLook, abiCommand},
		{"verify", groupLook, verifyCommand},
		{"report", groupLook, reportCommand},
		{"render", groupRecipes, renderCommand},
		{"lint", groupRecipes, lintCommand},
		{"fmt", groupRecipes, fmtCommand},
		{"schema", groupRecipes, schemaCommand},
		{"convert", groupRecipes, convertCommand},
		{"lsp", groupRecipes, lspCommand},
		{"keys", groupMachine, keysCommand},
		{"cache", groupMachine, cacheCommand},
		{"env", groupMachine, envCommand},
		{"sandbox", groupMachine, sandboxCommand},
		{"audit", groupMachine, auditCommand},
		{"completion", groupMachine, completionCommand},
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
		made[i].GroupID = v.group
	}
	return made
}
