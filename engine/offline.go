package engine

import (
	"regexp"
	"strings"
)

// refusals are the ways in which programs say that there is no network, or no conda, each with what a recipe does
// instead. The first that the end of a log has counts.
var refusals = []struct{ said, instead string }{
	{`^go: .*dial tcp|/@v/\S+: dial tcp`, "with pkg:golang/MODULE@VERSION as the source come the modules of its go.sum"},
	{`spurious network error|class=Net|failed to (?:download|fetch).*crates`, "with pkg:cargo/NAME@VERSION as the source come the crates of its Cargo.lock"},
	{`npm (?:ERR!|error).*(?:EAI_AGAIN|ENOTFOUND|network)`, "with pkg:npm/NAME@VERSION as the source come the packages of its lock file"},
	{`No matching distribution found for|Could not find a version that satisfies`, "what pip asks for belongs to requirements.host, and to pip `--no-deps --no-build-isolation`"},
	{`(?i)could ?n[o']t resolve host|temporary failure in name resolution|no such host|name or service not known|EAI_AGAIN|unable to resolve host`,
		"what is fetched belongs to the sources, as a url with its sha256"},
}

// noConda is what a script hears that wants to switch environments.
const noConda = `\bactivate: No such file or directory$|\bconda: command not found$`

// What a script does instead that wants the network: %s is refusals' word.
const (
	buildsInstead = "a build has no network: %s (docs/languages.md); --allow-network lets it, and its package says so"
	testsInstead  = "a test has no network: leave the command out, or build with `--test skip`"
)

// withoutNetwork says of a script that ended because it found no network, or no conda, what to do; "" of others.
func withoutNetwork(lines []string, help string) string {
	text := strings.Join(lines, "\n")
	for _, r := range refusals {
		if regexp.MustCompile(`(?m)` + r.said).MatchString(text) {
			return strings.Replace(help, "%s", r.instead, 1)
		}
	}
	if regexp.MustCompile(`(?m)` + noConda).MatchString(text) {
		return "conda is no part of the environments, which are active already: leave the line out"
	}
	return ""
}
