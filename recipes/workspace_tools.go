package recipes

import (
	"slices"

	"forge/packages"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// checkEnv wants what a tool sets to be variables, and not those that say where a build is.
func (p *workspaceParser) checkEnv(v values) {
	for _, name := range sortedNames(v.maps["env"]) {
		switch {
		case !variableName(name):
			p.errorf(v.at["env"], "bad-value", "", "%q is no name of an environment variable", name)
		case slices.Contains([]string{"PREFIX", "BUILD_PREFIX", "SRC_DIR", "RECIPE_DIR", "HOME", "PATH", "CONDA_PREFIX", "CONDA_BUILD", "CONDA_BUILD_STATE",
			"build_platform", "host_platform", "target_platform"}, name):
			p.errorf(v.at["env"], "bad-value", "programs of a tool are found on PATH by themselves", "%s is the build's own, a tool cannot set it", name)
		}
	}
}

// checkVersion wants the version of an external to be one, and to be there where no package has it.
func (p *workspaceParser) checkVersion(b *hclsyntax.Block, name string, v values) {
	version := v.text["version"]
	if version == "" {
		if len(v.list["files"]) > 0 && len(v.list["packages"]) == 0 {
			p.errorf(b.TypeRange, "missing-key", "", "the external %q is made of files: say its version", name)
		}
		return
	}
	if _, err := packages.ParseVersion(version); err != nil {
		p.errorf(v.at["version"], "bad-value", "", "the version of the external %q: %v", name, err)
	}
}
