package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"forge/engine"
	"forge/internal/diag"
	"forge/recipes"
	"forge/store"
)

func cacheCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "cache", Short: "Look into the store, collect, check and share it",
		Long: `The store (FORGE_CACHE, ~/.cache/forge) keeps files by content and results by key. All of it
can be made again; any number of forge processes may use it at once.`}
	c.AddCommand(cacheListCommand(a), cacheUsageCommand(a), cacheGCCommand(a), cacheVerifyCommand(a), cacheExportCommand(a), cacheImportCommand(a))
	return c
}

func (a *app) openStore() (*store.Store, error) {
	dir, err := a.cacheDir()
	if err != nil {
		return nil, err
	}
	return a.open(dir)
}

// open opens the store in dir until the verb ends.
func (a *app) open(dir string) (*store.Store, error) {
	st, err := store.Open(dir)
	if err == nil {
		a.stores = append(a.stores, st)
	}
	return st, err
}

// closeStores removes what the process has in tmp. If it cannot, the next run does.
func (a *app) closeStores() {
	for _, st := range a.stores {
		_ = st.Close()
	}
}

// cached is one package in the store.
type cached struct {
	Package string    `json:"package"`
	Subdir  string    `json:"subdir"`
	Size    int64     `json:"size"`
	Used    time.Time `json:"last_used"`
	Key     string    `json:"key"`
	SHA256  string    `json:"sha256"`
	Seconds float64   `json:"build_seconds"`
	Whole   bool      `json:"whole"` // the archive is there
	id      store.ActionID
}

// cachedPackages lists the packages whose results the store has, those that match a pattern.
func cachedPackages(st *store.Store, patterns []string) ([]cached, error) {
	results, err := st.Results()
	if err != nil {
		return nil, err
	}
	list := []cached{}
	for _, r := range results {
		var b engine.Built
		if json.Unmarshal(r.Raw, &b) != nil || b.FileName == "" || b.Archive.IsZero() || b.Key != r.ID.Digest {
			continue
		}
		if !matchesAny(patterns, b.Record.Name, b.FileName) {
			continue
		}
		list = append(list, cached{Package: b.Record.String(), Subdir: b.Record.Subdir, Size: b.Record.Size, Used: r.Used.UTC().Truncate(time.Second),
			Key: b.Key.Hex(), SHA256: b.Archive.Hex(), Seconds: b.Seconds, Whole: st.Has(b.Archive), id: r.ID})
	}
	return list, nil
}

func matchesAny(patterns []string, names ...string) bool {
	for _, p := range patterns {
		for _, n := range names {
			if ok, err := path.Match(p, n); ok && err == nil {
				return true
			}
		}
	}
	return len(patterns) == 0
}

