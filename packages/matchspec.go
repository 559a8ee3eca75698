package packages

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"forge/platforms"
)

// MatchSpec is a condition on records: name, version, build and whatever else a spec may name (CEP 29,
// https://github.com/conda/ceps; the bracket keys extras, flags and when are those of repodata v3).
// Fields that are zero allow anything.
type MatchSpec struct {
	Name          string // lower case
	Version       VersionSpec
	Build         BuildSpec
	BuildNumber   BuildNumberSpec
	Channel       string // name, URL or folder, without subdir
	Subdir        string
	Namespace     string
	FileName      string
	URL           string
	MD5           string // lower-case hex
	SHA256        string // lower-case hex
	License       string
	LicenseFamily string
	TrackFeatures []string
	Extras        []string   // groups of optional dependencies asked for
	Flags         []string   // patterns that flags of the record must meet
	When          *Condition // the requirement counts only where this holds
}

// BuildSpec is a condition on build strings: a plain string, a glob with "*", or a regular expression
// between "^" and "$". The zero BuildSpec is none.
type BuildSpec struct {
	text string
	re   *regexp.Regexp
}

// ParseBuildSpec reads a condition on build strings.
func ParseBuildSpec(s string) (BuildSpec, error) {
	if strings.HasPrefix(s, "^") && strings.HasSuffix(s, "$") {
		re, err := regexp.Compile(s)
		if err != nil {
			return BuildSpec{}, fmt.Errorf("build string %q: %w", s, err)
		}
		return BuildSpec{s, re}, nil
	}
	return BuildSpec{text: s}, nil
}

// String is the condition as it was written.
func (b BuildSpec) String() string { return b.text }

// IsZero reports whether there is no condition.
func (b BuildSpec) IsZero() bool { return b.text == "" }

// Matches reports whether build meets the condition.
func (b BuildSpec) Matches(build string) bool {
	if b.re != nil {
		return b.re.MatchString(build)
	}
	return b.text == "" || b.text == build || matchGlob(b.text, build)
}

// matchGlob matches s against a pattern in which "*" stands for any characters.
func matchGlob(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	last := len(parts) - 1
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok || !strings.HasSuffix(s, parts[last]) {
		return false
	}
	s = strings.TrimSuffix(s, parts[last])
	for _, part := range parts[1:last] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

// BuildNumberSpec is a condition on build numbers, such as ">=3". The zero value is none.
type BuildNumberSpec struct {
	op    specOp
	bound int
}

// ParseBuildNumberSpec reads an operator and a number; a bare number means exactly it.
func ParseBuildNumberSpec(s string) (BuildNumberSpec, error) {
	digits := strings.TrimLeft(s, "=<>!")
	op, ok := map[string]specOp{"": opEqual, "=": opEqual, "==": opEqual, "!=": opNotEqual, ">": opGreater,
		">=": opGreaterEqual, "<": opLess, "<=": opLessEqual}[s[:len(s)-len(digits)]]
	n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 62)
	if !ok || err != nil {
		return BuildNumberSpec{}, fmt.Errorf("build number %q: expected an operator and a number, such as %q", s, ">=3")
	}
	return BuildNumberSpec{op, int(n)}, nil
}

// Matches reports whether n meets the condition.
func (b BuildNumberSpec) Matches(n int) bool {
	switch b.op {
	case opEqual:
		return n == b.bound
	case opNotEqual:
		return n != b.bound
	case opGreater:
		return n > b.bound
	case opGreaterEqual:
		return n >= b.bound
	case opLess:
		return n < b.bound
	case opLessEqual:
		return n <= b.bound
	}
	return true
}

// IsZero reports whether there is no condition.
func (b BuildNumberSpec) IsZero() bool { return b.op == opUnset }

// String is the normal form.
func (b BuildNumberSpec) String() string {
	if b.op == opUnset {
		return ""
	}
	return b.op.prefix() + strconv.Itoa(b.bound)
}

// Matches reports whether the record meets every condition but When, Extras and Namespace, which say
// nothing of a single record. A record whose version cannot be read matches no condition on versions.
func (m *MatchSpec) Matches(r *Record) bool {
	return m.Name == r.Name && m.MatchesNameless(r)
}

// MatchesNameless is Matches without the name.
func (m *MatchSpec) MatchesNameless(r *Record) bool {
	if !m.Build.Matches(r.Build) || !m.BuildNumber.Matches(r.BuildNumber) || !m.matchesOrigin(r) {
		return false
	}
	if m.Version.IsAny() {
		return true
	}
	v, err := ParseVersion(r.Version)
	return err == nil && m.Version.Matches(v)
}

