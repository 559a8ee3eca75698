package engine

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"forge/recipes"
	"forge/sandbox"
)

// Entry is how a person steps into a build.
type Entry struct {
	Argv           []string // inside; empty for an interactive shell
	Script         bool     // run the build script instead
	Trace          bool     // and show its commands
	AtFailure      bool     // and open a shell where it fails
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Terminal       bool
}

// enter puts scripts and command into spec. Windows' shell has no way to stop where a script fails.
func (e Entry) enter(spec *sandbox.Spec, site *site, s *Session) error {
	origin := filepath.Base(s.Recipe)
	if err := checkScripts(s.Scripts, site.at.windows); err != nil {
		return err
	}
	if !site.at.windows {
		if err := site.show(spec, e.scripts(s.Scripts, s.Env, site.at, origin)); err != nil {
			return err
		}
		e.apply(spec, site.at)
		return nil
	}
	if err := site.prepare(spec, s.Scripts, s.Env, origin); err != nil {
		return err
	}
	if !e.Script {
		spec.Argv = site.enterBatch(s.Env["ComSpec"], e.Argv)
	}
	spec.Stdin, spec.Stdout, spec.Stderr, spec.Terminal = e.Stdin, e.Stdout, e.Stderr, e.Terminal
	return nil
}

// apply puts the command into the sandbox of the build.
func (e Entry) apply(spec *sandbox.Spec, at layout) {
	switch {
	case e.Script:
		spec.Argv = []string{"/bin/bash"}
		if e.Trace {
			spec.Argv = append(spec.Argv, "-x")
		}
		spec.Argv = append(spec.Argv, at.root+"/conda_build.sh")
	case len(e.Argv) > 0:
		spec.Argv = append([]string{"/bin/bash", "-c", ". " + shellQuote(at.root) + "/build_env.sh; exec \"$@\"", "forge"}, e.Argv...)
	default:
		spec.Argv = []string{"/bin/bash", "--rcfile", at.root + "/debug_shell.sh", "-i"}
	}
	spec.Stdin, spec.Stdout, spec.Stderr, spec.Terminal = e.Stdin, e.Stdout, e.Stderr, e.Terminal
	spec.Limits.Log = 0
}

// scripts are those of the build, with that of a shell; at a failing line they open one if that was asked for.
func (e Entry) scripts(scripts []recipes.Script, env map[string]string, at layout, origin string) []sandbox.File {
	switch {
	case !e.Script && len(e.Argv) == 0:
		// The prompt is no exported variable: to scripts that ask for it a shell is one of a person's.
		rc := ". " + shellQuote(at.root) + "/build_env.sh\nPS1='(forge $PKG_NAME) \\w \\$ '\n"
		return append(scriptFiles(scripts, env, at, origin, ""), sandbox.File{Path: at.root + "/debug_shell.sh", Data: rc})
	case !e.AtFailure:
		return scriptFiles(scripts, env, at, origin, "")
	}
	name := at.root + "/at_failure.sh"
	return append(scriptFiles(scripts, env, at, origin, ". "+shellQuote(name)), sandbox.File{Path: name, Data: fmt.Sprintf(atFailure, shellQuote(at.root))})
}

// atFailure opens a shell that has what the failing line had: its folder, its variables, also those that
// are not exported, and its functions. Standard input was kept aside, so that no command of the script
// reads what is typed for the shell.
const atFailure = `trap - ERR
set +eE
forge_state=$(mktemp -d)
{ declare -p; declare -f; alias; } > "$forge_state/state" 2> /dev/null
{
    echo '. "'"$forge_state"'/state" 2> /dev/null'
    printf 'cd %%q\n' "$PWD"
    echo 'PS1="(failed, exit '"$forge_rc"') \w \$ "'
    echo 'echo "forge: this is where it failed: $PWD, exit '"$forge_rc"'; bash -x "%s"/conda_build.sh runs all again" >&2'
} > "$forge_state/rc"
bash --rcfile "$forge_state/rc" -i <&9
rm -r "$forge_state"
exit "$forge_rc"
`

// dependencies builds what target needs.
func (r *run) dependencies(ctx context.Context, g *Graph, target *Action) error {
	outcomes, err := r.all(ctx, g.before(target))
	if err == nil {
		return nil
	}
	for _, o := range outcomes {
		if o.Status == StatusFailed {
			return fmt.Errorf("%s, which it needs: %w", o.Action.Output.Name, o.Err)
		}
	}
	return err
}

// before is the part of the graph that target needs, without target.
func (g *Graph) before(target *Action) *Graph {
	keep := needed(target.Needed())
	delete(keep, target)
	part := &Graph{}
	for _, a := range g.Actions {
		if keep[a] {
			part.Actions = append(part.Actions, a)
		}
	}
	return part
}

// onFailure is what a failing line of a script does after it was written to the log.
func onFailure(then string) string {
	if then == "" {
		return ""
	}
	return "; " + strings.ReplaceAll(then, "'", `'\''`)
}