func cacheListCommand(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "ls [NAME]...", Short: "List the packages whose results are in the store, the least recently used first",
		Example: "  forge cache ls\n  forge cache ls 'lib*' --json",
		RunE: func(_ *cobra.Command, args []string) error {
			st, err := a.openStore()
			if err != nil {
				return err
			}
			list, err := cachedPackages(st, args)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(map[string]any{"packages": list})
			}
			t := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
			fmt.Fprintln(t, "PACKAGE\tSUBDIR\tSIZE\tBUILT IN\tLAST USED\tKEY")
			for _, c := range list {
				size := fmt.Sprintf("%.1f kB", float64(c.Size)/1e3)
				if !c.Whole {
					size = "gone"
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%.1f s\t%s\t%.12s\n", diag.Printable(c.Package), diag.Printable(c.Subdir), size, c.Seconds, c.Used.Format("2006-01-02 15:04"), c.Key)
			}
			return t.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

func cacheUsageCommand(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "du", Short: "Say how much disk each part of the store takes", Args: cobra.NoArgs,
		Example: "  forge cache du",
		RunE: func(*cobra.Command, []string) error {
			st, err := a.openStore()
			if err != nil {
				return err
			}
			list, err := st.Usage()
			if err != nil {
				return err
			}
			var total int64
			for _, u := range list {
				total += u.Bytes
			}
			if asJSON {
				return a.printJSON(map[string]any{"root": st.Root(), "parts": list, "bytes": total})
			}
			for _, u := range list {
				fmt.Fprintf(a.stdout, "%10.1f MB %8d files  %s\n", float64(u.Bytes)/1e6, u.Files, u.Part)
			}
			fmt.Fprintf(a.stdout, "%10.1f MB in %s\n", float64(total)/1e6, st.Root())
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

func cacheGCCommand(a *app) *cobra.Command {
	var maxSize, age, keep string
	var dryRun, asJSON bool
	c := &cobra.Command{
		Use: "gc", Short: "Remove what nothing needs, what was long unused, and what is over a size",
		Long: `Removes blobs that nothing needs. With --age, also results, sources and trees that were not used
for so long; with --max-size, the least recently used until no more is left. What a running
forge has used since it started is never removed. Everything can be made again.

forge.hcl can ask for it after every build: cache { max_size = "20GB" }.`,
		Example: "  forge cache gc --age 30d\n  forge cache gc --max-size 20GB --keep-newer 1d\n  forge cache gc --max-size 20GB -n", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			limits, err := storeLimits(maxSize, age)
			if err != nil {
				return usageError{err}
			}
			limits.DryRun = dryRun
			if keep != "" {
				if limits.Keep, err = parseAge(keep); err != nil {
					return usageError{fmt.Errorf("--keep-newer: %w", err)}
				}
			}
			st, err := a.openStore()
			if err != nil {
				return err
			}
			c, err := st.GC(cmd.Context(), limits)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(c)
			}
			did := "removed"
			if dryRun {
				did = "would remove"
			}
			fmt.Fprintf(a.stdout, "%s %s, %s, %s: %.1f MB, %.1f MB left\n", did, counted(c.Results, "result"), counted(c.Trees, "tree"), counted(c.Blobs, "blob"), float64(c.Before-c.After)/1e6, float64(c.After)/1e6)
			if c.InUse > 0 {
				fmt.Fprintf(a.stdout, "kept %d entries that a running forge uses\n", c.InUse)
			}
			return nil
		},
	}
	c.Flags().StringVar(&maxSize, "max-size", "", "most to keep, for example 20GB or 500MiB")
	c.Flags().StringVar(&age, "age", "", "remove what was not used for so long, for example 30d or 12h")
	c.Flags().StringVar(&keep, "keep-newer", "", "keep what was used within so long, whatever --max-size says, for example 1d")
	c.Flags().BoolVarP(&dryRun, "dry-run", "n", false, "remove nothing; say what would be removed")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

// storeLimits reads a size and an age; either may be empty.
func storeLimits(size, age string) (store.Limits, error) {
	limits := store.Limits{MaxSize: -1, Now: time.Now()}
	var err error
	if size != "" {
		if limits.MaxSize, err = engine.ParseSize(size); err != nil {
			return limits, fmt.Errorf("max-size: %w", err)
		}
	}
	if age != "" {
		if limits.MaxAge, err = parseAge(age); err != nil {
			return limits, fmt.Errorf("age: %w", err)
		}
	}
	return limits, nil
}

// trim collects what is over the limits that the workspace sets, after a run that built something.
func (a *app) trim(ctx context.Context, st *store.Store, outcomes []*engine.Outcome) error {
	if a.space.file == nil || a.space.file.Cache == (recipes.StoreLimits{}) {
		return nil
	}
	cache := a.space.file.Cache
	limits, err := storeLimits(cache.MaxSize, cache.MaxAge)
	if err != nil {
		return fmt.Errorf("%s:%d: cache: %w", a.space.file.Path, cache.Pos.Line, err)
	}
	if !slices.ContainsFunc(outcomes, func(o *engine.Outcome) bool { return o.Status == engine.StatusBuilt }) {
		return nil
	}
	c, err := st.GC(ctx, limits)
	if err == nil && c.Results+c.Trees+c.Blobs > 0 && !a.global.quiet {
		a.say("note", fmt.Sprintf("the store is over its limit: removed %.1f MB of what was not used for longest, %.1f MB left", float64(c.Before-c.After)/1e6, float64(c.After)/1e6))
	}
	return err
}

// parseAge reads a duration that may be in days.
func parseAge(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err == nil && n >= 0 && n < 1e5 {
			return time.Duration(n * 24 * float64(time.Hour)), nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q: want an age such as 30d or 12h", s)
	}
	return d, nil
}

func cacheVerifyCommand(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "verify", Short: "Read all of the store and remove what is damaged", Args: cobra.NoArgs,
		Example: "  forge cache verify || echo 'something was damaged and is gone'",
		Long:    "Reads every blob, tree and result and removes what is not what its name says; it is made again\nwhen it is needed.\n\nExit code: 0 all good, 1 something was damaged.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := a.openStore()
			if err != nil {
				return err
			}
			c, err := st.VerifyAll(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				if err := a.printJSON(c); err != nil {
					return err
				}
			} else {
				for _, p := range c.Damaged {
					fmt.Fprintf(a.stderr, "damaged, removed: %s\n", diag.Printable(p))
				}
				fmt.Fprintf(a.stdout, "%d blobs, %d trees, %d results read; %d damaged\n", c.Blobs, c.Trees, c.Results, len(c.Damaged))
			}
			if len(c.Damaged) > 0 {
				return exitError{exitFailed}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

func cacheExportCommand(a *app) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "export [NAME]... -o FILE", Short: "Write the results of packages to a tar",
		Example: "  forge cache export -o cache.tar\n  forge cache export zlib 'lib*' -o - | ssh there forge cache import -",
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usageError{errors.New("want -o FILE (- for standard output)")}
			}
			st, err := a.openStore()
			if err != nil {
				return err
			}
			list, err := cachedPackages(st, args)
			if err != nil {
				return err
			}
			var ids []store.ActionID
			for _, c := range list {
				if c.Whole {
					ids = append(ids, c.id)
				}
			}
			if len(ids) == 0 {
				return errors.New("the store has no such package (forge cache ls)")
			}
			if out == "-" {
				return st.Export(cmd.Context(), ids, a.stdout)
			}
			if err := fillNamed(out, func(w io.Writer) error { return st.Export(cmd.Context(), ids, w) }); err != nil {
				return err
			}
			fmt.Fprintf(a.stderr, "forge: %d %s in %s\n", len(ids), plural("package", len(ids)), out)
			return nil
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "file to write; - for standard output")
	return c
}

func cacheImportCommand(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "import FILE", Short: "Take results from a tar that forge cache export wrote", Args: cobra.ExactArgs(1),
		Example: "  forge cache import results.tar",
		Long: `Takes the results into this store. Every file is held to its digest, but nothing can show that a
result is what its key says: builds here will reuse it, and sign it with your key. Import only
from whom you would let build on this machine. --json prints {"results", "blobs"}, what was taken.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			st, err := a.openStore()
			if err != nil {
				return err
			}
			in := a.stdin
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return usageError{err}
				}
				defer f.Close()
				in = f
			}
			n, err := st.Import(cmd.Context(), in)
			if err != nil {
				return fmt.Errorf("%s: %w; %d results and %d blobs were taken before", args[0], err, n.Results, n.Blobs)
			}
			if asJSON {
				return a.printJSON(map[string]int{"results": n.Results, "blobs": n.Blobs})
			}
			fmt.Fprintf(a.stdout, "%s, %s\n", counted(n.Results, "result"), counted(n.Blobs, "blob"))
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

// sweep removes what killed runs left in the store. It never fails a run.
func (a *app) sweep(ctx context.Context, st *store.Store) {
	if err := st.Sweep(ctx, time.Now()); err != nil && a.global.verbose > 0 {
		a.say("note", fmt.Sprintf("what an earlier run left in the store cannot be removed: %v", err))
	}
}
