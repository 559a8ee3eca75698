package packages

import (
	"errors"
	"fmt"
	"strings"
)

// Condition is the value of a spec's "when": specs joined with "and" and "or" and brackets
// (repodata v3). Either Spec is set, or Terms with And telling how they are joined.
type Condition struct {
	Spec  *MatchSpec
	And   bool
	Terms []*Condition
}

// maxConditionDepth bounds nested brackets.
const maxConditionDepth = 100

// ParseCondition reads a condition; "and" binds tighter than "or".
func ParseCondition(s string) (*Condition, error) {
	p := &conditionParser{rest: s}
	c, err := p.join(false, 0)
	if err == nil && p.rest != "" {
		err = fmt.Errorf("unexpected %q", p.rest)
	}
	if err != nil {
		return nil, fmt.Errorf("condition %q: %w", s, err)
	}
	return c, nil
}

type conditionParser struct{ rest string }

func (p *conditionParser) space() { p.rest = strings.TrimLeft(p.rest, " \t") }

// join reads terms separated by "or", or by "and" where and is set.
func (p *conditionParser) join(and bool, depth int) (*Condition, error) {
	if depth > maxConditionDepth {
		return nil, errors.New("brackets are nested too deeply")
	}
	var terms []*Condition
	for {
		var term *Condition
		var err error
		if and {
			term, err = p.term(depth)
		} else {
			term, err = p.join(true, depth)
		}
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
		word := map[bool]string{true: "and", false: "or"}[and]
		if !p.keyword(word) {
			break
		}
		p.rest = p.rest[len(word):]
	}
	if len(terms) == 1 {
		return terms[0], nil
	}
	return &Condition{And: and, Terms: terms}, nil
}

// keyword reports whether word stands next, as a word of its own.
func (p *conditionParser) keyword(word string) bool {
	p.space()
	after, ok := strings.CutPrefix(p.rest, word)
	return ok && (after == "" || strings.IndexByte(" \t(", after[0]) >= 0)
}

func (p *conditionParser) term(depth int) (*Condition, error) {
	p.space()
	if !strings.HasPrefix(p.rest, "(") {
		return p.spec()
	}
	p.rest = p.rest[1:]
	c, err := p.join(false, depth+1)
	if err != nil {
		return nil, err
	}
	p.space()
	if !strings.HasPrefix(p.rest, ")") {
		return nil, errors.New(`missing ")"`)
	}
	p.rest = p.rest[1:]
	return c, nil
}

// spec reads up to the next keyword or closing bracket outside of quotes and square brackets.
func (p *conditionParser) spec() (*Condition, error) {
	end, depth := 0, 0
	var quote byte
scan:
	for ; end < len(p.rest); end++ {
		switch c := p.rest[end]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth == 0 && c == ')':
			break scan
		case depth == 0 && c == ' ':
			after := &conditionParser{rest: p.rest[end:]}
			if after.keyword("and") || after.keyword("or") {
				break scan
			}
		}
	}
	m, err := ParseMatchSpec(p.rest[:end])
	if err != nil {
		return nil, err
	}
	p.rest = p.rest[end:]
	p.space()
	return &Condition{Spec: m}, nil
}

// String is the normal form.
func (c *Condition) String() string {
	if c.Spec != nil {
		return c.Spec.compact()
	}
	word := " or "
	if c.And {
		word = " and "
	}
	parts := make([]string, len(c.Terms))
	for i, t := range c.Terms {
		parts[i] = t.String()
		if c.And && t.Spec == nil && !t.And {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, word)
}

// compact is String without spaces outside of brackets.
func (m *MatchSpec) compact() string {
	if v := m.Version.String(); m.Build.IsZero() && (v == "" || strings.IndexByte("=<>!~", v[0]) >= 0) {
		return strings.Replace(m.String(), " ", "", 1)
	}
	n := *m
	n.Version, n.Build = VersionSpec{}, BuildSpec{}
	plain := n.String()
	head, tail, _ := strings.Cut(plain, "[")
	fields := []string{}
	if !m.Version.IsZero() {
		fields = append(fields, "version="+quoteValue(m.Version.String()))
	}
	if !m.Build.IsZero() {
		fields = append(fields, "build="+quoteValue(m.Build.String()))
	}
	if tail != "" {
		fields = append(fields, strings.TrimSuffix(tail, "]"))
	}
	return head + "[" + strings.Join(fields, ", ") + "]"
}
