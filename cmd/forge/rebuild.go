package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"forge/engine"
	"forge/internal/diag"
	"forge/internal/fsx"
	"forge/packages"
	"forge/packages/conda"
	"forge/provenance"
	"forge/store"
	"forge/trust"
)

// rebuildFlags are those of forge rebuild alone.
type rebuildFlags struct {
	build                      buildFlags
	file, attest, keep, recipe string
	vary, keys                 []string
	times                      int
	asJSON, otherInputs        bool
}

func rebuildCommand(a *app) *cobra.Command {
	var f rebuildFlags
	c := &cobra.Command{
		Use:   "rebuild [FILE]",
		Short: "Build a package again from its own record, and compare",
		Long: `Builds a package again from what its signed statement and info/recipe say, with the very
packages and sources named there by digest, and compares bit for bit.

The statement's key covers all that went into the build. The rebuild's key is held to it, so
that a verdict is about the build and not about other inputs; what is lacking is an error that
names it. Differences are shown by member, section and line, with what let them in (timestamp,
path, order, locale, CPU, randomness, user, hostname) and what to change in the recipe.

--vary makes the rebuild differ on purpose: path, uid, hostname, locale, jobs, timezone, clock (400
days on, with libfaketime), order (folders listed in another order, on a file system in memory),
kernel (its release), or all. PREFIX stays: packages hold it, and installing replaces it.

Exit code: 0 identical, 1 different or not to be rebuilt, 2 used wrongly.`,
		Example: `  forge rebuild output/linux-64/zlib-*.conda
  forge rebuild -p zlib.conda --times 2 --vary all --json
  forge rebuild zlib.conda --attest zlib.rebuild.intoto.jsonl`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				f.file = args[0]
			}
			if f.file == "" {
				return usageError{errors.New("want a package file")}
			}
			return a.rebuild(cmd.Context(), &f)
		},
	}
	c.Flags().StringVarP(&f.file, "package-file", "p", "", "package to rebuild (also as a plain argument)")
	f.times = 1
	c.Flags().Var(number(&f.times, 1), "times", "build it so many times")
	c.Flags().StringSliceVar(&f.vary, "vary", nil, "what to vary on purpose: path,uid,hostname,locale,jobs,timezone,clock,order,kernel or all")
	c.Flags().StringVar(&f.attest, "attest", "", "write a signed rebuild attestation to this file")
	c.Flags().StringVar(&f.keep, "keep", "", "keep the rebuilt packages in this folder")
	c.Flags().StringVar(&f.recipe, "from-recipe", "", "folder of the recipe, where the package does not carry it; its digest must be the recorded one")
	c.Flags().StringArrayVar(&f.keys, "key", nil, "trust the public keys in this file and no others; may be repeated")
	c.Flags().BoolVar(&f.otherInputs, "other-inputs", false, "go on where this machine has other inputs than the recorded ones")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print one JSON document")
	c.Flags().StringVar(&f.build.test, "test", "", "for scripts that give it: equal bytes pass the tests that the first ones passed")
	c.Flags().Lookup("test").Hidden = true
	f.build.registerChannels(c.Flags())
	f.build.registerTrust(c.Flags())
	f.build.peer.registerWiden(c.Flags())
	return c
}

func (a *app) rebuild(ctx context.Context, f *rebuildFlags) error {
	vary, err := engine.ParseVariations(f.vary)
	if err != nil {
		return usageError{fmt.Errorf("--vary: %w", err)}
	}
	file, err := packageFile(f.file)
	if err != nil {
		return err
	}
	statement, err := a.recordOf(ctx, file, f.keys)
	if err != nil {
		return err
	}
	req, err := a.packageRequest(&f.build, file)
	if err != nil {
		return err
	}
	req.Experimental = true // the record's builder accepted what its recipe asks for
	tools, _, err := a.tools(ctx, req)
	if err != nil {
		return err
	}
	ask := engine.RebuildAsk{File: file, Statement: statement, Times: f.times, Vary: vary, Formats: formatOfPacker, OtherInputs: f.otherInputs}
	if f.recipe != "" {
		if ask.Recipe, err = filepath.Abs(f.recipe); err != nil {
			return err
		}
	}
	p := a.newProgress(1)
	report, err := engine.Rebuild(ctx, req, tools, ask, p.event)
	p.close()
	if err != nil {
		return err
	}
	if err := a.keepRebuilt(tools.Store, report, f.keep); err != nil {
		return err
	}
	if f.attest != "" {
		if err := a.attestRebuild(ctx, report, statement, f.attest); err != nil {
			return err
		}
	}
	if f.asJSON {
		err = a.printJSON(report)
	} else {
		a.printRebuild(report)
	}
	if err == nil && report.Verdict != engine.VerdictIdentical {
		return exitError{exitFailed}
	}
	return err
}

