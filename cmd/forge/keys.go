package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"forge/internal/diag"
	"forge/trust"
)

// keysCommand shows and exports the signing keys.
func keysCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "keys",
		Short: "Show and export the signing keys",
		Long: `Every package is signed with two keys of yours: an Ed25519 key signs the statement of
its provenance, an OpenPGP key its bytes. The first build makes them, in the folder that
FORGE_KEYS names or in your configuration folder. Only the public halves are ever printed.`,
	}
	c.AddCommand(keysListCommand(a), keysExportCommand(a), keysCreateCommand(a))
	return c
}

func keysListCommand(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the keys that verify trusts",
		Example: "  forge keys list",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			set, err := a.trustedKeys(nil)
			if err != nil {
				return err
			}
			return a.printKeys(set.Keys(), asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

func (a *app) printKeys(keys []trust.PublicKey, asJSON bool) error {
	if asJSON {
		if keys == nil {
			keys = []trust.PublicKey{}
		}
		return a.printJSON(map[string]any{"keys": keys})
	}
	for _, k := range keys {
		scope := ""
		if k.Scope != "" {
			scope = " for " + k.Scope + " only"
		}
		fmt.Fprintf(a.stdout, "%-8s %s  %s%s\n", k.Kind, k.ID, diag.Printable(k.Origin), diag.Printable(scope))
	}
	if len(keys) == 0 && !a.global.quiet {
		fmt.Fprintln(a.stderr, "forge: there is no key yet: the first build makes one, or run 'forge keys create'")
	}
	return nil
}

func keysExportCommand(a *app) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "export",
		Short: "Print the public half of a signing key",
		Long: `Print the public half of a signing key: pem for the key that signs statements (openssl
and 'forge verify --key' read it), openpgp for the one that signs packages (gpg, sqv and
'forge verify --key' read it).`,
		Example: `  forge keys export --format pem > me.pem
  forge keys export --format openpgp | gpg --import`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			export, known := map[string]func(*trust.Keys) ([]byte, error){
				"pem": (*trust.Keys).ExportPEM, "openpgp": (*trust.Keys).ExportOpenPGP,
			}[format]
			if !known {
				return usageError{fmt.Errorf("--format %q is not known: want pem or openpgp", format)}
			}
			keys, err := a.ownKeys()
			if err != nil {
				return err
			}
			data, err := export(keys)
			if err != nil {
				return err
			}
			_, err = a.stdout.Write(data)
			return err
		},
	}
	c.Flags().StringVar(&format, "format", "pem", "pem or openpgp")
	return c
}

func keysCreateCommand(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "create",
		Short:   "Make the signing keys, unless they are there",
		Long:    "Makes the signing keys, unless they are there, and prints their names; --json {\"ed25519\", \"openpgp\"}.",
		Example: "  forge keys create && forge keys export > me.pem",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			keys, err := a.signingKeys()
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(map[string]string{"ed25519": keys.KeyID(), "openpgp": keys.Fingerprint()})
			}
			fmt.Fprintf(a.stdout, "ed25519  %s\nopenpgp  %s\n", keys.KeyID(), keys.Fingerprint())
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

// signingKeys are the user's keys, made now if there are none; that is said once, on stderr.
func (a *app) signingKeys() (*trust.Keys, error) {
	dir, err := trust.DefaultDir(a.getenv)
	if err != nil {
		return nil, err
	}
	keys, created, err := trust.LoadOrCreate(dir, time.Now(), rand.Reader)
	if err != nil {
		return nil, err
	}
	keys.Clock = time.Now
	if created && !a.global.quiet {
		a.say("note", fmt.Sprintf("made a new signing key in %s (OpenPGP %s)\n"+
			"       keep a copy of that folder; 'forge keys export' prints the public half for others", dir, keys.Fingerprint()))
	}
	return keys, nil
}

// ownKeys are the user's keys; it is an error where there are none.
func (a *app) ownKeys() (*trust.Keys, error) {
	dir, err := trust.DefaultDir(a.getenv)
	if err != nil {
		return nil, err
	}
	keys, err := trust.Load(dir, time.Now())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no signing key in %s: the first build makes one, or run 'forge keys create'", dir)
	}
	return keys, err
}

// trustedKeys are the keys that verify goes by: the given files and nothing else, or, where none is given,
// the user's own keys and those in the workspace's keys folder.
func (a *app) trustedKeys(files []string) (*trust.KeySet, error) {
	set := &trust.KeySet{}
	if len(files) > 0 {
		for _, f := range files {
			if err := set.AddFile(f); err != nil {
				return nil, usageError{err}
			}
		}
		return set, nil
	}
	dir, err := trust.DefaultDir(a.getenv)
	if err != nil {
		return nil, err
	}
	keys, err := trust.Load(dir, time.Now())
	switch {
	case err == nil:
		own, err := keys.Public()
		if err != nil {
			return nil, err
		}
		set.Merge(own)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	wd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	ws, err := a.workspace(wd)
	if err != nil {
		return nil, err
	}
	if ws.file != nil {
		for _, k := range ws.file.Keys {
			if err := set.AddScoped(absolute(ws.dir, k.File, ""), k.Packages, k.Fingerprint); err != nil {
				return nil, fmt.Errorf("%s: key %q: %w", k.Pos, k.Name, err)
			}
		}
	}
	return set, set.AddFolder(filepath.Join(ws.dir, "keys"))
}

// printJSON writes one document to stdout.
func (a *app) printJSON(v any) error { return writeJSON(a.stdout, v) }

func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(diag.JSON(b.Bytes()))
	return err
}
