package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"forge/engine"
	"forge/internal/diag"
	"forge/internal/fsx"
	"forge/packages"
)

// readLinkage reads the programs and libraries of a package, unpacked for that.
func readLinkage(ctx context.Context, pkg packages.Package) ([]engine.FileLinkage, error) {
	dir, err := os.MkdirTemp("", "forge-linkage-")
	if err != nil {
		return nil, err
	}
	defer fsx.RemoveAll(dir)
	return engine.ReadLinkage(ctx, pkg, dir)
}

// sayLinkage prints one block for each file.
func (a *app) sayLinkage(files []engine.FileLinkage) {
	for _, f := range files {
		fmt.Fprintf(a.stdout, "%s (%s)\n", diag.Printable(f.Path), f.Kind)
		level := f.Level
		if len(f.Above) > 0 {
			level = "above every level: " + strings.Join(f.Above, " ")
		}
		for _, line := range []struct{ name, value string }{
			{"name", f.Name}, {"interpreter", f.Interpreter}, {"needed", strings.Join(f.Needed, " ")}, {"run path", strings.Join(f.RunPath, ":")},
			{"glibc", f.Glibc}, {"cpu level", level}, {"undefined", few(f.Undefined, 10)},
		} {
			if line.value != "" {
				fmt.Fprintf(a.stdout, "  %-12s %s\n", line.name, diag.Printable(line.value))
			}
		}
	}
}

// few joins the first n texts and counts the others, which --json has.
func few(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, " ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], " "), len(list)-n)
}
