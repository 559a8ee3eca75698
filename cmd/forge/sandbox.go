package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"forge/digest"
	"forge/engine"
	"forge/platforms/toolchain"
	"forge/sandbox"
	"forge/store"
)

// Exit codes of `forge sandbox run` that are not the command's own.
const (
	exitTimeout  = 124
	exitLimit    = 137
	exitNotFound = 127
)

func sandboxCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "sandbox",
		Short: "Run a command in the sandbox of a build",
	}
	c.AddCommand(sandboxRunCommand(a))
	return c
}

// sandboxFlags are the flags of `forge sandbox run`, as they were typed.
type sandboxFlags struct {
	readOnly, writable, externals, env []string
	memory, fileSize, disk             sizeFlag
	processes                          int64
	cpu, timeout, dir, isolation       string
	network, terminal, asJSON          bool
}

func sandboxRunCommand(a *app) *cobra.Command {
	var f sandboxFlags
	c := &cobra.Command{
		Use:   "run [flags] -- COMMAND...",
		Short: "Run a command as a build script would be run",
		Long: `Run a command under the very walls a build script gets: the basic tools as /usr, an empty
folder to work in, a private /tmp, no network, no other file of this machine. What is to be
seen must be named with --ro or --rw. The exit code is the command's; 124 when the time ran
out, 137 when a limit killed it.`,
		Example: `  forge sandbox run -- ls -la /
  forge sandbox run --rw .:/work --dir /work --external make --external gcc_linux-64 -- make
  forge sandbox run --ro /usr --timeout 10 --memory 500MB -- python3 script.py`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.sandboxRun(c.Context(), f, args) },
	}
	flags := c.Flags()
	flags.StringArrayVar(&f.readOnly, "ro", nil, "show SRC[:DST], a file or folder, read-only; may be repeated")
	flags.StringArrayVar(&f.writable, "rw", nil, "show SRC[:DST] writable; may be repeated")
	flags.StringArrayVar(&f.externals, "external", nil, "add a host tool under its conda name (make, gcc_linux-64); may be repeated")
	flags.StringArrayVar(&f.env, "env", nil, "set NAME=VALUE; nothing else of the environment goes in; may be repeated")
	flags.Var(&f.memory, "memory", "most memory, in bytes or as 500MB, of all processes together where a cgroup can be had")
	flags.Int64Var(&f.processes, "processes", 0, "most processes at once")
	flags.StringVar(&f.cpu, "cpu", "", "most CPU time, in seconds or as 1m30s")
	flags.Var(&f.fileSize, "file-size", "most bytes in one file")
	flags.Var(&f.disk, "disk", "most bytes that what is shown with --rw may grow by")
	flags.StringVar(&f.timeout, "timeout", "", "most time by the clock, in seconds or as 1m30s")
	flags.StringVar(&f.dir, "dir", "/forge/work", "folder inside to start in")
	flags.StringVar(&f.isolation, "isolation", "full", "the least isolation that will do: full, landlock (Linux), seatbelt (macOS), appcontainer (Windows) or none")
	flags.BoolVar(&f.network, "network", false, "share this machine's network")
	flags.BoolVarP(&f.terminal, "terminal", "t", false, "hand this terminal to the command, for an interactive shell")
	flags.BoolVar(&f.asJSON, "json", false, "print what happened as one JSON document on stderr, at the end")
	flags.SetInterspersed(false)
	return c
}

func (a *app) sandboxRun(ctx context.Context, f sandboxFlags, args []string) error {
	res, err := a.sandboxTry(ctx, f, args, sandbox.Full)
	var no *sandbox.UnavailableError
	for _, lower := range sandbox.Levels()[1:] {
		accepted := f.isolation == string(sandbox.None) || f.isolation == string(lower)
		if errors.As(err, &no) && accepted {
			fmt.Fprintf(a.stderr, "forge: warning: %v\n", err)
			res, err = a.sandboxTry(ctx, f, args, lower)
		}
	}
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			a.printError(err)
			return exitError{exitNotFound}
		}
		return err
	}
	if f.asJSON {
		fmt.Fprintln(a.stderr, jsonLine(res))
	}
	if res.LimitedWhy != "" {
		fmt.Fprintln(a.stderr, "forge: warning: CPU time was limited for each process, not for all together, and memory was looked at four times a second: "+res.LimitedWhy)
	}
	switch {
	case res.KilledBy == "wall":
		fmt.Fprintf(a.stderr, "forge: stopped: it ran longer than %s (--timeout)\n", res.Limits.Wall)
		return exitError{exitTimeout}
	case res.KilledBy != "":
		fmt.Fprintf(a.stderr, "forge: stopped: it went over its limit (--%s)\n", strings.ReplaceAll(res.KilledBy, "_", "-"))
		return exitError{exitLimit}
	case res.ExitCode != 0:
		return exitError{res.ExitCode}
	}
	return nil
}

// sandboxTry runs args at exactly the given level; what is shown where depends on it.
func (a *app) sandboxTry(ctx context.Context, f sandboxFlags, args []string, level sandbox.Isolation) (sandbox.Result, error) {
	spec, err := f.spec(args, level)
	if err != nil {
		return sandbox.Result{}, usageError{err}
	}
	if level.Places() {
		if err := a.addTools(ctx, &spec, f.externals); err != nil {
			return sandbox.Result{}, err
		}
	}
	spec.Stdout, spec.Stderr, spec.Terminal = raw(a.stdout), a.stderr, f.terminal
	file, isFile := a.stdin.(*os.File)
	if f.terminal || !isFile || !term.IsTerminal(int(file.Fd())) {
		spec.Stdin = a.stdin
	}
	return sandbox.Only(level, time.Now).Run(ctx, spec)
}

