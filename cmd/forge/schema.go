package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"forge/recipes"
)

func schemaCommand(a *app) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "schema [recipe.yaml|meta.yaml|variants.yaml|recipe.hcl|forge.hcl]",
		Short: "Print the JSON Schema of a kind of file, for editors",
		Long: `Schema prints the JSON Schema (draft 2020-12) of a kind of file. It is made by asking the reader, so it says
what this Forge reads. That of an HCL file describes HCL's JSON form.`,
		Example:   "  forge schema recipe.yaml > recipe.schema.json\n  # then, on the first line of a recipe:\n  # yaml-language-server: $schema=recipe.schema.json",
		ValidArgs: recipes.SchemaKinds(),
		Args:      cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			kind := "recipe.yaml"
			if len(args) == 1 {
				kind = filepath.Base(args[0])
			}
			data, err := recipes.Schema(kind)
			if err != nil {
				return usageError{err}
			}
			if output != "" {
				if err := writeNamed(output, append(data, '\n')); err != nil {
					return fmt.Errorf("write the schema: %w", err)
				}
				return nil
			}
			_, err = fmt.Fprintf(a.stdout, "%s\n", data)
			return err
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "", "file to write")
	return c
}
