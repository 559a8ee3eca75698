package recipes

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"forge/packages"
)

var errEmptyPin = errors.New("the pin names no package")

// Apply gives the match spec that p stands for, once the version and build string of its package are
// known (conda-build's apply_pin_expressions, rattler-build's Pin::apply).
func (p *Pin) Apply(version, build string) (string, error) {
	if p.Exact {
		return p.Name + " " + "==" + version + " " + build, nil
	}
	lower, err := p.lower(version)
	if err != nil {
		return "", err
	}
	upper, err := p.upper(version)
	if err != nil {
		return "", err
	}
	bounds := strings.Trim(lower+","+upper, ",")
	if bounds == "" && p.Build != "" {
		bounds = "*"
	}
	return strings.TrimSpace(strings.TrimSpace(p.Name+" "+bounds) + " " + p.Build), nil
}

func isPattern(bound string) bool { return strings.Trim(bound, "x.") == "" }

func (p *Pin) lower(version string) (string, error) {
	if p.Lower == "" {
		return "", nil
	}
	if !isPattern(p.Lower) {
		return ">=" + p.Lower, nil
	}
	n := strings.Count(p.Lower, "x")
	if n == 0 {
		return "", fmt.Errorf("pin %s: the lower bound %q has no x", p.Name, p.Lower)
	}
	return ">=" + firstParts(version, n), nil
}

func (p *Pin) upper(version string) (string, error) {
	if p.Upper == "" {
		return "", nil
	}
	if !isPattern(p.Upper) {
		return "<" + p.Upper, nil
	}
	n := strings.Count(p.Upper, "x")
	if n == 0 {
		return "", fmt.Errorf("pin %s: the upper bound %q has no x", p.Name, p.Upper)
	}
	bumped, err := bump(version, n)
	if err != nil {
		return "", fmt.Errorf("pin %s: %w", p.Name, err)
	}
	return "<" + bumped, nil
}

// cutVersion parts 1!2.3+local into its epoch with the mark, its public part and its local one.
func cutVersion(version string) (epoch, public, local string) {
	public, local, _ = strings.Cut(version, "+")
	if e, rest, ok := strings.Cut(public, "!"); ok {
		epoch, public = e+"!", rest
	}
	return epoch, public, local
}

// segments cuts a version at its dots, dashes and underscores and keeps each with what precedes it.
func segments(public string) []string {
	var out []string
	start := 0
	for i := 1; i < len(public); i++ {
		if strings.IndexByte(".-_", public[i]) >= 0 {
			out, start = append(out, public[start:i]), i
		}
	}
	return append(out, public[start:])
}

func firstParts(version string, n int) string {
	epoch, public, local := cutVersion(version)
	parts := segments(public)
	out := epoch + strings.Join(parts[:min(n, len(parts))], "")
	if local != "" {
		out += "+" + local
	}
	return out
}

var numeral = regexp.MustCompile(`[0-9]+`)
var letters = regexp.MustCompile(`[a-zA-Z]+`)

// bump raises the n-th part of a version and makes the result sort before all its pre-releases:
// 1.2.3 rises in the second part to 1.3.0a0, 1.0.2j in the third to 1.0.3a.
func bump(version string, n int) (string, error) {
	if _, err := packages.ParseVersion(version); err != nil {
		return "", err
	}
	epoch, public, _ := cutVersion(version)
	parts := segments(public)
	parts = parts[:min(n, len(parts))]
	for len(parts) < n {
		parts = append(parts, ".0")
	}
	last, hasLetters, err := bumpPart(parts[n-1])
	if err != nil {
		return "", fmt.Errorf("version %s: %w", version, err)
	}
	parts[n-1] = last
	out := epoch + strings.Join(parts, "")
	if hasLetters {
		return out, nil
	}
	return out + ".0a0", nil
}

func bumpPart(part string) (bumped string, hasLetters bool, err error) {
	at := numeral.FindAllStringIndex(part, -1)
	if at == nil {
		return "", false, fmt.Errorf("the part %q has no number to raise", part)
	}
	from, to := at[len(at)-1][0], at[len(at)-1][1]
	n, err := strconv.ParseUint(part[from:to], 10, 63)
	if err != nil {
		return "", false, fmt.Errorf("the part %q is too large", part)
	}
	part = part[:from] + strconv.FormatUint(n+1, 10) + part[to:]
	if words := letters.FindAllStringIndex(part, -1); words != nil {
		w := words[len(words)-1]
		return part[:w[0]] + "a" + part[w[1]:], true, nil
	}
	return part, false, nil
}
