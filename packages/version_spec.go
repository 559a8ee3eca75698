package packages

import (
	"fmt"
	"strings"
)

// VersionSpec is a condition on versions, such as ">=1.2,<2|3.*". The zero VersionSpec is none at all.
// (https://docs.conda.io/projects/conda/en/latest/user-guide/concepts/pkg-specs.html).
type VersionSpec struct {
	op    specOp
	bound Version       // of a constraint
	terms []VersionSpec // of opAll and opAny
}

type specOp byte

const (
	opUnset      specOp = iota // no condition
	opEverything               // *
	opEqual
	opNotEqual
	opGreater
	opGreaterEqual
	opLess
	opLessEqual
	opPrefix     // 1.2.*
	opNotPrefix  // !=1.2.*
	opCompatible // ~=1.2
	opAll        // a,b
	opAny        // a|b
)

func (op specOp) prefix() string {
	switch op {
	case opEqual:
		return "=="
	case opNotEqual, opNotPrefix:
		return "!="
	case opGreater:
		return ">"
	case opGreaterEqual:
		return ">="
	case opLess:
		return "<"
	case opLessEqual:
		return "<="
	case opCompatible:
		return "~="
	}
	return ""
}

// ParseVersionSpec reads a version condition as conda's clients do: a bare version means exactly it,
// and a needless glob behind an operator is dropped.
func ParseVersionSpec(s string) (VersionSpec, error) { return parseVersionSpec(s, false) }

// ParseVersionSpecStrict reads a version condition as recipe.yaml needs it written: a bare version and
// a glob behind an operator are errors.
func ParseVersionSpecStrict(s string) (VersionSpec, error) { return parseVersionSpec(s, true) }

// Matches reports whether v meets the condition.
func (s VersionSpec) Matches(v Version) bool {
	switch s.op {
	case opEqual:
		return v.key == s.bound.key
	case opNotEqual:
		return v.key != s.bound.key
	case opGreater:
		return v.key > s.bound.key
	case opGreaterEqual:
		return v.key >= s.bound.key
	case opLess:
		return v.key < s.bound.key
	case opLessEqual:
		return v.key <= s.bound.key
	case opPrefix:
		return v.HasPrefix(s.bound)
	case opNotPrefix:
		return !v.HasPrefix(s.bound)
	case opCompatible:
		return v.key >= s.bound.key && v.isCompatible(s.bound)
	case opAll:
		for _, t := range s.terms {
			if !t.Matches(v) {
				return false
			}
		}
	case opAny:
		for _, t := range s.terms {
			if t.Matches(v) {
				return true
			}
		}
		return false
	}
	return true
}

// IsAny reports whether every version meets the condition.
func (s VersionSpec) IsAny() bool { return s.op <= opEverything }

// IsZero reports whether there is no condition, not even "*".
func (s VersionSpec) IsZero() bool { return s.op == opUnset }

// String is the normal form; parsing it strictly gives the same condition.
func (s VersionSpec) String() string {
	switch s.op {
	case opUnset:
		return ""
	case opEverything:
		return "*"
	case opPrefix, opNotPrefix:
		return s.op.prefix() + s.bound.Normal() + ".*"
	case opAll, opAny:
		parts := make([]string, len(s.terms))
		for i, t := range s.terms {
			parts[i] = t.String()
			if s.op == opAll && t.op == opAny {
				parts[i] = "(" + parts[i] + ")"
			}
		}
		return strings.Join(parts, map[specOp]string{opAll: ",", opAny: "|"}[s.op])
	}
	return s.op.prefix() + s.bound.Normal()
}

// maxSpecTerms bounds the constraints of one condition and the depth of its brackets.
const maxSpecTerms = 1000

// specParser reads a condition from left to right.
type specParser struct {
	rest   string
	strict bool
	terms  int
}

func parseVersionSpec(s string, strict bool) (VersionSpec, error) {
	p := &specParser{rest: s, strict: strict}
	spec, err := p.any(0)
	if err == nil && p.rest != "" {
		err = fmt.Errorf("unexpected %q", p.rest)
	}
	if err != nil {
		return VersionSpec{}, fmt.Errorf("version condition %q: %w", s, err)
	}
	return spec, nil
}

func (p *specParser) any(depth int) (VersionSpec, error) {
	return p.list('|', opAny, func() (VersionSpec, error) {
		return p.list(',', opAll, func() (VersionSpec, error) { return p.term(depth) })
	})
}

