package yamlx

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// plainReader reads the YAML that recipes are made of: block mappings and lists with texts on one line,
// block scalars and short flow lists. It takes a fraction of the library's time. Whatever else it meets,
// mistakes included, it gives up on, and the library reads the whole file; what it does read is the
// library's tree (without comments, and with the tag of a plain scalar left to ShortTag), which a fuzz
// test holds it to.
type plainReader struct {
	lines   []string
	newline bool // the last line ends in one
	at, col int  // of the next thing to read; a line beyond the last at the end
	depth   int
	gaveUp  bool
	stack   []*yaml.Node // of the collections that are being read
	slab    []yaml.Node
	nodes   int
}

const (
	maxPlainDepth = 100
	maxPlainKey   = 200
)

// readPlain reads a document, or reports false where that is the library's to do. text is what lines were
// cut from; both have no tabs, carriage returns or other breaks.
func readPlain(text string, lines []string, maxNodes int) (*yaml.Node, bool) {
	r := &plainReader{lines: lines, at: -1, newline: strings.HasSuffix(text, "\n")}
	if r.newline {
		r.lines = lines[:len(lines)-1]
	}
	r.next()
	if r.at < len(r.lines) && r.lines[r.at] == "---" {
		r.next()
	}
	if r.at >= len(r.lines) {
		return nil, false
	}
	n := r.block(-1)
	if r.gaveUp || n == nil || n.Kind == yaml.ScalarNode || r.at < len(r.lines) || r.nodes > maxNodes {
		return nil, false
	}
	return n, true
}

// isPlain reports whether the only breaks and blanks of a text are newlines and spaces.
func isPlain(text string) bool {
	return strings.IndexByte(text, '\t') < 0 && strings.IndexByte(text, '\r') < 0 &&
		!strings.Contains(text, "\u0085") && !strings.Contains(text, "\u2028") && !strings.Contains(text, "\u2029")
}

func (r *plainReader) giveUp() *yaml.Node {
	r.gaveUp = true
	r.at = len(r.lines)
	return nil
}

// next goes to the first character of the next line that has one and is no comment.
func (r *plainReader) next() {
	for r.at++; r.at < len(r.lines); r.at++ {
		line := r.lines[r.at]
		i := indentOf(line)
		if i == len(line) || line[i] == '#' {
			continue
		}
		if r.col = i; i == 0 && (line[0] == '%' || isMarker(line)) && line != "---" {
			r.giveUp()
		}
		return
	}
}

func indentOf(line string) int {
	i := 0
	for i < len(line) && line[i] == ' ' {
		i++
	}
	return i
}

// isMarker reports the marks between documents.
func isMarker(line string) bool {
	return strings.HasPrefix(line, "---") || strings.HasPrefix(line, "...")
}

func (r *plainReader) rest() string { return r.lines[r.at][r.col:] }

func (r *plainReader) node(kind yaml.Kind, tag string) *yaml.Node {
	if len(r.slab) == cap(r.slab) {
		r.slab = make([]yaml.Node, 0, min(46, 8+len(r.lines)-min(r.at, len(r.lines))))
	}
	r.nodes++
	r.slab = append(r.slab, yaml.Node{Kind: kind, Tag: tag, Line: r.at + 1, Column: r.col + 1})
	return &r.slab[len(r.slab)-1]
}

// block reads what begins here: a collection, or a scalar that belongs to a collection at the column
// parent.
func (r *plainReader) block(parent int) *yaml.Node {
	if r.depth++; r.depth > maxPlainDepth {
		return r.giveUp()
	}
	defer func() { r.depth-- }()
	rest := r.rest()
	if isDash(rest) {
		return r.list()
	}
	end := keyEnd(rest)
	switch {
	case end > 0:
		return r.mapping()
	case end < 0:
		return r.giveUp()
	}
	return r.value(parent)
}

func isDash(s string) bool { return s[0] == '-' && (len(s) == 1 || s[1] == ' ') }