// recordOf is what the signed statement beside a package says; it counts only if a trusted key signed it.
func (a *app) recordOf(ctx context.Context, file string, keyFiles []string) (provenance.Build, error) {
	keys, err := a.trustedKeys(keyFiles)
	if err != nil {
		return provenance.Build{}, err
	}
	v := trust.VerifyArtifact(ctx, file, keys, time.Now())
	switch {
	case !v.Good:
		return provenance.Build{}, fmt.Errorf("%s: its record cannot be used: %s (a rebuild goes by the signed statement beside the package)", filepath.Base(file), v.Reason)
	case !v.Signed:
		return provenance.Build{}, fmt.Errorf("%s: no trusted key signed its statement: --key FILE names the builder's", filepath.Base(file))
	}
	return provenance.Parse(v.Statement)
}

// formatOfPacker is the format that a statement names: "conda klauspost/compress/zstd@… level".
func formatOfPacker(packer string) (packages.Format, error) {
	for _, kind := range []string{conda.V2, conda.V1} {
		for level := -7; level <= 22; level++ {
			f, err := conda.New(kind, level)
			if err == nil && f.Name()+" "+f.Compressor() == packer {
				return f, nil
			}
		}
	}
	return nil, &engine.LackError{What: []string{fmt.Sprintf("the packer %q, which this version of forge does not have", packer)}}
}

func (a *app) keepRebuilt(st *store.Store, report *engine.RebuildReport, dir string) error {
	if dir == "" {
		return nil
	}
	for i, attempt := range report.Attempts {
		to := filepath.Join(dir, fmt.Sprint(i+1))
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		data, err := os.ReadFile(st.Path(attempt.Archive, false))
		if err != nil {
			return err
		}
		if err := fsx.WriteFile(filepath.Join(to, report.Package), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// attestRebuild signs what was seen.
func (a *app) attestRebuild(ctx context.Context, r *engine.RebuildReport, b provenance.Build, file string) error {
	text, err := provenance.RebuildStatement(provenance.Rebuild{FileName: r.Package, SHA256: r.SHA256, Verdict: r.Verdict,
		RecordedKey: b.Key, Key: r.Key, Attempts: r.Attempts, Differences: r.Differences, Notes: r.Notes,
		BuilderID: "forge", BuilderVersion: version})
	if err != nil {
		return err
	}
	return a.writeEnvelope(ctx, text, file)
}

// writeEnvelope signs a statement and writes it as a line of its own.
func (a *app) writeEnvelope(ctx context.Context, statement []byte, file string) error {
	keys, err := a.signingKeys()
	if err != nil {
		return err
	}
	envelope, err := keys.SignStatement(ctx, trust.PayloadInToto, statement)
	if err != nil {
		return err
	}
	line, err := json.Marshal(envelope)
	if err != nil {
		return err
	}
	return writeNamed(file, append(line, '\n'))
}

func (a *app) printRebuild(r *engine.RebuildReport) {
	paint := a.painter(a.stdout)
	role := "built"
	if r.Verdict != engine.VerdictIdentical {
		role = "failed"
	}
	inputs := "from the recorded inputs"
	if !r.SameInputs {
		inputs = "from other inputs than the recorded ones"
	}
	fmt.Fprintf(a.stdout, "%s: %s, %s\n", diag.Printable(r.Package), paint(role, r.Verdict), inputs)
	for _, n := range r.Notes {
		fmt.Fprintf(a.stdout, "  not as recorded: %s\n", diag.Printable(n))
	}
	for _, why := range r.NotVaried {
		fmt.Fprintf(a.stdout, "  not varied: %s\n", diag.Printable(why))
	}
	for _, t := range r.Attempts {
		note := ""
		if len(t.Varied) > 0 {
			note = ", varied " + strings.Join(t.Varied, " ")
		}
		fmt.Fprintf(a.stdout, "  rebuilt  %s  %.1f s%s\n", t.Archive.Short(), t.Seconds, note)
	}
	var fixes []string
	for _, d := range r.Differences {
		place := d.Path
		if d.Where != "" {
			place += ": " + d.Where
		}
		fmt.Fprintf(a.stdout, "  %-10s %s\n      - %s\n      + %s\n      %s\n", paint("warning", d.Class), diag.Printable(place), diag.Printable(d.A), diag.Printable(d.B), diag.Printable(d.Why))
		if fix := d.Class + ": " + d.Fix; !slices.Contains(fixes, fix) {
			fixes = append(fixes, fix)
		}
	}
	for _, fix := range fixes {
		fmt.Fprintf(a.stdout, "  fix %s\n", fix)
	}
}
