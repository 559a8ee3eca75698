package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"forge/internal/diag"
	"forge/sandbox"
)

func auditCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "audit",
		Short: "Try out the promises on this machine",
	}
	c.AddCommand(auditSandboxCommand(a))
	return c
}

func auditSandboxCommand(a *app) *cobra.Command {
	var asJSON, list bool
	c := &cobra.Command{
		Use:   "sandbox [NAME...]",
		Short: "Attack the sandbox of this machine and print what held",
		Long: `Try every attack that is known to us from inside a sandbox of this machine, and once
without one to see that it would work. NAME picks attacks by name or group, such as
setid/chmod or network. Nothing of yours is touched: the attacks go at files, processes and
sockets made for them. Exit code 1 if one got through.`,
		Example: `  forge audit sandbox
  forge audit sandbox -v network pid1
  forge audit sandbox --list`,
		RunE: func(c *cobra.Command, args []string) error {
			attacks := pickAttacks(args)
			if len(attacks) == 0 && len(args) > 0 {
				return usageError{fmt.Errorf("no attack is called %s; --list names them", strings.Join(args, " or "))}
			}
			if list {
				return a.listAttacks(attacks, asJSON)
			}
			return a.auditSandbox(c.Context(), attacks, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	c.Flags().BoolVar(&list, "list", false, "only name the attacks")
	return c
}

func pickAttacks(names []string) []sandbox.Attack {
	all := sandbox.Attacks()
	if len(names) == 0 {
		return all
	}
	var picked []sandbox.Attack
	for _, at := range all {
		for _, n := range names {
			if at.Name == n || strings.HasPrefix(at.Name, strings.TrimSuffix(n, "/")+"/") {
				picked = append(picked, at)
				break
			}
		}
	}
	return picked
}

func (a *app) listAttacks(attacks []sandbox.Attack, asJSON bool) error {
	if asJSON {
		return a.printJSON(map[string]any{"attacks": attacks})
	}
	for _, at := range attacks {
		fmt.Fprintf(a.stdout, "%-30s %s\n", at.Name, at.Script)
	}
	return nil
}

func (a *app) auditSandbox(ctx context.Context, attacks []sandbox.Attack, asJSON bool) error {
	dir, err := os.MkdirTemp("", "forge-audit-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	findings := []sandbox.Finding{}
	held, proven := 0, 0
	err = sandbox.Audit(ctx, time.Now, dir, attacks, func(f sandbox.Finding) {
		findings = append(findings, f)
		if f.Held {
			held++
		}
		if f.Held && f.Works {
			proven++
		}
		if !asJSON {
			a.printFinding(f)
		}
	})
	if err != nil {
		return err
	}
	if asJSON {
		if err := a.printJSON(map[string]any{"findings": findings, "tried": len(findings), "held": held, "proven": proven}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.stdout, "%d attacks, %d held, %d of them with the same attack working outside\n", len(findings), held, proven)
	}
	if held < len(findings) {
		return exitError{exitFailed}
	}
	return nil
}

func (a *app) printFinding(f sandbox.Finding) {
	switch {
	case !f.Held:
		fmt.Fprintf(a.stdout, "BROKE     %-30s %s\n          %s\n", f.Attack.Name, diag.Printable(f.Inside), f.Attack.Script)
	case !f.Works && !a.global.quiet:
		fmt.Fprintf(a.stdout, "held      %-30s unproven: %s\n", f.Attack.Name, diag.Printable(f.Control))
	case a.global.verbose > 0:
		fmt.Fprintf(a.stdout, "held      %-30s %s\n", f.Attack.Name, diag.Printable(f.Inside))
	}
}

func jsonLine(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