// keyEnd is where the key at the beginning of s ends: 0 where there is none, less where it is not certain.
func keyEnd(s string) int {
	if strings.IndexByte(s, ':') < 0 {
		return 0
	}
	simple := true
	for i := range len(s) {
		switch c := s[i]; {
		case c == ':' && (i+1 == len(s) || s[i+1] == ' '):
			if !simple || i == 0 || i > maxPlainKey || s[i-1] == ' ' || !isWordByte(s[0]) {
				return -1
			}
			return i
		case c == '#' && i > 0 && s[i-1] == ' ':
			return 0
		case c == '"' || c == '\'' || c == '[' || c == '{':
			if i == 0 { // not a key, or one of those that are rare
				return 0
			}
			simple = false
		case !isWordByte(c) && c != '-' && c != '.' && c != ' ' && c != '/' && c != '+':
			simple = false
		}
	}
	return 0
}

func isWordByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// mapping reads the keys that stand at this column.
func (r *plainReader) mapping() *yaml.Node {
	n, base, indent := r.node(yaml.MappingNode, "!!map"), len(r.stack), r.col
	var keys keySet
	for {
		rest := r.rest()
		end := keyEnd(rest)
		if end <= 0 || isDash(rest) {
			return r.giveUp()
		}
		key := r.node(yaml.ScalarNode, "")
		key.Value = rest[:end]
		if keys.has(r.stack[base:], key.Value) {
			return r.giveUp()
		}
		r.stack = append(r.stack, key, nil)
		r.col += end + 1
		value := r.entry(indent, true)
		if r.gaveUp {
			return nil
		}
		r.stack[len(r.stack)-1] = value
		if r.at >= len(r.lines) || r.col < indent {
			break
		}
		if r.col > indent {
			return r.giveUp()
		}
	}
	n.Content = r.pop(base)
	return n
}

// keySet finds keys that are here twice: by looking at all while they are few.
type keySet map[string]bool

const fewKeys = 24

// has reports whether the key is among pairs, to which it will be added.
func (s *keySet) has(pairs []*yaml.Node, key string) bool {
	if len(pairs) < 2*fewKeys {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i].Value == key {
				return true
			}
		}
		return false
	}
	if *s == nil {
		*s = keySet{}
		for i := 0; i < len(pairs); i += 2 {
			(*s)[pairs[i].Value] = true
		}
	}
	seen := (*s)[key]
	(*s)[key] = true
	return seen
}

// list reads the entries that stand at this column.
func (r *plainReader) list() *yaml.Node {
	n, base, indent := r.node(yaml.SequenceNode, "!!seq"), len(r.stack), r.col
	for {
		r.col++
		value := r.entry(indent, false)
		if r.gaveUp {
			return nil
		}
		r.stack = append(r.stack, value)
		if r.at >= len(r.lines) || r.col < indent || r.col == indent && !isDash(r.rest()) {
			break
		}
		if r.col > indent {
			return r.giveUp()
		}
	}
	n.Content = r.pop(base)
	return n
}

func (r *plainReader) pop(base int) []*yaml.Node {
	content := append(make([]*yaml.Node, 0, len(r.stack)-base), r.stack[base:]...)
	r.stack = r.stack[:base]
	return content
}

// entry reads what follows a dash or, ofKey, a colon of a collection at the column indent.
func (r *plainReader) entry(indent int, ofKey bool) *yaml.Node {
	rest := r.rest()
	i := indentOf(rest)
	if i == len(rest) || rest[i] == '#' && i > 0 {
		return r.below(indent, ofKey)
	}
	if r.col += i; ofKey {
		return r.value(indent)
	}
	return r.block(indent)
}

// below reads what stands on the lines below a dash or colon; nothing there is null.
func (r *plainReader) below(indent int, ofKey bool) *yaml.Node {
	null := r.node(yaml.ScalarNode, "")
	r.next()
	if r.at >= len(r.lines) || r.col < indent {
		return null
	}
	if r.col > indent {
		return r.block(indent)
	}
	if ofKey && isDash(r.rest()) {
		return r.list()
	}
	return null
}
