package engine

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forge/packages"
	"forge/sandbox"
)

// rustcWrapper is what Cargo runs in rustc's place (its manual, "RUSTC_WRAPPER"). What a file of the sources
// (.cargo/config.toml) or a variable asks for comes by here as arguments of the compiler.
const rustcWrapper = `#!/bin/bash -p
for a in "$@"; do
  if [[ $a == *target-cpu=native* ]]; then
    echo "error: target-cpu=native makes a package for the CPU of whoever builds it" >&2
    exit 1
  fi
done
exec "$@"
`

// rustFolder is where it lies, below the layout's root.
const rustFolder = "/rust"

// refuseNativeRust has Cargo stop where it is told to build for the builder's CPU. A recipe that sets a wrapper of its
// own keeps it. Nothing of what is built depends on this, so it is part of no key.
func (j *job) refuseNativeRust(spec *sandbox.Spec) error {
	rust := func(r *packages.Record) bool { return r.Name == "rust" || strings.HasPrefix(r.Name, "rust_") }
	if !spec.Level.Places() || !slices.ContainsFunc(j.a.Build.Records, rust) {
		return nil
	}
	dir, err := os.MkdirTemp(j.site.dir, "rust-")
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "rustc-wrapper")
	// The build's user need not be the owner, and the mode not what the umask makes of it.
	err = errors.Join(os.WriteFile(file, []byte(rustcWrapper), 0o755), os.Chmod(file, 0o755), os.Chmod(dir, 0o755))
	inside := j.site.at.root + rustFolder
	spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: dir, Target: inside})
	spec.Env = append(spec.Env, "RUSTC_WRAPPER="+inside+"/rustc-wrapper")
	return err
}
