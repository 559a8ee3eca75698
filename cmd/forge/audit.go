package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
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
				return usageError{fmt.Errorf("no attack is called %s; --list names all, their groups are %s", strings.Join(args, " or "), strings.Join(groups(), " "))}
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

func groupOf(at sandbox.Attack) string {
	group, _, _ := strings.Cut(at.Name, "/")
	return group
}

func groups() (names []string) {
	for _, at := range sandbox.Attacks() {
		if g := groupOf(at); !slices.Contains(names, g) {
			names = append(names, g)
		}
	}
	return names
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
	var all, group tally
	if !asJSON && len(attacks) > 20 {
		fmt.Fprintf(a.stderr, "forge: trying %s, each in the sandbox and without; all of them take a minute or two\n", counted(len(attacks), "attack"))
	}
	err = sandbox.Audit(ctx, time.Now, dir, attacks, func(f sandbox.Finding) {
		findings = append(findings, f)
		all.add(f)
		group.add(f)
		if asJSON {
			return
		}
		a.printFinding(f)
		if last := len(findings) == len(attacks) || groupOf(attacks[len(findings)]) != groupOf(f.Attack); last {
			if !a.global.quiet {
				fmt.Fprintf(a.stdout, "%-12s %s\n", groupOf(f.Attack), group)
			}
			group = tally{}
		}
	})
	if err != nil {
		return err
	}
	if asJSON {
		if err := a.printJSON(map[string]any{"findings": findings, "tried": all.tried, "held": all.held, "proven": all.proven}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.stdout, "%s, %d held, %d of them with the same attack working outside\n", counted(all.tried, "attack"), all.held, all.proven)
		if all.held > all.proven && a.global.verbose == 0 && !a.global.quiet {
			fmt.Fprintf(a.stdout, "%d do not work outside on this machine either, or only root could try (-v says why): that they were held proves nothing\n", all.held-all.proven)
		}
	}
	if all.held < all.tried {
		return exitError{exitFailed}
	}
	return nil
}

// tally counts findings.
type tally struct{ tried, held, proven int }

func (t *tally) add(f sandbox.Finding) {
	t.tried++
	if f.Held {
		t.held++
	}
	if f.Held && f.Works {
		t.proven++
	}
}

func (t tally) String() string {
	text := fmt.Sprintf("%d of %d held", t.held, t.tried)
	if t.proven < t.held {
		text += fmt.Sprintf(", %d unproven", t.held-t.proven)
	}
	if t.held < t.tried {
		text += fmt.Sprintf(", %d BROKE OUT", t.tried-t.held)
	}
	return text
}

func (a *app) printFinding(f sandbox.Finding) {
	switch {
	case !f.Held:
		fmt.Fprintf(a.stdout, "BROKE     %-30s %s\n          %s\n", f.Attack.Name, diag.Printable(f.Inside), f.Attack.Script)
	case a.global.verbose == 0:
	case !f.Works:
		fmt.Fprintf(a.stdout, "held      %-30s unproven: %s\n", f.Attack.Name, diag.Printable(f.Control))
	default:
		fmt.Fprintf(a.stdout, "held      %-30s %s\n", f.Attack.Name, diag.Printable(f.Inside))
	}
}

func jsonLine(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(diag.JSON(b))
}
