package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"forge/engine"
	"forge/internal/diag"
	"forge/packages"
)

func packageCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "package", Short: "Look into a package, or unpack it"}
	c.AddCommand(inspectCommand(a), extractCommand(a))
	return c
}

// inspectFlags say what of a package is printed.
type inspectFlags struct{ paths, about, runExports, linkage, all, json bool }

func inspectCommand(a *app) *cobra.Command {
	var f inspectFlags
	c := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Print what a package says of itself",
		Example: "  forge package inspect output/linux-64/zlib-*.conda --paths\n" +
			"  forge package inspect output/linux-64/zlib-*.conda --linkage   # what its programs and libraries need",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.inspect(cmd.Context(), args[0], f) },
	}
	c.Flags().BoolVar(&f.paths, "paths", false, "list the files")
	c.Flags().BoolVar(&f.about, "about", false, "print about.json")
	c.Flags().BoolVar(&f.runExports, "run-exports", false, "print run_exports")
	c.Flags().BoolVar(&f.all, "all", false, "print all of these")
	c.Flags().BoolVar(&f.linkage, "linkage", false, "read the programs and libraries: what they need, where they look, the CPU level of their code")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return c
}

// inspected is all that inspect prints.
type inspected struct {
	Index      json.RawMessage      `json:"index"`
	About      json.RawMessage      `json:"about,omitempty"`
	RunExports *packages.RunExports `json:"run_exports,omitempty"`
	Paths      json.RawMessage      `json:"paths,omitempty"`
	Content    string               `json:"content"`
	Linkage    []engine.FileLinkage `json:"linkage,omitempty"`
}

func (a *app) inspect(ctx context.Context, path string, f inspectFlags) error {
	pkg, err := openPackage(path)
	if err != nil {
		return err
	}
	defer pkg.Close()
	in, err := readInspected(pkg, f)
	if err == nil && f.linkage {
		in.Linkage, err = readLinkage(ctx, pkg)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if f.json {
		return a.printJSON(in)
	}
	record, err := pkg.Record()
	if err != nil {
		return err
	}
	say := func(name string, values ...string) {
		for i, v := range values {
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(a.stdout, "%-12s %s\n", name, diag.Printable(v))
		}
	}
	say("package", record.Subdir+"/"+record.String())
	say("licence", record.License)
	say("depends", record.Depends...)
	say("constrains", record.Constrains...)
	say("content", in.Content)
	for _, part := range []struct {
		name string
		data any
		show bool
	}{{"about", in.About, in.About != nil}, {"run_exports", in.RunExports, in.RunExports != nil}, {"paths", in.Paths, in.Paths != nil}} {
		if part.show {
			fmt.Fprintf(a.stdout, "%s:\n", part.name)
			if err := a.printJSON(part.data); err != nil {
				return err
			}
		}
	}
	a.sayLinkage(in.Linkage)
	return nil
}

func readInspected(pkg packages.Package, f inspectFlags) (in inspected, err error) {
	if in.Index, err = pkg.Info("index.json"); err != nil {
		return in, err
	}
	content, err := pkg.ContentDigest()
	if err != nil {
		return in, err
	}
	in.Content = content.Hex()
	if f.about || f.all {
		if in.About, err = optional(pkg, "about.json"); err != nil {
			return in, err
		}
	}
	if f.runExports || f.all {
		exports, err := pkg.RunExports()
		if err != nil {
			return in, err
		}
		in.RunExports = &exports
	}
	if f.paths || f.all {
		in.Paths, err = optional(pkg, "paths.json")
	}
	return in, err
}

func optional(pkg packages.Package, name string) ([]byte, error) {
	b, err := pkg.Info(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

func openPackage(path string) (packages.Package, error) {
	formats, err := readFormats()
	if err != nil {
		return nil, err
	}
	return opener(formats)(path)
}

func extractCommand(a *app) *cobra.Command {
	var dest string
	c := &cobra.Command{
		Use:     "extract FILE",
		Short:   "Unpack a package into a folder: its files as they would be installed there, and its info",
		Example: "  forge package extract output/linux-64/zlib-*.conda -d zlib",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.extract(cmd.Context(), args[0], dest) },
	}
	c.Flags().StringVarP(&dest, "dest", "d", "", "folder (default the package's name)")
	return c
}

func (a *app) extract(ctx context.Context, path, dest string) error {
	pkg, err := openPackage(path)
	if err != nil {
		return err
	}
	defer pkg.Close()
	if dest == "" {
		base := filepath.Base(path)
		dest = strings.TrimSuffix(strings.TrimSuffix(base, ".conda"), ".tar.bz2")
	}
	dest, err = filepath.Abs(dest)
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(dest); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty", dest)
	}
	if err := os.MkdirAll(dest, 0o755); err != nil {
		return err
	}
	paths, err := pkg.Unpack(ctx, dest, dest, "", nil)
	if err != nil {
		return err
	}
	infos, err := extractInfo(pkg, dest)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%d %s in %s, %d in its info\n", len(paths), plural("file", len(paths)), dest, infos)
	return nil
}

// extractInfo writes what the package says of itself below info/, and counts the files.
func extractInfo(pkg packages.Package, dest string) (int, error) {
	names, err := pkg.InfoNames()
	if err != nil {
		return 0, err
	}
	root, err := os.OpenRoot(dest) // the names come from the archive
	if err != nil {
		return 0, err
	}
	defer root.Close()
	for _, name := range names {
		data, err := pkg.Info(name)
		if err != nil {
			return 0, err
		}
		file := filepath.Join("info", filepath.FromSlash(name))
		if err := root.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return 0, err
		}
		if err := root.WriteFile(file, data, 0o644); err != nil {
			return 0, err
		}
	}
	return len(names), nil
}
