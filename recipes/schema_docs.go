package recipes

import "strings"

// keyDoc says in one line what a key of recipe.yaml is for; empty where its name says it. The longest
// ending of the path that has a text counts.
func keyDoc(path []string) string {
	for i := range path {
		if text := keyDocs()[strings.Join(path[i:], ".")]; text != "" {
			return text
		}
	}
	return ""
}

func keyDocs() map[string]string {
	return map[string]string{
		"schema_version": "version of the format; 1",
		"context":        "variables of the recipe, read as ${{ name }}; each sees those before it",
		"package":        "name and version of the package", "recipe": "name and version for all outputs",
		"package.name": "the package's name, in lower case", "package.version": "the version, in quotes",
		"source": "what is fetched and unpacked into the work folder, checked by its hash", "source.url": "URL, or a list of mirrors of the same bytes",
		"source.sha256": "SHA-256 of the archive, 64 hex digits", "source.md5": "MD5 of the archive; can be forged, give sha256",
		"source.patches": "patches from the recipe's folder, applied in order", "source.target_directory": "folder below the work folder that the source goes to",
		"source.file_name": "name of the file; an archive that is renamed is not unpacked", "source.git": "URL of a git repository", "source.rev": "commit, tag or branch",
		"source.tag": "tag of the repository", "source.branch": "branch of the repository; moves, give rev", "source.depth": "how many commits are fetched; -1 for all",
		"source.lfs": "fetch large files, too", "source.path": "folder or file beside the recipe", "source.use_gitignore": "leave out what .gitignore names",
		"source.filter": "globs of the files to take", "source.expected_commit": "full commit that rev must come to", "source.submodules": "fetch submodules, too",
		"build": "how the package is made", "build.number": "counts builds of one version, from 0", "build.string": "build string; normally made of the hash and the number",
		"build.script": "commands, a file of the recipe's folder, or a mapping; build.sh without it", "build.steps": "scripts that run one after another",
		"build.noarch": "python or generic: one package for all platforms", "build.skip": "conditions: build nothing where one holds",
		"build.python": "what is special about a Python package", "build.python.entry_points": "commands to make, each `name = module:function`",
		"build.python.version_independent": "built once for all versions of Python (abi3)", "build.python.skip_pyc_compilation": "globs of files that are not compiled",
		"build.dynamic_linking": "what is done to and asked of shared libraries", "build.dynamic_linking.rpaths": "run paths below the prefix; lib/ by default",
		"build.dynamic_linking.binary_relocation":      "make binaries relocatable: true, false or globs",
		"build.dynamic_linking.missing_dso_allowlist":  "libraries that nothing has to bring",
		"build.dynamic_linking.rpath_allowlist":        "run paths outside of the prefix that are allowed",
		"build.dynamic_linking.overlinking_behavior":   "what to do where a library of no dependency is linked: ignore or error",
		"build.dynamic_linking.overdepending_behavior": "what to do where a dependency is not linked: ignore or error",
		"build.variant": "which variant keys count", "build.variant.use_keys": "keys that count although nothing reads them",
		"build.variant.ignore_keys": "keys that do not count", "build.variant.down_prioritize_variant": "the higher, the later a solver takes this variant",
		"build.prefix_detection": "how files that hold the prefix are found", "build.files": "globs of the files that go into the package",
		"build.always_include_files": "files to take although a dependency has them", "build.always_copy_files": "files that are copied, never linked",
		"build.merge_build_and_host_envs": "use one environment for both", "build.post_process": "replace text in files after the script",
		"script.interpreter": "what runs the script: bash, cmd, python, …", "script.env": "variables of the environment", "script.secrets": "variables to hand in from outside and to mask in logs",
		"script.content": "the commands", "script.file": "a file of the recipe's folder", "script.cwd": "folder to run in, below the work folder",
		"requirements": "what is needed", "requirements.build": "tools that run while building, for the machine that builds", "requirements.host": "libraries to link, for the machine the package is for",
		"requirements.run": "what has to be installed with the package", "requirements.run_constraints": "limits on packages that may be there as well",
		"requirements.run_exports": "requirements that this package hands on to what is built with it", "run_exports.weak": "from host to run", "run_exports.strong": "from build to host and run",
		"run_exports.noarch": "for noarch packages", "run_exports.weak_constraints": "from host to run_constraints", "run_exports.strong_constraints": "from build to run_constraints",
		"requirements.ignore_run_exports": "requirements that are not taken over", "ignore_run_exports.by_name": "names of what is not taken over", "ignore_run_exports.from_package": "packages nothing is taken over from",
		"source.attestation": "publishers that must all have attested the file with Sigstore, verified when it is fetched; needs --experimental", "attestation.publishers": "who they are: `github:OWNER/REPOSITORY`",
		"attestation.bundle_url": "where the attestations are: a Sigstore bundle, a list of them, or `file:NAME` beside the recipe; not needed for files of a Python index and npm packages", "filter.include": "globs of what is taken", "filter.exclude": "globs of what is left out",
		"build.files.include": "globs of what is taken", "build.files.exclude": "globs of what is left out", "build.flags": "flags of the package (repodata revision 3)",
		"post_process.files": "globs of the files to change", "post_process.regex": "what to look for, a regular expression", "post_process.replacement": "what to put in its place; ${1} is the first group",
		"prefix_detection.force_file_type": "globs of files that are text or binary, whatever they look like", "prefix_detection.ignore": "files in which the prefix is not looked for: true for all, or globs",
		"prefix_detection.ignore_binary_files": "look for the prefix in text alone", "force_file_type.text": "globs of files that are text", "force_file_type.binary": "globs of files that are binary",
		"build.python.site_packages_path": "where a Python of this package looks for modules", "build.python.use_python_app_entrypoint": "macOS: start with the framework's Python, for programs with windows",
		"steps.run": "the commands", "steps.cwd": "folder to run in, below the work folder", "steps.env": "variables of the environment", "steps.interpreter": "what runs the commands",
		"requirements.extras": "groups of optional requirements (repodata revision 3)", "tests.files.source": "globs of files of the source", "tests.files.recipe": "globs of files of the recipe's folder",
		"package_contents.files": "globs of files below the prefix", "package_contents.bin": "programs", "package_contents.include": "headers, below include", "package_contents.lib": "libraries, by their name without lib and its ending",
		"package_contents.site_packages": "Python modules", "package_contents.files.exists": "must be there", "package_contents.files.not_exists": "must not be there",
		"perl.uses": "modules to load", "r.libraries": "libraries to load", "ruby.requires": "modules to load", "inherit.from": "the staging output", "inherit.run_exports": "take over what its requirements hand on; true by default",
		"outputs.package": "the package that this output is", "staging.name": "name that others inherit from",
		"tests": "tests, run on the finished package in an environment of its own", "tests.python": "import modules, run pip check", "python.imports": "modules to import",
		"python.pip_check": "run `pip check`; true by default", "python.python_version": "versions of Python to test with", "tests.script": "commands that must succeed",
		"tests.requirements": "what the test needs beside the package", "tests.files": "files to copy for the test", "tests.downstream": "a package that needs this one and whose tests run, too",
		"tests.package_contents": "globs of files that must be in the package", "package_contents.strict": "refuse files that no glob names",
		"tests.perl": "modules to load", "tests.r": "libraries to load", "tests.ruby": "modules to load",
		"about": "what people should know about the package", "about.homepage": "URL of the home page", "about.license": "SPDX expression, such as MIT or GPL-3.0-or-later",
		"about.license_file": "files with the licence, from the source or the recipe's folder", "about.summary": "the package in one line", "about.description": "the package in a few lines",
		"about.documentation": "URL of the documentation", "about.repository": "URL of the source repository", "about.license_family": "older word for the kind of licence",
		"extra": "anything else; recipe-maintainers lists who looks after the recipe", "outputs": "several packages of one recipe", "outputs.staging": "an output that is built and not packaged",
		"outputs.inherit": "the staging output whose files this one starts from", "if": "a condition, without ${{ }}", "then": "what counts where the condition holds", "else": "what counts where it does not",
		"meta.home": "URL of the home page", "meta.license": "SPDX expression, such as MIT or GPL-3.0-or-later", "meta.license_file": "files with the licence", "meta.summary": "the package in one line",
		"meta.run_constrained": "limits on packages that may be there as well", "meta.skip": "true, with a selector: build nothing there", "meta.fn": "name of the file", "meta.folder": "folder below the work folder that the source goes to",
		"meta.dev_url": "URL of the source repository", "meta.doc_url": "URL of the documentation", "meta.requires": "what the test needs beside the package", "meta.commands": "commands that must succeed",
		"meta.imports": "modules to import", "meta.source_files": "files of the source to copy for the test",
	}
}
