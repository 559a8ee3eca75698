package recipes

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// signingHosts are where the releases have an OpenPGP signature beside them.
func signingHosts() map[string]string {
	return map[string]string{"ftp.gnu.org": ".sig", "ftpmirror.gnu.org": ".sig", "gnupg.org": ".sig", "www.gnupg.org": ".sig", "www.kernel.org": ".sign (of the .tar)",
		"cdn.kernel.org": ".sign (of the .tar)", "mirrors.edge.kernel.org": ".sign (of the .tar)", "www.openssl.org": ".asc", "archive.apache.org": ".asc", "downloads.apache.org": ".asc",
		"dlcdn.apache.org": ".asc", "www.python.org": ".asc", "zlib.net": ".asc", "curl.se": ".asc", "tukaani.org": ".sig", "sourceware.org": ".sig", "gmplib.org": ".sig", "www.mpfr.org": ".asc",
		"nodejs.org": ".asc (of SHASUMS256.txt)", "musl.libc.org": ".asc", "www.libssh2.org": ".asc", "invisible-mirror.net": ".asc", "download.savannah.gnu.org": ".sig"}
}

// sourceRules look at rendered sources.
// patchFiles looks for the patches beside a recipe that lies in a folder.
func (l *linter) patchFiles(s *Source, at diag.Pos) {
	if _, err := os.Stat(l.path); err != nil {
		return
	}
	for _, p := range s.MissingPatches(filepath.Dir(l.path)) {
		d := diag.Diagnostic{Code: "missing-file", Pos: at, Line: l.line(at.Line), Summary: "the patch " + p + " is not in the recipe's folder"}
		if !slices.ContainsFunc(l.found, func(f Finding) bool { return f.Pos == at && f.Summary == d.Summary }) {
			l.found = append(l.found, Finding{Diagnostic: d})
		}
	}
}

func (l *linter) sourceRules() {
	for _, o := range l.outputs {
		for i := range o.Sources {
			s := &o.Sources[i]
			at := s.Pos
			if at.Line == 0 {
				at = l.top("source")
			}
			l.patchFiles(s, at)
			strong := false
			for _, h := range []string{"sha256", "sha512", "sha384", "sha224", "content_sha256", "content_sha384", "content_sha512"} {
				strong = strong || s.Hashes[h] != ""
			}
			if len(s.URLs) > 0 && !strong && len(s.Hashes) > 0 {
				l.say("weak-hash", at, 0, "the source is checked by "+strings.Join(sortedNames(s.Hashes), " and ")+" only, which can be forged", "give its sha256")
			}
			if s.Git != nil && s.Git.Rev == "" && s.Git.Tag == "" && s.Git.ExpectedCommit == "" {
				l.say("moving-source", at, 0, "the git source names no commit or tag, so it is another one tomorrow", "give `rev` (in meta.yaml `git_rev`) with a commit")
			}
			if len(s.Signatures) == 0 {
				for _, u := range s.URLs {
					if p, err := url.Parse(u); err == nil && signingHosts()[p.Hostname()] != "" {
						l.say("unsigned-source", at, 0, p.Hostname()+" has a signature beside this file, which the recipe does not check", "its name ends in "+signingHosts()[p.Hostname()]+"; add it to `extra: forge: signatures:`, or `signature {}` in HCL")
						break
					}
				}
			}
		}
	}
}

// buildRules look at the build section.
func (l *linter) buildRules() {
	if l.anyBuilt() && !l.hasNumber() && l.format != "recipe.hcl" {
		l.say("missing-build-number", l.top("build"), 0, "there is no build number", "write `number: 0` in build, and count it up when the recipe changes and the version does not")
	}
}

func (l *linter) hasNumber() bool {
	if l.at("build", "number") != nil {
		return true
	}
	found := strings.Contains(l.text, "{%") && regexp.MustCompile(`(?m)^\s+number\s*:`).MatchString(l.text)
	each(l.at("outputs"), nil, func(_ []string, n *yaml.Node) { found = found || yamlx.Get(yamlx.Get(n, "build"), "number") != nil })
	return found
}

// testRules look for tests.
func (l *linter) testRules() {
	for _, o := range l.packaged() {
		if len(o.Tests) > 0 || l.testFile() {
			return
		}
	}
	if l.anyBuilt() {
		section := "tests"
		if l.format == "meta.yaml" {
			section = "test"
		}
		l.say("missing-tests", l.top(section), 0, "nothing tests the package", "import its modules, run its program with --version, or check that its files are there")
	}
}

func (l *linter) testFile() bool {
	if l.format != "meta.yaml" {
		return false
	}
	for _, name := range []string{"run_test.py", "run_test.sh", "run_test.bat", "run_test.pl", "run_test.r"} {
		if _, err := os.Stat(filepath.Join(filepath.Dir(l.path), name)); err == nil {
			return true
		}
	}
	return false
}

// buildBackends are the packages that pip can call to build another.
func buildBackends() []string {
	return strings.Fields("setuptools flit flit-core hatchling poetry poetry-core pdm-backend pdm-pep517 scikit-build-core meson-python maturin flit-scm whey jupyter_packaging setuptools_scm setuptools-scm uv-build uv_build mesonpy enscons sipbuild sip pyqt-builder pymsbuild trampolim hatch-vcs setuptools-rust py-build-cmake")
}

