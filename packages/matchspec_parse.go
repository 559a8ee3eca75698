package packages

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxSpec bounds a match spec in bytes.
const maxSpec = 64 << 10

// ParseMatchSpec reads a match spec as conda's clients and repodata.json write it: "numpy 1.8" is
// exactly that version, "numpy=1.8=py27_0" names a build.
func ParseMatchSpec(s string) (*MatchSpec, error) { return parseSpec(s, false) }

// ParseMatchSpecStrict reads a match spec as recipe.yaml needs it written: every version has an
// operator or a glob, builds are set off by a space and hold only letters, digits, "_" and "*".
func ParseMatchSpecStrict(s string) (*MatchSpec, error) { return parseSpec(s, true) }

func parseSpec(s string, strict bool) (*MatchSpec, error) {
	m := &MatchSpec{}
	if len(s) > maxSpec {
		return nil, fmt.Errorf("match spec %q…: longer than %d bytes", s[:40], maxSpec)
	}
	if err := m.parse(stripComment(s), strict); err != nil {
		return nil, fmt.Errorf("match spec %q: %w", s, err)
	}
	return m, nil
}

func (m *MatchSpec) parse(s string, strict bool) error {
	s = strings.TrimSpace(s)
	if s == "" {
		return errors.New("it is empty; a package name is needed")
	}
	if strings.Contains(s, ";") && !strings.Contains(s, "[") {
		return errors.New(`";" conditions are not supported; write [when="…"] behind the spec`)
	}
	if isArchiveURL(s) {
		return m.setURL(s)
	}
	s, fields, err := cutBrackets(s)
	if err != nil {
		return err
	}
	channel, namespace, rest := cutChannel(s)
	if err := m.setChannel(channel); err != nil {
		return err
	}
	m.Namespace = namespace
	n := strings.IndexAny(rest, " \t=<>!~")
	if n < 0 {
		n = len(rest)
	}
	if err := m.setName(rest[:n]); err != nil {
		return err
	}
	if err := m.parseTail(strings.TrimSpace(rest[n:]), strict); err != nil {
		return err
	}
	for _, f := range fields {
		if err := m.setField(f[0], f[1], strict); err != nil {
			return err
		}
	}
	return nil
}

// ValidName reports whether s may name a package: letters, digits, "-", "_" and ".".
func ValidName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !isWord(c|0x20) && !isDigit(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return s != "" && s != "." && s != ".."
}

func (m *MatchSpec) setName(name string) error {
	if i := strings.IndexFunc(name, func(c rune) bool { return c >= utf8.RuneSelf }); i >= 0 {
		c, _ := utf8.DecodeRuneInString(name[i:])
		return fmt.Errorf("%q is no package name: the letter %q in it is %U, whatever it looks like", name, c, c)
	}
	if !ValidName(name) {
		return fmt.Errorf("%q is no package name; it may hold letters, digits, \"-\", \"_\" and \".\"", name)
	}
	m.Name = strings.ToLower(name)
	return nil
}

func (m *MatchSpec) setChannel(channel string) error {
	if channel == "" {
		return nil
	}
	if strings.ContainsAny(channel, "\\[] ") || strings.Contains(strings.Replace(channel, "://", "", 1), "::") {
		return fmt.Errorf("invalid channel %q", channel)
	}
	subdir := ""
	if m.Channel, subdir = splitSubdir(channel); subdir != "" {
		m.Subdir = subdir
	}
	return nil
}

// stripComment cuts what follows "#" outside of quotes, brackets and URLs.
func stripComment(s string) string {
	if strings.Contains(s, "://") {
		return s
	}
	if i := strings.IndexByte(s, '#'); i >= 0 && !strings.Contains(s[:i], "[") {
		return s[:i]
	}
	return s
}

// isArchiveURL reports whether s is the URL or absolute path of an archive.
func isArchiveURL(s string) bool {
	base, _, _ := strings.Cut(s, "#")
	if !strings.HasSuffix(base, ".conda") && !strings.HasSuffix(base, ".tar.bz2") || strings.ContainsAny(base, "[ ") || strings.Contains(base, "::") {
		return false
	}
	return strings.Contains(base, "://") || strings.HasPrefix(base, "/") || len(base) > 3 && base[1] == ':' && (base[2] == '\\' || base[2] == '/')
}

