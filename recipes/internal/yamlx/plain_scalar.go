package yamlx

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// value reads a scalar or a flow list that belongs to a collection at the column indent, and goes on to
// the next line.
func (r *plainReader) value(indent int) *yaml.Node {
	rest := r.rest()
	var n *yaml.Node
	end := 0
	switch rest[0] {
	case '|', '>':
		return r.blockScalar(rest, indent)
	case '"', '\'':
		n = r.node(yaml.ScalarNode, "!!str")
		end = quoted(n, rest)
	case '{':
		if !strings.HasPrefix(rest, "{}") {
			return r.giveUp()
		}
		n, end = r.node(yaml.MappingNode, "!!map"), 2
		n.Style = yaml.FlowStyle
	case '[':
		n, end = r.flowList(rest)
	case '?', ':', ',', ']', '}', '#', '&', '*', '!', '%', '@', '`':
		return r.giveUp()
	default:
		n = r.node(yaml.ScalarNode, "")
		end = plainEnd(rest)
		n.Value = strings.TrimRight(rest[:max(end, 0)], " ")
		if isDash(rest) || n.Value == "<<" {
			return r.giveUp()
		}
	}
	if end <= 0 || n == nil {
		return r.giveUp()
	}
	if after := rest[end:]; strings.Trim(after, " ") != "" {
		if i := indentOf(after); i == 0 || after[i] != '#' {
			return r.giveUp()
		}
	}
	if r.goesOn(indent) {
		return r.giveUp()
	}
	r.next()
	return n
}

// goesOn reports whether the next line that is not empty is indented more than indent: the scalar may go
// on there.
func (r *plainReader) goesOn(indent int) bool {
	for _, line := range r.lines[min(r.at+1, len(r.lines)):] {
		if i := indentOf(line); i < len(line) {
			return i > indent && line[i] != '#'
		}
	}
	return false
}

// plainEnd is where a plain scalar ends in its line, -1 where it holds what may not be in one.
func plainEnd(s string) int {
	for i := range len(s) {
		switch s[i] {
		case ':':
			if i+1 == len(s) || s[i+1] == ' ' {
				return -1
			}
		case '#':
			if i > 0 && s[i-1] == ' ' {
				return i - 1
			}
		}
	}
	return len(s)
}

// quoted reads a text in quotes that ends in its line and holds no escapes but ”. It gives the place
// after it, 0 where it is another kind.
func quoted(n *yaml.Node, s string) int {
	if s[0] == '"' {
		end := strings.IndexByte(s[1:], '"')
		if end < 0 || strings.IndexByte(s[1:end+1], '\\') >= 0 {
			return 0
		}
		n.Style, n.Value = yaml.DoubleQuotedStyle, s[1:end+1]
		return end + 2
	}
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			i++
			continue
		}
		n.Style, n.Value = yaml.SingleQuotedStyle, strings.ReplaceAll(s[1:i], "''", "'")
		return i + 1
	}
	return 0
}

// flowList reads a list in brackets of simple words and texts in quotes.
func (r *plainReader) flowList(s string) (*yaml.Node, int) {
	n, base, start := r.node(yaml.SequenceNode, "!!seq"), len(r.stack), r.col
	n.Style = yaml.FlowStyle
	defer func() { r.col, r.stack = start, r.stack[:base] }()
	for i := 1; ; {
		i += indentOf(s[i:])
		if i >= len(s) {
			return nil, 0
		}
		if s[i] == ']' && len(r.stack) == base {
			return n, i + 1
		}
		r.col = start + i
		e := r.node(yaml.ScalarNode, "")
		length := flowWord(e, s[i:])
		if length == 0 {
			return nil, 0
		}
		r.stack = append(r.stack, e)
		i += length
		if i += indentOf(s[i:]); i >= len(s) || s[i] != ',' && s[i] != ']' {
			return nil, 0
		}
		if s[i] == ']' {
			n.Content = append(make([]*yaml.Node, 0, len(r.stack)-base), r.stack[base:]...)
			return n, i + 1
		}
		i++
	}
}

// flowWord reads an entry of a list in brackets and gives its length, 0 where it is not a simple one.
func flowWord(n *yaml.Node, s string) int {
	if s[0] == '"' || s[0] == '\'' {
		n.Tag = "!!str"
		end := quoted(n, s)
		for i := range end {
			if s[i] >= 0x80 { // columns count characters
				return 0
			}
		}
		return end
	}
	i := 0
	for i < len(s) && (isWordByte(s[i]) || i > 0 && (s[i] == '.' || s[i] == '-' || s[i] == '/' || s[i] == '*' || s[i] == ' ')) {
		i++
	}
	n.Value = strings.TrimRight(s[:i], " ")
	return len(n.Value)
}

// blockScalar reads a literal or folded text below a collection at the column indent.
func (r *plainReader) blockScalar(header string, indent int) *yaml.Node {
	n := r.node(yaml.ScalarNode, "!!str")
	n.Style = yaml.LiteralStyle
	if header[0] == '>' {
		n.Style = yaml.FoldedStyle
	}
	mark := strings.TrimRight(header[1:], " ")
	strip := mark == "-"
	if mark != "" && !strip {
		return r.giveUp()
	}
	from, to, own := r.blockLines(indent)
	if from >= to || to == len(r.lines) && !r.newline {
		return r.giveUp()
	}
	n.Value = fold(r.lines[from:to], own, n.Style == yaml.LiteralStyle, strip)
	r.at = to - 1
	r.next()
	return n
}

// blockLines finds the lines of a block scalar and their common indentation; none where it is not a
// usual one.
func (r *plainReader) blockLines(indent int) (from, to, own int) {
	from = r.at + 1
	blank := 0
	for to = from; to < len(r.lines); to++ {
		line := r.lines[to]
		i := indentOf(line)
		switch {
		case i == len(line):
			blank = max(blank, i)
		case own == 0:
			if own = i; own <= max(indent, 0) {
				return 0, 0, 0
			}
		case i < own:
			if own < blank {
				return 0, 0, 0
			}
			return from, to, own
		}
	}
	if own == 0 || own < blank {
		return 0, 0, 0
	}
	return from, to, own
}

// fold joins the lines of a block scalar (YAML 1.2, sections 8.1.2 and 8.1.3).
func fold(lines []string, own int, literal, strip bool) string {
	var b strings.Builder
	size := 0
	for _, l := range lines {
		size += len(l) + 1
	}
	b.Grow(size)
	breaks, begun, wasIndented := 0, false, false
	for _, line := range lines {
		if len(line) <= own {
			breaks++
			continue
		}
		line = line[own:]
		indented := line[0] == ' '
		switch {
		case !begun:
		case literal || wasIndented || indented:
			b.WriteByte('\n')
		case breaks == 0:
			b.WriteByte(' ')
		}
		for ; breaks > 0; breaks-- {
			b.WriteByte('\n')
		}
		begun, wasIndented = true, indented
		b.WriteString(line)
	}
	if !strip {
		b.WriteByte('\n')
	}
	return b.String()
}