// HasOrigin reports whether more than name, version, build and build number is asked for.
func (m *MatchSpec) HasOrigin() bool {
	return m.Channel != "" || m.Subdir != "" || m.FileName != "" || m.URL != "" || m.MD5 != "" || m.SHA256 != "" ||
		m.License != "" || m.LicenseFamily != "" || len(m.TrackFeatures) > 0 || len(m.Flags) > 0
}

func (m *MatchSpec) matchesOrigin(r *Record) bool {
	if !m.HasOrigin() {
		return true
	}
	same := func(want, have string) bool { return want == "" || strings.EqualFold(want, have) }
	exact := func(want, have string) bool { return want == "" || want == have }
	return exact(m.Subdir, r.Subdir) && exact(m.FileName, r.FileName) && exact(m.URL, r.URL) &&
		same(m.MD5, r.MD5) && same(m.SHA256, r.SHA256) && exact(m.License, r.License) &&
		exact(m.LicenseFamily, r.LicenseFamily) && m.matchesChannel(r.Channel) && m.matchesFeatures(r)
}

func (m *MatchSpec) matchesFeatures(r *Record) bool {
	have := strings.FieldsFunc(r.TrackFeatures, func(c rune) bool { return c == ' ' || c == ',' })
	for _, f := range m.TrackFeatures {
		if !slices.Contains(have, f) {
			return false
		}
	}
	for _, f := range m.Flags {
		if !slices.ContainsFunc(r.Flags, func(have string) bool { return matchGlob(f, have) }) {
			return false
		}
	}
	return true
}

// matchesChannel compares channel names; a bare name is also the end of a URL or folder.
func (m *MatchSpec) matchesChannel(channel string) bool {
	if m.Channel == "" {
		return true
	}
	want, have := strings.TrimRight(m.Channel, "/"), strings.TrimRight(channel, "/")
	if want == have || strings.TrimPrefix(want, "file://") == strings.TrimPrefix(have, "file://") {
		return true
	}
	return !strings.Contains(want, "://") && strings.Contains(have, "/") && strings.HasSuffix(have, "/"+want)
}

// splitSubdir takes a subdir from the end of a channel.
func splitSubdir(channel string) (string, string) {
	base := path.Base(channel)
	if channel != base {
		if _, err := platforms.Parse(base); err == nil {
			return strings.TrimRight(strings.TrimSuffix(channel, base), "/"), base
		}
	}
	return channel, ""
}

// String is the normal form; parsing it gives the same condition.
func (m *MatchSpec) String() string {
	var b strings.Builder
	brackets := m.bracketFields()
	if m.Channel != "" && !strings.Contains(m.Channel, "://") {
		b.WriteString(m.Channel)
		if m.Subdir != "" {
			b.WriteString("/" + m.Subdir)
		}
		b.WriteString(":" + m.Namespace + ":")
	}
	b.WriteString(m.Name)
	if !m.Version.IsZero() {
		b.WriteString(" " + m.Version.String())
	} else if m.buildInline() {
		b.WriteString(" *")
	}
	if m.buildInline() {
		b.WriteString(" " + m.Build.String())
	}
	if len(brackets) > 0 {
		b.WriteString("[" + strings.Join(brackets, ", ") + "]")
	}
	return b.String()
}

// buildInline reports whether the build string can stand behind the version.
func (m *MatchSpec) buildInline() bool {
	return !m.Build.IsZero() && !strings.ContainsAny(m.Build.text, " \t[]#'\"=:;@")
}

// quoteValue puts a value between quotes; where it holds double ones and none of the others, between
// single ones.
func quoteValue(value string) string {
	if strings.Contains(value, `"`) && !strings.Contains(value, `\`) && !strings.Contains(value, "'") {
		return "'" + value + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

func (m *MatchSpec) bracketFields() []string {
	var out []string
	add := func(key, value string) {
		if value != "" {
			out = append(out, key+"="+quoteValue(value))
		}
	}
	if !m.buildInline() {
		add("build", m.Build.String())
	}
	add("md5", m.MD5)
	add("sha256", m.SHA256)
	add("build_number", m.BuildNumber.String())
	add("fn", m.FileName)
	if strings.Contains(m.Channel, "://") {
		add("channel", m.Channel)
		add("subdir", m.Subdir)
	} else if m.Channel == "" {
		add("subdir", m.Subdir)
	}
	add("url", m.URL)
	add("license", m.License)
	add("license_family", m.LicenseFamily)
	add("track_features", strings.Join(m.TrackFeatures, " "))
	if len(m.Extras) > 0 {
		out = append(out, "extras=["+strings.Join(m.Extras, ", ")+"]")
	}
	if len(m.Flags) > 0 {
		out = append(out, "flags=["+strings.Join(m.Flags, ", ")+"]")
	}
	if m.When != nil {
		add("when", m.When.String())
	}
	return out
}