func (m *MatchSpec) setURL(s string) error {
	s, sum, _ := strings.Cut(s, "#")
	if strings.HasPrefix(s, "/") {
		s = "file://" + s
	} else if s[1] == ':' {
		s = "file:///" + strings.ReplaceAll(s, `\`, "/")
	}
	m.URL = s
	if sum != "" {
		if err := m.setSum(sum); err != nil {
			return err
		}
	}
	stem := strings.TrimSuffix(strings.TrimSuffix(path.Base(s), ".conda"), ".tar.bz2")
	parts := strings.Split(stem, "-")
	if len(parts) < 3 {
		return fmt.Errorf("file name %q is not NAME-VERSION-BUILD", path.Base(s))
	}
	return m.setName(strings.Join(parts[:len(parts)-2], "-"))
}

func (m *MatchSpec) setSum(sum string) error {
	key := "md5"
	if len(sum) == 64 {
		key = "sha256"
	}
	return m.setField(key, sum, false)
}

// cutChannel splits CHANNEL:NAMESPACE:REST.
func cutChannel(s string) (channel, namespace, rest string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", "", s
	}
	j := strings.LastIndexByte(s[:i], ':')
	if j < 0 {
		return "", s[:i], s[i+1:]
	}
	return strings.TrimSpace(s[:j]), s[j+1 : i], s[i+1:]
}

// parseTail reads version and build behind the name.
func (m *MatchSpec) parseTail(tail string, strict bool) error {
	if tail == "" {
		return nil
	}
	version, build := cutBuild(tail)
	if !strict {
		build = strings.TrimPrefix(build, "=")
		version = lenientVersion(version, build != "")
	}
	var err error
	if m.Version, err = parseVersionSpec(version, strict); err != nil || build == "" {
		return err
	}
	isRegexp := !strict && strings.HasPrefix(build, "^") && strings.HasSuffix(build, "$")
	if strings.ContainsAny(build, "<>=!~,|()[]") && !isRegexp {
		return fmt.Errorf("%q is no build string; conditions on versions are joined with \",\"", build)
	}
	if strict && strings.Trim(strings.ToLower(build), "abcdefghijklmnopqrstuvwxyz0123456789_*") != "" {
		return fmt.Errorf("the build string %q may only hold letters, digits, \"_\" and \"*\"", build)
	}
	m.Build, err = ParseBuildSpec(build)
	return err
}

// lenientVersion turns conda's shorthand into operators: "==1.*" is 1.*, "=1" with a build is exactly 1.
func lenientVersion(v string, hasBuild bool) string {
	bare := strings.TrimPrefix(v, "=")
	switch {
	case strings.HasPrefix(v, "==") && !hasBuild:
		return v[2:]
	case bare == v || !hasBuild || strings.ContainsAny(bare, "=,|"):
		return v
	}
	return bare
}

// cutBuild splits at the space or "=" that ends the version and drops the spaces inside the version.
func cutBuild(tail string) (version, build string) {
	var b strings.Builder
	last := byte(0) // of the version so far
	for i := 0; i < len(tail); i++ {
		c := tail[i]
		inside := strings.IndexByte(",|(=<>!~\x00", last) >= 0 // an operand must follow
		switch {
		case c == ' ' || c == '\t':
			rest := strings.TrimLeft(tail[i:], " \t")
			if !inside && (rest == "" || strings.IndexByte(",|)", rest[0]) < 0) {
				return b.String(), strings.TrimSpace(rest)
			}
			continue
		case c == '=' && !inside, last == '*' && b.Len() == 1 && isBuildStart(tail[i:]):
			return b.String(), strings.TrimSpace(tail[i:])
		}
		b.WriteByte(c)
		last = c
	}
	return b.String(), ""
}

// isBuildStart reports whether what follows a lone "*" is no part of the version.
func isBuildStart(rest string) bool {
	return !strings.HasPrefix(rest, ".*") && strings.IndexByte(",|)*", rest[0]) < 0
}

// cutBrackets takes the [key=value, …] groups from the end.
func cutBrackets(s string) (rest string, fields [][2]string, err error) {
	i := strings.IndexByte(s, '[')
	if i < 0 {
		if strings.Contains(s, "]") {
			return "", nil, errors.New(`"]" without "["`)
		}
		return s, nil, nil
	}
	if !strings.HasSuffix(s, "]") {
		return "", nil, errors.New(`"[" must be closed at the end of the spec`)
	}
	fields, err = splitFields(s[i+1 : len(s)-1])
	return strings.TrimSpace(s[:i]), fields, err
}

// splitFields splits at commas outside of quotes and nested brackets.
func splitFields(s string) (fields [][2]string, err error) {
	for rest := strings.TrimSpace(s); rest != ""; {
		key, after, ok := strings.Cut(rest, "=")
		if key = strings.TrimSpace(key); !ok || key == "" || strings.ContainsAny(key, "'\"[]") {
			return nil, fmt.Errorf("invalid bracket %q; expected key=value", rest)
		}
		value, tail, err := cutValue(strings.TrimLeft(after, " \t"))
		if err != nil {
			return nil, fmt.Errorf("invalid bracket %q: %w", key, err)
		}
		fields = append(fields, [2]string{key, value})
		if rest = strings.TrimSpace(tail); rest == "" {
			break
		}
		if rest[0] != ',' || strings.TrimSpace(rest[1:]) == "" {
			return nil, fmt.Errorf("invalid bracket: expected key=value instead of %q", rest)
		}
		rest = strings.TrimSpace(rest[1:])
	}
	return fields, nil
}

// cutValue takes a quoted string, a list (with its brackets) or a bare word from the front.
func cutValue(s string) (value, rest string, err error) {
	if s == "" {
		return "", "", errors.New("no value")
	}
	closing := map[byte]string{'"': `"`, '\'': "'", '[': "]"}[s[0]]
	if closing == "" {
		if i := strings.IndexByte(s, ','); i >= 0 {
			return strings.TrimSpace(s[:i]), s[i:], nil
		}
		return strings.TrimSpace(s), "", nil
	}
	if closing == "]" {
		i := strings.Index(s, closing)
		if i < 0 {
			return "", "", fmt.Errorf("missing %s", closing)
		}
		return s[:i+1], s[i+1:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == closing[0]:
			return b.String(), s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '\\' || s[i+1] == '"'):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", fmt.Errorf("missing %s", closing)
}

// setField sets what a bracket names.
func (m *MatchSpec) setField(key, value string, strict bool) (err error) {
	switch key {
	case "version":
		m.Version, err = parseVersionSpec(value, strict)
	case "build":
		m.Build, err = ParseBuildSpec(value)
	case "build_number":
		m.BuildNumber, err = ParseBuildNumberSpec(value)
	case "channel":
		err = m.setChannel(value)
	case "subdir":
		m.Subdir = value
	case "fn":
		m.FileName = value
	case "url":
		m.URL = value
	case "md5", "sha256":
		err = m.setDigest(key, strings.ToLower(value))
	case "license":
		m.License = value
	case "license_family":
		m.LicenseFamily = value
	case "track_features":
		m.TrackFeatures = strings.FieldsFunc(value, func(c rune) bool { return c == ' ' || c == ',' })
	case "extras":
		m.Extras, err = parseList(value, ValidName)
	case "flags":
		m.Flags, err = parseList(value, validFlag)
	case "when":
		m.When, err = ParseCondition(value)
	default:
		keys := []string{"version", "build", "build_number", "channel", "subdir", "fn", "url", "md5", "sha256",
			"license", "license_family", "track_features", "extras", "flags", "when"}
		err = fmt.Errorf("invalid bracket key %q (known: %s)", key, strings.Join(keys, " "))
	}
	return err
}

func (m *MatchSpec) setDigest(key, value string) error {
	size := map[string]int{"md5": 16, "sha256": 32}[key]
	if b, err := hex.DecodeString(value); err != nil || len(b) != size {
		return fmt.Errorf("%s %q is not %d hexadecimal digits", key, value, 2*size)
	}
	if key == "md5" {
		m.MD5 = value
	} else {
		m.SHA256 = value
	}
	return nil
}

// parseList reads "[a, 'b']" or one bare item.
func parseList(value string, valid func(string) bool) ([]string, error) {
	var out []string
	value = strings.TrimSuffix(strings.TrimPrefix(value, "["), "]")
	for item := range strings.SplitSeq(value, ",") {
		item = strings.Trim(strings.TrimSpace(item), `'"`)
		if !valid(item) {
			return nil, fmt.Errorf("invalid list item %q", item)
		}
		if !slices.Contains(out, item) {
			out = append(out, item)
		}
	}
	return out, nil
}

// validFlag reports whether s is NAME or NAME:PART in lower case, with "*" as a glob.
func validFlag(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_:*") == ""
}
