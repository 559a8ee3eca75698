package recipes

import (
	"errors"
	"fmt"
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

// cutEpoch parts 1!2.3+local into its epoch with the mark, and the version without the local part.
func cutEpoch(version string) (epoch, public string) {
	public, _, _ = strings.Cut(version, "+")
	if e, rest, ok := strings.Cut(public, "!"); ok {
		return e + "!", rest
	}
	return "", public
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
	epoch, public := cutEpoch(version)
	parts := segments(public)
	return epoch + strings.Join(parts[:min(n, len(parts))], "")
}

// bump raises the n-th part of a version and marks the result as earlier than all its pre-releases.
func bump(version string, n int) (string, error) {
	if _, err := packages.ParseVersion(version); err != nil {
		return "", err
	}
	epoch, public := cutEpoch(version)
	parts := segments(public)
	parts = parts[:min(n, len(parts))]
	for len(parts) < n {
		parts = append(parts, ".0")
	}
	last := parts[n-1]
	separator := ""
	if n > 1 {
		separator, last = last[:1], last[1:]
	}
	digits := len(last) - len(strings.TrimLeft(last, "0123456789"))
	number, err := strconv.ParseUint("0"+last[:digits], 10, 63)
	if err != nil {
		return "", fmt.Errorf("the part %q of %s is too large", last, version)
	}
	parts[n-1] = separator + strconv.FormatUint(number+1, 10) + last[digits:]
	out := epoch + strings.Join(parts, "")
	if strings.IndexFunc(parts[n-1], func(r rune) bool { return r >= 'a' && r <= 'z' }) >= 0 {
		return out, nil // 1.1.1k rises to 1.1.2k; a letter sorts early already
	}
	return out + ".0a0", nil
}
