package engine

import (
	"fmt"

	"forge/platforms/toolchain"
	"forge/recipes"
)

// macEnv are conda-build's variables for macOS. The oldest system to build for is the variant's: under its
// own name, or as the version of stdlib('c'), which conda-forge's recipes give.
func macEnv(env map[string]string, o *recipes.Output) {
	arch := o.TargetPlatform.Arch()
	env["OSX_ARCH"], env["BUILD"] = arch, arch+"-apple-darwin13.4.0"
	if arch == "arm64" {
		env["BUILD"] = arch + "-apple-darwin20.0.0"
	}
	env["MACOSX_DEPLOYMENT_TARGET"] = toolchain.OldestMacOS
	for _, key := range []string{"c_stdlib_version", "MACOSX_DEPLOYMENT_TARGET"} {
		if v, ok := o.Full[key]; ok {
			env["MACOSX_DEPLOYMENT_TARGET"] = fmt.Sprint(v)
		}
	}
}
