package recipes

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"forge/packages"

	spdx "github.com/github/go-spdx/v2/spdxexp"
	"github.com/github/go-spdx/v2/spdxexp/spdxlicenses"
)

// spec is a dependency's text, read: its canonical form, its name, and whether it is a name alone.
type spec struct {
	text, name string
	bare       bool
	v3         bool // says what only repodata revision 3 can: extras, flags, when
}

// readSpec is what parseSpec says of a text.
type readSpec struct {
	spec spec
	err  error
}

// spec is parseSpec, once for each text of a recipe: checks, variants and pins ask for the same ones.
func (p *program) spec(s string) (spec, error) {
	if bare, ok := bareSpec(s); ok {
		return bare, nil
	}
	r, known := p.specs[s]
	if !known {
		r.spec, r.err = parseSpec(s)
		p.specs[s] = r
	}
	return r.spec, r.err
}

// bareSpec is the spec of a text that is a name and nothing else, as most are.
func bareSpec(s string) (spec, bool) {
	if !packages.ValidName(s) {
		return spec{}, false
	}
	name := strings.ToLower(s)
	return spec{text: name, name: name, bare: true}, true
}

func parseSpec(s string) (spec, error) {
	if bare, ok := bareSpec(s); ok {
		return bare, nil
	}
	if strings.TrimSpace(s) == "" {
		return spec{}, errors.New("a dependency has no name")
	}
	m, err := packages.ParseMatchSpecStrict(s)
	if err != nil {
		return spec{}, fmt.Errorf("dependency %q: %s", s, innermost(err))
	}
	t := m.String()
	return spec{text: t, name: m.Name, bare: t == m.Name, v3: len(m.Extras)+len(m.Flags) > 0 || m.When != nil}, nil
}

// innermost is what is wrong, without the texts around it that it was found in.
func innermost(err error) string {
	message := err.Error()
	for _, begin := range []string{"match spec ", "version condition "} {
		if rest, ok := strings.CutPrefix(message, begin+"\""); ok {
			if _, after, ok := strings.Cut(rest, "\": "); ok {
				message = after
			}
		}
	}
	switch message {
	case `malformed version "": empty string`:
		return "a version is missing in its conditions"
	case `invalid operator "=>"`, `invalid operator "=<"`:
		return message + "; the sign of equality comes second"
	}
	return message
}

// checkName accepts what conda accepts as a package's name (CEP 26), and, with the peers, the empty one.
func checkName(s string) error {
	if s != "" && !packages.ValidName(s) {
		return fmt.Errorf("%q is not a package name: it takes a-z, 0-9, and the signs . - _ alone", s)
	}
	return nil
}

func checkVersion(s string) error {
	if _, err := packages.ParseVersion(s); err != nil {
		return fmt.Errorf("%q is not a version: %w", s, err)
	}
	return nil
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil {
		return fmt.Errorf("%q is not a URL: %w", s, err)
	}
	if u.Scheme == "" {
		return fmt.Errorf("%q is not a URL: it has no scheme, https for one", s)
	}
	return nil
}

// canonicalURL escapes spaces and ends the URL of a whole host with a slash, as the peers write it.
func canonicalURL(s string) string {
	s = strings.ReplaceAll(s, " ", "%20")
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		end := strings.IndexAny(rest+"/", "/?#")
		host := rest[:end]
		at := strings.LastIndexByte(host, '@') + 1
		s = strings.ToLower(scheme) + "://" + host[:at] + strings.ToLower(host[at:]) + rest[end:]
	}
	if u, err := url.Parse(s); err == nil && u.Host != "" && u.Path == "" && u.RawQuery == "" && u.Fragment == "" {
		return s + "/"
	}
	return s
}

// checkLicense wants an SPDX licence expression without deprecated ids (https://spdx.org/licenses).
func checkLicense(s string) error {
	if s == "" {
		return errors.New("the licence is empty; leave the key out or name an SPDX licence")
	}
	ok, bad := spdx.ValidateLicenses([]string{upperOperators(s)})
	if ok {
		return deprecatedLicense(s)
	}
	return fmt.Errorf("%q is not an SPDX licence expression; write LicenseRef-NAME for one that SPDX does not list", strings.Join(bad, ", "))
}

func deprecatedLicense(s string) error {
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("() ", r) }) {
		for _, old := range spdxlicenses.GetDeprecated() {
			if word == old {
				return fmt.Errorf("the SPDX id %q is deprecated; say %s-only or %s-or-later, or what https://spdx.org/licenses names instead", old, old, old)
			}
		}
	}
	return nil
}

// upperOperators writes and, or, with as SPDX does.
func upperOperators(s string) string {
	words := strings.Split(s, " ")
	for i, w := range words {
		if w == "and" || w == "or" || w == "with" {
			words[i] = strings.ToUpper(w)
		}
	}
	return strings.Join(words, " ")
}