// list reads items separated by sep; one alone stands for itself, nested lists of one kind are joined.
func (p *specParser) list(sep byte, op specOp, item func() (VersionSpec, error)) (VersionSpec, error) {
	var terms []VersionSpec
	for {
		t, err := item()
		if err != nil {
			return t, err
		}
		if t.op == op {
			terms = append(terms, t.terms...)
		} else {
			terms = append(terms, t)
		}
		if p.rest == "" || p.rest[0] != sep {
			break
		}
		p.rest = p.rest[1:]
	}
	if len(terms) == 1 {
		return terms[0], nil
	}
	return VersionSpec{op: op, terms: terms}, nil
}

func (p *specParser) term(depth int) (VersionSpec, error) {
	p.rest = strings.TrimLeft(p.rest, " \t")
	if p.terms++; p.terms > maxSpecTerms || depth > maxSpecTerms {
		return VersionSpec{}, fmt.Errorf("more than %d terms", maxSpecTerms)
	}
	if strings.HasPrefix(p.rest, "(") {
		p.rest = p.rest[1:]
		spec, err := p.any(depth + 1)
		if err != nil {
			return spec, err
		}
		if !strings.HasPrefix(p.rest, ")") {
			return spec, fmt.Errorf("missing %q", ")")
		}
		p.rest = strings.TrimLeft(p.rest[1:], " \t")
		return spec, nil
	}
	n := strings.IndexAny(p.rest, ",|()")
	if n < 0 {
		n = len(p.rest)
	}
	text := strings.TrimSpace(p.rest[:n])
	p.rest = p.rest[n:]
	return parseConstraint(text, p.strict)
}

// parseConstraint reads one operator with its version.
func parseConstraint(text string, strict bool) (VersionSpec, error) {
	if strings.HasPrefix(text, "^") {
		return VersionSpec{}, fmt.Errorf("regular expressions are not supported in versions")
	}
	n := 0
	for n < len(text) && strings.IndexByte("=<>!~", text[n]) >= 0 {
		n++
	}
	operator, rest := text[:n], text[n:]
	op, ok := map[string]specOp{"": opEqual, "==": opEqual, "=": opPrefix, "!=": opNotEqual, ">": opGreater,
		">=": opGreaterEqual, "<": opLess, "<=": opLessEqual, "~=": opCompatible}[operator]
	if !ok {
		return VersionSpec{}, fmt.Errorf("invalid operator %q", operator)
	}
	if strings.HasPrefix(rest, " ") {
		return VersionSpec{}, fmt.Errorf("remove the space behind %q", operator)
	}
	base, globs := cutGlobs(rest)
	if globs > 0 {
		return globConstraint(operator, op, base, globs, strict)
	}
	v, err := ParseVersion(rest)
	if err != nil {
		return VersionSpec{}, err
	}
	if operator == "" && strict {
		return VersionSpec{}, fmt.Errorf("missing range specifier for %q; write \"==%[1]s\" for exactly this or \"%[1]s.*\" for any that begins so", rest)
	}
	return VersionSpec{op: op, bound: v}, nil
}

// cutGlobs takes a final "*" and every ".*" before it from the end.
func cutGlobs(s string) (base string, globs int) {
	for base = s; strings.HasSuffix(base, ".*"); globs++ {
		base = strings.TrimSuffix(base, ".*")
	}
	if trimmed := strings.TrimSuffix(base, "*"); trimmed != base && (globs == 0 || trimmed == "") {
		return trimmed, max(globs, 1)
	}
	return base, globs
}

func globConstraint(operator string, op specOp, base string, globs int, strict bool) (VersionSpec, error) {
	switch {
	case base == "" && operator == "!=":
		return VersionSpec{}, fmt.Errorf("%q excludes every version", "!=*")
	case operator != "" && operator != "!=" && strict:
		return VersionSpec{}, fmt.Errorf("a glob cannot follow %q; drop the \"*\"", operator)
	case base == "":
		return VersionSpec{op: opEverything}, nil
	case globs > 1 && strict:
		return VersionSpec{}, fmt.Errorf("one \".*\" at the end is enough")
	}
	v, err := ParseVersion(base)
	if err != nil {
		return VersionSpec{}, err
	}
	switch operator {
	case "", "=":
		op = opPrefix
	case "!=":
		op = opNotPrefix
	case ">":
		op = opGreaterEqual
	}
	return VersionSpec{op: op, bound: v}, nil
}
