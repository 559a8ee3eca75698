package main

import "github.com/spf13/cobra"

// version is set by the linker in a release build.
var version = "0.1.0-dev"

// verbs lists the commands, in the order of the help.
func verbs(a *app) []*cobra.Command {
	return []*cobra.Command{
		// Build.
		buildCommand(a),
		planCommand(a),
		renderCommand(a),
		lockCommand(a),
		explainCommand(a),
		graphCommand(a),
		fetchCommand(a),
		benchCommand(a),
		debugCommand(a),
		testCommand(a),
		rebuildCommand(a),
		// Look.
		packageCommand(a),
		solveCommand(a),
		abiCommand(a),
		verifyCommand(a),
		keysCommand(a),
		cacheCommand(a),
		reportCommand(a),
		envCommand(a),
		// The sandbox.
		sandboxCommand(a),
		auditCommand(a),
		// Recipes as they are written.
		lintCommand(a),
		fmtCommand(a),
		schemaCommand(a),
		convertCommand(a),
		lspCommand(a),
		completionCommand(a),
	}
}
