package sources

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// debSources reads the machine's archives from etc (/etc/apt) and returns them as deb822 stanzas of
// Types: deb-src (sources.list(5)). Archives whose suites are not the distribution's own, which is
// called codename, are other people's and left out unless there is nothing else.
func debSources(etc, codename string) (string, error) {
	var all []map[string]string
	files, _ := filepath.Glob(filepath.Join(etc, "sources.list.d", "*"))
	sort.Strings(files)
	for _, name := range append([]string{filepath.Join(etc, "sources.list")}, files...) {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		switch filepath.Ext(name) {
		case ".sources":
			all = append(all, deb822(string(data))...)
		case ".list":
			all = append(all, oneLine(string(data))...)
		}
	}
	own, other := map[string]bool{}, map[string]bool{}
	for _, s := range all {
		if strings.EqualFold(s["Enabled"], "no") || !strings.Contains(s["Types"], "deb") || s["URIs"] == "" {
			continue
		}
		if ofDistribution(s["Suites"], codename) {
			own[sourceStanza(s)] = true
		} else {
			other[sourceStanza(s)] = true
		}
	}
	if len(own) == 0 {
		own = other
	}
	if len(own) == 0 {
		return "", errors.New("this machine has no Debian archives in " + etc + ", so deb packages cannot be fetched")
	}
	stanzas := make([]string, 0, len(own))
	for s := range own {
		stanzas = append(stanzas, s)
	}
	sort.Strings(stanzas)
	return strings.Join(stanzas, "\n"), nil
}

func ofDistribution(suites, codename string) bool {
	for _, s := range strings.Fields(suites) {
		s, _, _ = strings.Cut(s, "/")
		base, _, _ := strings.Cut(s, "-")
		switch base {
		case codename, "stable", "testing", "unstable", "sid", "oldstable":
			return true
		}
	}
	return codename == ""
}

// sourceStanza writes s with Types: deb-src. Architectures are about binary packages.
func sourceStanza(s map[string]string) string {
	var b strings.Builder
	b.WriteString("Types: deb-src\n")
	for _, key := range []string{"URIs", "Suites", "Components", "Signed-By", "Trusted", "Check-Valid-Until", "Check-Date", "Allow-Insecure", "By-Hash"} {
		if v := s[key]; v != "" {
			fmt.Fprintf(&b, "%s: %s\n", key, v)
		}
	}
	return b.String()
}

// deb822 reads stanzas of "Key: value" lines; a value goes on in lines that begin with a space.
func deb822(text string) []map[string]string {
	var all []map[string]string
	var cur map[string]string
	key := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.TrimSpace(line) == "":
			cur = nil
		case line[0] == ' ' || line[0] == '\t':
			if cur != nil && key != "" {
				cur[key] += "\n" + line
			}
		default:
			if cur == nil {
				cur = map[string]string{}
				all = append(all, cur)
			}
			k, v, _ := strings.Cut(line, ":")
			key = canonicalKey(k)
			cur[key] = strings.TrimSpace(v)
		}
	}
	return all
}

// canonicalKey writes a field name as sources.list(5) does; apt reads them in any case.
func canonicalKey(k string) string {
	for _, known := range []string{"Types", "URIs", "Suites", "Components", "Signed-By", "Trusted", "Enabled",
		"Check-Valid-Until", "Check-Date", "Allow-Insecure", "By-Hash"} {
		if strings.EqualFold(k, known) {
			return known
		}
	}
	return k
}

// oneLine reads "deb [option=value …] uri suite component …" lines.
func oneLine(text string) []map[string]string {
	var all []map[string]string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		kind, rest, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || kind != "deb" && kind != "deb-src" {
			continue
		}
		s := map[string]string{"Types": kind}
		rest = strings.TrimSpace(rest)
		if strings.HasPrefix(rest, "[") {
			options, after, _ := strings.Cut(rest[1:], "]")
			rest = after
			for _, o := range strings.Fields(options) {
				k, v, _ := strings.Cut(o, "=")
				s[canonicalKey(k)] = strings.ReplaceAll(v, ",", " ")
			}
		}
		f := strings.Fields(rest)
		if len(f) < 2 {
			continue
		}
		s["URIs"], s["Suites"], s["Components"] = f[0], f[1], strings.Join(f[2:], " ")
		all = append(all, s)
	}
	return all
}

// osCodename is the distribution's name for itself (os-release(5)), or empty.
func osCodename(file string) string {
	data, _ := os.ReadFile(file)
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION_CODENAME="); ok {
			return strings.Trim(v, `"'`)
		}
	}
	return ""
}
