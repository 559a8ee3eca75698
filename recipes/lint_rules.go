package recipes

import "forge/internal/diag"

// Rules lists the lints, in the order of docs/lints.md. An id never changes its meaning.
func Rules() []Rule {
	const w, n, e = diag.Warning, diag.Note, diag.Error
	return []Rule{
		// The text.
		{"trailing-space", w, true, "spaces at the end of a line"},
		{"final-newline", w, true, "the file does not end in exactly one newline"},
		{"tab-indent", w, false, "a tab in the indentation"},
		{"hidden-character", e, false, "a character that cannot be seen"},
		{"merge-conflict", e, false, "the marks of an unfinished merge"},
		{"jinja-spacing", w, true, "an expression without spaces inside its brackets"},
		{"selector-spacing", w, true, "a selector that is not written `  # [selector]`"},
		{"old-selector", w, false, "a selector for Python versions that are gone"},
		{"unknown-selector", w, false, "a condition on a name that is no platform's"},
		{"selector-comment", w, false, "a selector of meta.yaml in a recipe.yaml, where it does nothing"},
		{"section-order", w, false, "sections in an unusual order"},
		{"empty-section", w, true, "a section without content"},
		{"deprecated-key", w, false, "a key that nothing should use any more"},
		// What is said about the package.
		{"version-quotes", w, true, "a version that YAML reads as a number"},
		{"name-case", w, false, "a package name with capitals"},
		{"missing-license", w, false, "no licence"},
		{"missing-license-file", w, false, "no licence file"},
		{"license-not-spdx", w, false, "a licence that is no SPDX expression"},
		{"missing-summary", w, false, "no summary"},
		{"missing-home", w, false, "no home page"},
		{"missing-maintainers", n, false, "nobody is named as maintainer"},
		{"unknown-extra", w, false, "a key of extra.forge that Forge does not know"},
		// Sources.
		{"http-url", w, true, "a URL without encryption"},
		{"weak-hash", w, false, "a source checked by a broken hash only"},
		{"moving-source", w, false, "a git source without a fixed revision"},
		{"unsigned-source", n, false, "upstream signs, the recipe does not check"},
		{"name-in-url", w, false, "the package's name as a variable in a URL"},
		// Build.
		{"missing-build-number", w, false, "no build number"},
		{"noarch-selector", w, false, "a noarch recipe that differs between platforms"},
		{"noarch-compiler", w, false, "a noarch package that is compiled"},
		{"noarch-python-min", w, false, "a noarch Python package without a lower bound of Python"},
		{"compiler-not-build", w, false, "a compiler outside of the build requirements"},
		{"compiler-without-stdlib", w, false, "a compiler without the C library it is for"},
		{"direct-compiler", w, false, "a compiler by its name"},
		{"duplicate-requirement", w, true, "a requirement that is there twice"},
		{"unsorted-requirements", n, false, "requirements in no order"},
		{"requirement-format", w, true, "a match spec that is not written `name >=version`"},
		// Variables.
		{"unused-variable", w, true, "a variable that nothing reads"},
		{"unused-variant-key", n, false, "a key of the variants file that nothing reads"},
		// Scripts.
		{"script-network", w, false, "a script that fetches"},
		{"script-host-path", w, false, "a script that uses a path of the host"},
		{"script-ignored-failure", w, false, "a script that goes on after a failure"},
		{"script-setup-py", w, false, "a script that runs setup.py"},
		{"script-pip-flags", w, false, "pip install that may fetch"},
		// Python.
		{"missing-pip", w, false, "pip is used and not required"},
		{"missing-build-backend", w, false, "a Python package without its build backend"},
		{"missing-pip-check", w, false, "a Python package whose tests do not run `pip check`"},
		// Tests.
		{"missing-tests", w, false, "no tests"},
	}
}
