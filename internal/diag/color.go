package diag

import "strings"

// WithoutColor removes what sets colours (ECMA-48 SGR): tools that colour their output need no second one.
func WithoutColor(s string) string {
	for {
		from := strings.Index(s, "\x1b[")
		if from < 0 {
			return s
		}
		to := from + 2
		for to < len(s) && (s[to] >= '0' && s[to] <= '9' || s[to] == ';' || s[to] == ':') {
			to++
		}
		if to == len(s) || s[to] != 'm' && s[to] != 'K' {
			return s
		}
		s = s[:from] + s[to+1:]
	}
}