// spec reads the flags. Names, ids and folders are those of a build.
func (f sandboxFlags) spec(args []string, level sandbox.Isolation) (sandbox.Spec, error) {
	s := engine.CommandSpec()
	home := s.Dir
	s.Argv, s.Dir, s.Network, s.Level = args, f.dir, f.network, level
	s.Limits = sandbox.Limits{Memory: int64(f.memory), Processes: f.processes, FileSize: int64(f.fileSize), Disk: int64(f.disk)}
	for _, e := range f.env {
		name, _, _ := strings.Cut(e, "=")
		s.Env = slices.DeleteFunc(s.Env, func(old string) bool { return strings.HasPrefix(old, name+"=") })
		s.Env = append(s.Env, e)
	}
	if _, err := sandbox.ParseIsolation(f.isolation); err != nil {
		return s, err
	}
	if f.disk > 0 && len(f.writable) == 0 {
		return s, errors.New("--disk holds what is shown with --rw, and nothing is; what is written elsewhere inside is memory (--memory)")
	}
	var err error
	if s.Limits.CPU, err = seconds("--cpu", f.cpu); err != nil {
		return s, err
	}
	if s.Limits.Wall, err = seconds("--timeout", f.timeout); err != nil {
		return s, err
	}
	if level.Places() {
		s.Mounts = append(s.Mounts, sandbox.Mount{Target: home, Writable: true})
	} else if f.dir == home {
		s.Dir = "/"
	}
	for _, list := range []struct {
		of       []string
		writable bool
	}{{f.readOnly, false}, {f.writable, true}} {
		for _, arg := range list.of {
			m, err := parseMount(arg, list.writable)
			if err != nil {
				return s, err
			}
			s.Mounts = append(s.Mounts, m)
		}
	}
	// What lies inside of another comes after it, or it would be covered.
	slices.SortStableFunc(s.Mounts, func(a, b sandbox.Mount) int {
		return strings.Count(a.Target, "/") - strings.Count(b.Target, "/")
	})
	return s, nil
}

// parseMount reads SRC[:DST]. A path that exists as a whole has no DST.
func parseMount(arg string, writable bool) (sandbox.Mount, error) {
	src, dst := arg, ""
	if _, err := os.Lstat(arg); err != nil {
		if i := strings.LastIndexByte(arg, ':'); i > 0 {
			src, dst = arg[:i], arg[i+1:]
		}
	}
	abs, err := filepath.Abs(src)
	if err != nil {
		return sandbox.Mount{}, err
	}
	if _, err := os.Stat(abs); err != nil {
		return sandbox.Mount{}, fmt.Errorf("show %s in the sandbox: %w", arg, err)
	}
	if dst == "" {
		dst = abs
	}
	if !filepath.IsAbs(dst) {
		return sandbox.Mount{}, fmt.Errorf("show %s in the sandbox: %q, its place inside, is no absolute path", arg, dst)
	}
	return sandbox.Mount{Source: abs, Target: dst, Writable: writable}, nil
}

// seconds reads a number of seconds, or a duration with its unit.
func seconds(flag, s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil && n >= 0 && n < 1e9 {
		return time.Duration(n * float64(time.Second)), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%s %q: want seconds, or a time such as 1m30s", flag, s)
	}
	return d, nil
}

// addTools mounts the basic tools and the externals asked for, each only its own files, unless the
// user shows a /usr.
func (a *app) addTools(ctx context.Context, spec *sandbox.Spec, externals []string) error {
	shown := func(p string) bool {
		return slices.ContainsFunc(spec.Mounts, func(m sandbox.Mount) bool { return m.Target == p })
	}
	spec.Links = slices.DeleteFunc(spec.Links, func(l sandbox.Link) bool { return shown(l.Path) })
	if shown("/usr") {
		if len(externals) > 0 {
			return usageError{errors.New("--external and a /usr of your own exclude each other")}
		}
		return nil
	}
	root, err := a.toolTree(ctx, append([]string{toolchain.Base}, externals...))
	if err != nil {
		return err
	}
	var tools []sandbox.Mount
	for _, top := range []string{"/usr", "/opt"} {
		if _, err := os.Stat(root + top); err == nil && !shown(top) {
			tools = append(tools, sandbox.Mount{Source: root + top, Target: top})
		}
	}
	spec.Mounts = append(tools, spec.Mounts...)
	return nil
}

// toolTree is a folder with the files of the named externals.
func (a *app) toolTree(ctx context.Context, names []string) (string, error) {
	dir, err := a.cacheDir()
	if err != nil {
		return "", err
	}
	st, err := a.open(dir)
	if err != nil {
		return "", err
	}
	finder := toolchain.New(toolchain.Config{Store: st})
	var trees [][]digest.Entry
	for _, name := range names {
		e, err := finder.Find(ctx, name)
		if err == nil && e == nil {
			err = fmt.Errorf("this machine has none (it has: %s)", strings.Join(finder.Names(), " "))
		}
		if err == nil {
			err = finder.Load(ctx, e)
		}
		if err != nil {
			return "", fmt.Errorf("external %q: %w", name, err)
		}
		entries, err := e.Entries()
		if err != nil {
			return "", fmt.Errorf("external %q: %w", name, err)
		}
		trees = append(trees, entries)
	}
	merged, err := store.Merge(trees...)
	if err != nil {
		return "", err
	}
	return st.Materialize(ctx, merged)
}