// pythonRules look at packages that pip installs.
func (l *linter) pythonRules() {
	for _, o := range l.packaged() {
		pip := pipInstall.MatchString(scriptsOf(o))
		// Those build themselves.
		python, backend, hasPip := false, contains(buildBackends(), o.Name), o.Name == "pip"
		for _, d := range append(append([]Dependency(nil), o.Requirements.Host...), o.Requirements.Build...) {
			name, _, _ := strings.Cut(d.Spec, " ")
			python = python || name == "python"
			hasPip = hasPip || name == "pip"
			backend = backend || contains(buildBackends(), name)
		}
		if !pip || !python {
			continue
		}
		if !hasPip {
			l.say("missing-pip", l.top("requirements"), 0, o.Name+": the script calls pip, which is not among the host requirements", "add pip to host")
		}
		if !backend {
			l.say("missing-build-backend", l.top("requirements"), 0, o.Name+": pip needs the build backend that pyproject.toml names, and none is among the host requirements", "add setuptools, hatchling, flit-core or what build-system.requires has")
		}
		if !l.pipCheck(o) && len(o.Tests) > 0 {
			section := "tests"
			if l.format == "meta.yaml" {
				section = "test"
			}
			l.say("missing-pip-check", l.top(section), 0, o.Name+": no test runs `pip check`, so a run requirement that is missing stays unseen", "in meta.yaml add the command `pip check` and require pip; in recipe.yaml leave pip_check on")
		}
	}
}

func (l *linter) pipCheck(o *Output) bool {
	for _, t := range o.Tests {
		if t.Python != nil && t.Python.PipCheck || t.Script != nil && strings.Contains(t.Script.Script.Text, "pip check") {
			return true
		}
	}
	return false
}

func scriptsOf(o *Output) string {
	var b strings.Builder
	for _, s := range o.Build.Scripts {
		b.WriteString(s.Text + "\n")
	}
	return b.String()
}

var (
	pipInstall = pattern{src: `\bpip3? install\b[^\n;&|]*`}
	fetching   = pattern{src: `(^|[\s;&|(])(curl|wget|git clone|git fetch|git submodule update|svn checkout|conda install|mamba install|npm install|cargo install|go get|apt-get install|brew install)\s+[^\s]`}
	hostPath   = pattern{src: `(^|[\s"'=:(,]|-[IL])(/usr/(lib|lib64|include|local|share|bin)|/opt|/home|/etc|/Users|/Library)(/[^\s"']*)?`}
	ignored    = pattern{src: `\|\|\s*(true|:|exit 0)\s*($|[;#)])`}
	setupPy    = pattern{src: `\bsetup\.py\s+(install|develop|build|bdist)`}
)

// scriptRules look at build scripts, in the recipe and beside it, a line at a time.
func (l *linter) scriptRules() {
	for _, o := range l.outputs {
		for i := range o.Build.Scripts {
			s := &o.Build.Scripts[i]
			for k, line := range strings.Split(s.Text, "\n") {
				l.scriptLine(s, k, line)
			}
		}
	}
}

func (l *linter) scriptLine(s *Script, k int, line string) {
	code := line
	if i := strings.Index(code, " #"); i >= 0 {
		code = code[:i]
	}
	if t := strings.TrimSpace(code); strings.HasPrefix(t, "#") || strings.HasPrefix(strings.ToLower(t), "rem ") || strings.HasPrefix(t, "echo ") {
		return
	}
	say := func(id, found, summary, suggestion string) {
		if s.File != "" {
			at := l.pos(0)
			at.File, at.Line, at.Column = l.inFolder(s.File), s.FirstLine+k, strings.Index(line, found)+1
			l.say(id, at, len([]rune(found)), summary, suggestion)
			if n := len(l.found) - 1; l.found[n].Code == id && l.found[n].Pos == at {
				l.found[n].Line = line
			}
			return
		}
		l.say(id, l.scriptPlace(s, found), len([]rune(found)), summary, suggestion)
	}
	if m := fetching.FindStringSubmatch(code); m != nil {
		say("script-network", m[2], fmt.Sprintf("the script runs %s: a build has no network", m[2]), "name what it fetches as a source, with its hash")
	}
	if m := hostPath.FindStringSubmatch(code); m != nil && !strings.Contains(code, "#!") && s.Interpreter != "cmd" {
		say("script-host-path", m[2]+m[4], fmt.Sprintf("the script uses %s of the machine it runs on", m[2]+m[4]), "use $PREFIX or $BUILD_PREFIX: the host's files are not there in a build")
	}
	if m := ignored.FindString(code); m != "" {
		say("script-ignored-failure", strings.TrimRight(m, ";#) "), "a command that fails here is passed over", "let it fail, or test for the one reason it may fail for")
	}
	if m := setupPy.FindString(code); m != "" {
		say("script-setup-py", m, "setup.py is called, which leaves no record of the installed files that pip can read", "write `python -m pip install . --no-deps --no-build-isolation`")
	}
	if m := pipInstall.FindString(code); m != "" && !strings.Contains(m, "--no-deps") && !strings.Contains(m, "--no-index") {
		say("script-pip-flags", strings.TrimSpace(m), "pip would fetch what is missing", "write `python -m pip install . --no-deps --no-build-isolation`")
	}
}

// scriptPlace finds the line of an inline script in the recipe.
func (l *linter) scriptPlace(s *Script, found string) diag.Pos {
	for _, start := range []int{max(1, s.Pos.Line), 1} {
		for i := start; i <= len(l.starts); i++ {
			if at := strings.Index(l.line(i), found); at >= 0 {
				return l.pos(l.starts[i-1] + at)
			}
		}
	}
	if s.Pos.Line > 0 {
		return s.Pos
	}
	return l.top("build")
}
