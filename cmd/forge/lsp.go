package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"forge/lsp"
)

func lspCommand(a *app) *cobra.Command {
	var f readFlags
	c := &cobra.Command{
		Use:   "lsp",
		Short: "Serve recipes to an editor (Language Server Protocol, on standard input and output)",
		Long: `Lsp is a language server for meta.yaml, recipe.yaml and recipe.hcl: what lint says while you type, completion,
the value of an expression in each variant, go to definition, rename, formatting, and lint's fixes.
Editors start it themselves; see docs/editors.md.`,
		Example: "  vim.lsp.start({ name = 'forge', cmd = { 'forge', 'lsp' } })      in Neovim's configuration\n  forge lsp < session.jsonrpc                                      by hand",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts, err := f.options()
			if err != nil {
				return err
			}
			return lsp.Serve(cmd.Context(), a.stdin, a.stdout, lsp.Options{Version: version, Render: opts, Packages: neighbours, Log: a.stderr})
		},
	}
	f.register(c.Flags())
	c.Flags().Bool("stdio", true, "accepted for editors that pass it")
	return c
}

// neighbours are the recipes beside one, by the names of their folders.
func neighbours(dir string) (names []string) {
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && filepath.Join(filepath.Dir(dir), e.Name()) != dir {
			names = append(names, e.Name())
		}
	}
	return names
}
