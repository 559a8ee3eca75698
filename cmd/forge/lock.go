package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"forge/engine"
	"forge/internal/fsx"
)

// lockFlags say what of an old lock is kept.
type lockFlags struct {
	buildFlags
	check, all, prune bool
	json              bool
	update            []string
}

func lockCommand(a *app) *cobra.Command {
	var f lockFlags
	c := &cobra.Command{
		Use:   "lock [RECIPE]...",
		Short: "Write the solved environments to forge.lock",
		Long: `Lock solves the environments and writes them to forge.lock beside forge.hcl: packages of
channels by address and SHA-256, outputs of the run by name, version and build.

What forge.lock holds is kept, by lock, plan and build, as long as it fits and the channel has
it; --update PKG and --update-all solve anew. Sections of packages that are not part of this run
are kept unless --prune is given. forge build --locked fails where the lock does not fit.

--json prints {"lock_file", "status", "outputs"}: where the lock is, "written", "unchanged" or, with --check,
"outdated", and the outputs of this run whose environments it holds.`,
		Example: `  forge lock ./recipes/...
  forge lock --update zlib ./recipes/...
  forge lock --check ./recipes/...`,
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := a.request(&f.buildFlags, args)
			if err != nil {
				return err
			}
			f.check, req.Locked = f.check || req.Locked, false
			return a.lock(cmd.Context(), req, &f)
		},
	}
	f.register(c.Flags())
	c.Flags().BoolVar(&f.check, "check", false, "write nothing; fail if forge.lock is out of date")
	c.Flags().StringArrayVar(&f.update, "update", nil, "solve anew for this package of a channel")
	c.Flags().BoolVar(&f.all, "update-all", false, "solve anew for all")
	c.Flags().BoolVar(&f.json, "json", false, "print one JSON document")
	c.Flags().BoolVar(&f.prune, "prune", false, "drop what is not part of this run")
	return c
}

func (a *app) lock(ctx context.Context, req *engine.Request, f *lockFlags) error {
	tools, _, err := a.tools(ctx, req)
	if err != nil {
		return err
	}
	old, before := tools.Lock, ""
	if old != nil {
		before = old.String()
		if tools.Lock, err = old.Without(f.update); err != nil {
			return err
		}
	} else if len(f.update) > 0 {
		return errors.New("--update: there is no forge.lock yet; run forge lock")
	}
	if f.all {
		tools.Lock = nil
	}
	graph, renderErr, err := a.graph(ctx, req, tools)
	if err != nil {
		return err
	}
	lock := engine.NewLock(graph, filepath.Dir(req.LockFile))
	if old != nil && !f.prune {
		lock.Merge(old)
	}
	text, file, status := lock.String(), relativeTo(req.WorkDir, req.LockFile), "unchanged"
	said := "forge.lock is up to date"
	switch {
	case before == text:
	case f.check:
		status, renderErr = "outdated", errors.Join(errors.New("forge.lock is out of date; run forge lock"), renderErr)
	default:
		if err := fsx.WriteFile(req.LockFile, []byte(text), 0o644); err != nil {
			return err
		}
		status, said = "written", fmt.Sprintf("wrote %s: the environments of %s", file, counted(len(graph.Actions), "output"))
	}
	switch {
	case f.json:
		err = a.printJSON(map[string]any{"lock_file": filepath.ToSlash(file), "status": status, "outputs": actionNames(graph)})
	case status != "outdated":
		fmt.Fprintln(a.stdout, said)
	}
	return errors.Join(err, renderErr)
}

// actionNames are the outputs of a graph, in its order.
func actionNames(g *engine.Graph) []string {
	names := []string{}
	for _, action := range g.Actions {
		names = append(names, action.Output.String())
	}
	return names
}

// mostLock is the longest forge.lock that is read: a line has some 150 bytes.
const mostLock = 256 << 20

// readLock reads the workspace's forge.lock; nil where there is none.
func readLock(path string) (*engine.Lock, error) {
	data, err := fsx.ReadRegular(path, mostLock)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return engine.ParseLock(path, data)
}
