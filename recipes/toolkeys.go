package recipes

// Variant keys that every call of compiler() reads beside the compiler's own: the optimize block of
// forge.hcl sets them, and what uses no compiler has no CPU level.
const (
	KeyMicroarch = "microarch"    // archspec's name of a CPU level, as x86_64_v3
	KeyLTO       = "compiler_lto" // set where link time optimisation is on
	// KeyDebugInfo is "split" where debug data goes to a package of its own (docs/debug-info.md).
	KeyDebugInfo = "compiler_debug_info"
	// KeyHwcaps holds the levels, with commas between them, that libraries of the same package are built for
	// beside KeyMicroarch's, in folders of glibc's loader.
	KeyHwcaps = "microarch_hwcaps"
)

// sysrootKey is where conda-build's recipes for macOS keep the SDK's folder.
const sysrootKey = "CONDA_BUILD_SYSROOT"

// toolKeys are the variant keys that compiler(lang) or stdlib(lang) reads; kind is the function's name.
func toolKeys(kind, lang string) []string {
	key := lang + "_" + kind
	keys := []string{key, key + "_version", sysrootKey}
	if kind == "compiler" {
		keys = append(keys, KeyMicroarch, KeyLTO, KeyHwcaps, KeyDebugInfo)
	}
	return keys
}
