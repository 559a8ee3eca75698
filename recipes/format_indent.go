package recipes

import (
	"strings"

	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// layout is the indentation that each line shall have.
type layout struct {
	*outline
	want   map[int]int // line → spaces before its first character
	follow map[int]int // line → the line whose shift it takes: inside of texts and brackets
	blocks map[int]int // line of a block's mark → spaces before its text
}

// indented is the text with its indentation put right.
func (o *outline) indented() string {
	l := &layout{outline: o, want: map[int]int{}, follow: map[int]int{}, blocks: map[int]int{}}
	if o.root.Style&yaml.FlowStyle != 0 || o.root.Kind == yaml.ScalarNode {
		return o.text
	}
	l.node(o.root, 0)
	l.comments()
	return l.write()
}

func (l *layout) set(line, indent int) {
	if _, done := l.want[line]; !done && line > 0 {
		l.want[line] = indent
	}
}

// node lays a value out whose own lines begin at indent; where its line was begun by a dash or a key
// before it, only what follows it is laid out.
func (l *layout) node(n *yaml.Node, indent int) {
	switch {
	case n.Kind == yaml.ScalarNode || n.Style&yaml.FlowStyle != 0:
		l.leaf(n, indent)
	case n.Kind == yaml.MappingNode:
		for k, v := range yamlx.Pairs(n) {
			l.set(k.Line, indent)
			l.value(k, v, indent)
		}
	case n.Kind == yaml.SequenceNode:
		for _, e := range n.Content {
			l.set(l.dash(n, e), indent)
			l.node(e, indent+2)
		}
	}
}

func (l *layout) value(k, v *yaml.Node, indent int) {
	inner := indent + 2
	if v.Kind == yaml.SequenceNode && v.Column == k.Column && l.format == "meta.yaml" {
		inner = indent // conda-build cuts texts apart by the indentation of their lists
	}
	if v.Line > k.Line && (v.Kind == yaml.ScalarNode || v.Style&yaml.FlowStyle != 0) {
		l.set(v.Line, inner)
	}
	l.node(v, inner)
}

// dash is the line of an item's dash.
func (l *layout) dash(list, item *yaml.Node) int {
	for line := item.Line; line >= list.Line; line-- {
		at := l.offset(line, list.Column)
		if at < len(l.text) && l.text[at] == '-' && strings.Trim(l.text[l.starts[line-1]:at], " -") == "" {
			return line
		}
	}
	return 0
}

// leaf is a scalar or a collection in brackets: its further lines move with its first one.
func (l *layout) leaf(n *yaml.Node, indent int) {
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		line := n.Line
		if mark := l.line(line); strings.ContainsAny(blockMark.FindString(mark), "123456789") {
			for i, end := line+1, l.blockEnd(line); i <= end; i++ {
				l.follow[i] = line
			}
			return
		}
		l.blocks[line] = indent
		return
	}
	for i := n.Line + 1; i <= l.lastLine(n); i++ {
		l.follow[i] = n.Line
	}
}

var blockMark = pattern{src: `[|>][0-9+-]*\s*(#.*)?$`}

// lastLine is the last line of a scalar or a collection in brackets.
func (l *layout) lastLine(n *yaml.Node) int {
	from := l.offset(n.Line, n.Column)
	end := from
	switch {
	case n.Kind != yaml.ScalarNode:
		depth := 0
		for i := from; i < len(l.text); i++ {
			switch l.text[i] {
			case '"', '\'':
				if q := quotedLength(l.text[i:]); q > 0 {
					i += q - 1
				}
			case '[', '{':
				depth++
			case ']', '}':
				depth--
			}
			if depth == 0 {
				end = i
				break
			}
		}
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		end = from + quoteEnd(l.text[from:])
	default: // plain: as many lines as it has words left
		return n.Line + plainLines(l.outline, n)
	}
	line, _ := l.place(max(from, end-1))
	return line
}

// quotedLength is the length of a quoted text at the start of s, 0 where there is none.
func quotedLength(s string) int { return quoteEnd(s) }

// plainLines counts the further lines of a plain scalar.
func plainLines(o *outline, n *yaml.Node) int {
	rest := strings.Join(strings.Fields(o.source(n.Value)), "")
	for line := n.Line; line <= len(o.starts); line++ {
		text := o.line(line)
		if line == n.Line {
			text = o.text[o.offset(line, n.Column):]
			if i := strings.IndexByte(text, '\n'); i >= 0 {
				text = text[:i]
			}
		}
		words := strings.Join(strings.Fields(text), "")
		if len(words) >= len(rest) {
			return line - n.Line
		}
		rest = rest[len(words):]
	}
	return 0
}

// comments puts lines that are only a comment where the line is that they stand above.
func (l *layout) comments() {
	inBlock := (&linter{outline: l.outline}).blockLines()
	next := 0
	for i := len(l.starts); i > 0; i-- {
		if _, placed := l.want[i]; placed {
			next = i
		}
		text := l.line(i)
		if !strings.HasPrefix(strings.TrimLeft(text, " "), "#") || inBlock[i] {
			continue
		}
		if _, inside := l.follow[i]; inside {
			continue
		}
		if _, placed := l.want[i]; placed {
			continue
		}
		before := i - 1
		for ; before > 0; before-- {
			if _, placed := l.want[before]; placed {
				break
			}
		}
		switch old := indentOf(text); {
		case next > 0 && old == indentOf(l.line(next)):
			l.want[i] = l.want[next]
		case before > 0 && old == indentOf(l.line(before)):
			l.want[i] = l.want[before]
		case before > 0 && old > indentOf(l.line(before)):
			l.want[i] = l.want[before] + 2
		case next > 0:
			l.want[i] = max(0, old+l.want[next]-indentOf(l.line(next)))
		}
	}
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

var dashes = pattern{src: `^ *((?:- +)*)`}

func (l *layout) write() string {
	var b strings.Builder
	shift := make([]int, len(l.starts)+1)
	block, from, to := 0, 0, 0 // the block scalar that is open: its last line, its old and new indentation
	for i := 1; i <= len(l.starts); i++ {
		line := l.line(i)
		if i == len(l.starts) && line == "" {
			break
		}
		switch indent, placed := l.want[i]; {
		case i <= block:
			if strings.TrimSpace(line) == "" {
				line = strings.TrimRight(line, " ")
			} else if cut := min(from, indentOf(line)); cut == from {
				line = strings.Repeat(" ", to) + line[cut:]
			}
		case placed:
			m := dashes.FindStringSubmatch(line)
			rest := line[len(m[0]):]
			old := indentOf(line)
			line = strings.Repeat(" ", indent) + strings.Repeat("- ", strings.Count(m[1], "-")) + rest
			shift[i] = indent - old
		case l.follow[i] > 0:
			shift[i] = shift[l.follow[i]]
			if n := indentOf(line) + shift[i]; strings.TrimSpace(line) != "" {
				line = strings.Repeat(" ", max(0, n)) + strings.TrimLeft(line, " ")
			}
		}
		if indent, ok := l.blocks[i]; ok && i > block {
			block, to = l.blockEnd(i), indent
			for from = 0; i+1 <= block; {
				k := i + 1
				for ; k < block && strings.TrimSpace(l.line(k)) == ""; k++ {
				}
				from = indentOf(l.line(k))
				break
			}
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
