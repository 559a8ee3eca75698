package recipes

import (
	"errors"
	"fmt"
	"strings"

	"forge/packages"
)

var errEmptyPin = errors.New("the pin names no package")

// Apply gives the match spec that p stands for, once the version and build string of its package are
// known (conda-build's apply_pin_expressions, rattler-build's Pin::apply).
func (p *Pin) Apply(version, build string) (string, error) {
	equal, bound := "==", packages.Pin
	if p.CondaBuild {
		equal, bound = "", packages.PinV0
	}
	if p.Exact {
		return p.Name + " " + equal + version + " " + build, nil
	}
	bounds, err := bound(version, p.Lower, p.Upper)
	if err != nil {
		return "", fmt.Errorf("pin %s: %w", p.Name, err)
	}
	if bounds == "" && p.Build != "" {
		bounds = "*"
	}
	return strings.TrimSpace(strings.TrimSpace(p.Name+" "+bounds) + " " + p.Build), nil
}
