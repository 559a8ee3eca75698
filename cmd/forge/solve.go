package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"forge/channels"
	"forge/internal/fsx"
	"forge/packages"
	"forge/platforms"
	"forge/resolver"
	"forge/sources"
)

// solveFlags are the arguments of solve.
type solveFlags struct {
	channels     []string
	platform     string
	virtual      []string
	priority     string
	excludeNewer string
	requests     string
	save, replay string
	asJSON       bool
	offline      bool
	repodata     string
	jobs         int
	timeout      time.Duration
}

func solveCommand(a *app) *cobra.Command {
	var f solveFlags
	c := &cobra.Command{
		Use:   "solve SPEC...",
		Short: "Pick the packages of an environment, or say why there is none",
		Example: `  forge solve -c ./output "sqlite >=3.40"
  forge solve -c CHANNEL --platform win-64 --virtual-package __win=10 python numpy
  forge solve -c CHANNEL --requests requests.txt > answers.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && f.requests == "" && f.replay == "" {
				return usageError{errors.New("nothing to solve: give match specs, --requests FILE or --replay FILE")}
			}
			if f.timeout <= 0 {
				return usageError{fmt.Errorf("--timeout %v: want a time above 0, such as 30s", f.timeout)}
			}
			return a.solve(cmd.Context(), &f, args)
		},
	}
	flags := c.Flags()
	flags.StringArrayVarP(&f.channels, "channel", "c", nil, "channel: a folder or URL; the first has the highest priority (default: output)")
	flags.StringVar(&f.platform, "platform", "", "platform to solve for, such as win-64 (default: this machine's)")
	flags.StringVar(&f.platform, "target-platform", "", "the same, by the name that render, plan and build have for it")
	flags.StringArrayVar(&f.virtual, "virtual-package", nil, "NAME=VERSION[=BUILD] the machine has; given once, they replace those of this machine")
	flags.StringVar(&f.priority, "channel-priority", "strict", "strict, flexible or disabled")
	flags.StringVar(&f.excludeNewer, "exclude-newer", "", "leave out packages made after this date (2026-01-31 or RFC 3339)")
	flags.StringVar(&f.requests, "requests", "", "file of requests, one a line with specs separated by ';' ('-' for standard input); prints one JSON line each")
	flags.StringVar(&f.save, "save", "", "write the problem with all records it needed to this file")
	flags.StringVar(&f.replay, "replay", "", "solve a saved problem instead")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	flags.BoolVar(&f.offline, "offline", false, "use what the cache holds of remote channels")
	flags.StringVar(&f.repodata, "repodata-fn", "", "file to read of each subdir, current_repodata.json for one; repodata.json where it is missing")
	f.jobs = 1
	flags.VarP(number(&f.jobs, 1), "jobs", "j", "requests solved at once; answers keep their order, each with its own cpu_s")
	flags.DurationVar(&f.timeout, "timeout", 2*time.Minute, "give up a request after this time")
	return c
}

// solveAnswer is one line of --requests and what --json prints.
type solveAnswer struct {
	Request     string         `json:"request"`
	Verdict     string         `json:"verdict"` // sat or unsat; error where --requests could not tell
	Records     []solvedRecord `json:"records"`
	Explanation string         `json:"explanation,omitempty"`
	CPU         float64        `json:"cpu_s"`
	Warnings    []string       `json:"warnings,omitempty"`

	chosen []*packages.Record
}

// solvedRecord is a record as the answer names it.
type solvedRecord struct {
	Name        string `json:"name"`
	Version     string `json:"version"`
	Build       string `json:"build"`
	BuildNumber int    `json:"build_number"`
	Subdir      string `json:"subdir"`
	Channel     string `json:"channel"`
	FileName    string `json:"fn,omitempty"`
	URL         string `json:"url,omitempty"`
	SHA256      string `json:"sha256,omitempty"`
	MD5         string `json:"md5,omitempty"`
}

func (a *app) solve(ctx context.Context, f *solveFlags, specs []string) error {
	provider, problem, err := a.solveProblem(ctx, f, specs)
	if err != nil {
		return err
	}
	if c, ok := provider.(io.Closer); ok {
		defer c.Close()
	}
	if f.requests != "" {
		return a.solveRequests(ctx, f, provider, problem)
	}
	recording := &resolver.Recording{Provider: provider}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	before := cpuTime()
	answer, err := answerOf(ctx, recording, problem)
	if err != nil {
		return err
	}
	answer.CPU = (cpuTime() - before).Seconds()
	if f.save != "" {
		data, err := recording.Save(problem)
		if err == nil {
			err = writeNamed(f.save, data)
		}
		if err != nil {
			return fmt.Errorf("save the problem: %w", err)
		}
	}
	confused, err := confusedNames(provider, problem, answer.chosen)
	if err != nil {
		return err
	}
	answer.Warnings = append(resolver.Lookalikes(answer.chosen, provider.Names()), confused...)
	if len(provider.Names()) == 0 {
		answer.Warnings = append(answer.Warnings, "there is no package in "+strings.Join(problem.Channels, ", ")+"; -c names other channels")
	}
	for _, w := range answer.Warnings {
		a.say("warning", w)
	}
	if err := a.printAnswer(f, answer); err != nil {
		return err
	}
	if answer.Verdict == "unsat" {
		return exitError{exitFailed}
	}
	return nil
}

// confusedNames warns of names that several channels have where channel priority does not say which is
// meant: anyone who can put a newer version into one of them decides (dependency confusion).
func confusedNames(provider resolver.Provider, problem resolver.Problem, chosen []*packages.Record) (out []string, err error) {
	if problem.Priority == resolver.Strict {
		return nil, nil
	}
	pinned := map[string]bool{}
	for _, s := range problem.Specs {
		if m, err := packages.ParseMatchSpec(s); err == nil && (m.Channel != "" || m.URL != "") {
			pinned[m.Name] = true
		}
	}
	for _, r := range chosen {
		all, err := provider.Candidates(r.Name)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(o *packages.Record) bool { return o.Channel != r.Channel })
		if i >= 0 && !pinned[r.Name] {
			out = append(out, fmt.Sprintf("%s is taken from %s, and %s has the name as well; strict channel priority or CHANNEL::%s says which is meant",
				r.Name, r.Channel, all[i].Channel, r.Name))
		}
	}
	return out, nil
}

func (a *app) printAnswer(f *solveFlags, answer *solveAnswer) error {
	if f.asJSON {
		return a.printJSON(answer)
	}
	if answer.Verdict == "unsat" {
		a.printError(errors.New(answer.Explanation))
		return nil
	}
	t := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	for _, r := range answer.Records {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.Name, r.Version, r.Build, r.Channel+"/"+r.Subdir)
	}
	return t.Flush()
}

// answerOf solves; an error is no verdict.
func answerOf(ctx context.Context, provider resolver.Provider, problem resolver.Problem) (*solveAnswer, error) {
	answer := &solveAnswer{Request: strings.Join(problem.Specs, ";"), Verdict: "sat", Records: []solvedRecord{}}
	solution, err := resolver.New().Solve(ctx, provider, problem)
	var conflict *resolver.Conflict
	switch {
	case errors.As(err, &conflict):
		answer.Verdict, answer.Explanation = "unsat", conflict.Error()
	case err != nil:
		return nil, err
	default:
		answer.chosen = solution.Records
		for _, r := range solution.Records {
			answer.Records = append(answer.Records, solvedRecord{r.Name, r.Version, r.Build, r.BuildNumber, r.Subdir, r.Channel,
				r.FileName, r.URL, r.SHA256, r.MD5})
		}
	}
	return answer, nil
}

func splitSpecs(line string) []string {
	var out []string
	for s := range strings.SplitSeq(line, ";") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// mostReplay is the longest recorded problem that is read; it may hold a whole channel.
const mostReplay = 1 << 30

// solveProblem reads the flags and opens the channels.
func (a *app) solveProblem(ctx context.Context, f *solveFlags, specs []string) (resolver.Provider, resolver.Problem, error) {
	if f.replay != "" {
		data, err := fsx.ReadUpTo(f.replay, mostReplay)
		if err != nil {
			return nil, resolver.Problem{}, err
		}
		provider, problem, err := resolver.Replay(data)
		return provider, problem, err
	}
	problem := resolver.Problem{Specs: specs}
	for i, s := range specs {
		if _, err := packages.ParseMatchSpec(s); err != nil {
			if i > 0 && s != "" && strings.Contains("<>=!~", s[:1]) { // the shell took a spec apart
				err = fmt.Errorf("%w; in a shell a spec with a blank is written in quotes: %q", err, specs[i-1]+" "+s)
			}
			return nil, problem, usageError{err}
		}
	}
	platform, err := a.solveWords(f, &problem)
	if err != nil {
		return nil, problem, err
	}
	cache, err := a.cacheDir()
	if err != nil {
		return nil, problem, err
	}
	names := f.channels
	if len(names) == 0 {
		names = []string{"./output"}
	}
	loader := &channels.Loader{CacheDir: filepath.Join(cache, "channels"), Now: time.Now, Offline: f.offline, File: f.repodata,
		Client: sources.NewClient(os.Environ(), a.config.routes(nil))}
	var parts []*channels.Repodata
	for _, name := range names {
		name, err := a.channelURL(".", name)
		if err != nil {
			return nil, problem, err
		}
		opened, err := loader.Open(ctx, name, subdirsOf(platform))
		if err != nil {
			return nil, problem, err
		}
		parts = append(parts, opened...)
		problem.Channels = append(problem.Channels, opened[0].Channel)
	}
	return channels.NewProvider(parts...), problem, nil
}

func subdirsOf(p platforms.Platform) []string {
	if p.IsNoArch() {
		return []string{channels.NoArch}
	}
	return []string{p.String(), channels.NoArch}
}

// solveWords reads platform, virtual packages, priority and date.
func (a *app) solveWords(f *solveFlags, problem *resolver.Problem) (platforms.Platform, error) {
	platform := platforms.Host()
	if f.platform != "" {
		p, err := parsePlatform("--platform", f.platform)
		if err != nil {
			return platform, err
		}
		platform = p
	}
	var err error
	if problem.Priority, err = parsePriority(f.priority); err != nil {
		return platform, err
	}
	if f.excludeNewer != "" {
		t, err := parseDate(f.excludeNewer)
		if err != nil {
			return platform, usageError{err}
		}
		problem.ExcludeNewer = t.UnixMilli()
	}
	problem.Virtual = a.virtualOf(platform)
	if len(f.virtual) > 0 {
		problem.Virtual = nil
	}
	for _, text := range f.virtual {
		v, err := parseVirtual(text)
		if err != nil {
			return platform, usageError{err}
		}
		problem.Virtual = append(problem.Virtual, v)
	}
	return platform, nil
}

// parseVirtual reads NAME=VERSION[=BUILD].
func parseVirtual(text string) (platforms.VirtualPackage, error) {
	name, rest, _ := strings.Cut(text, "=")
	version, build, _ := strings.Cut(rest, "=")
	if version == "" {
		version = "0"
	}
	if build == "" {
		build = "0"
	}
	if _, err := packages.ParseVersion(version); err != nil || !strings.HasPrefix(name, "__") || !packages.ValidName(name) {
		return platforms.VirtualPackage{}, fmt.Errorf("--virtual-package %q: want NAME=VERSION[=BUILD] with a name such as __glibc", text)
	}
	return platforms.VirtualPackage{Name: name, Version: version, Build: build}, nil
}

// virtualOf lists this machine's virtual packages, or for another platform the oldest that is in use.
func (a *app) virtualOf(p platforms.Platform) []platforms.VirtualPackage {
	if p == platforms.Host() {
		return platforms.DetectVirtual(a.lookupEnv)
	}
	return platforms.Override(platforms.AssumedVirtual(p), a.lookupEnv)
}
