package recipes

import (
	"strings"

	"forge/internal/diag"
	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// A prober learns what may stand at a place of a recipe.yaml by asking the reader itself: it puts values
// there and looks at what the reader says. So what editors are told cannot drift from what is read.
type prober struct {
	lang *expr.Dialect
	line int
}

func newProber() *prober { return &prober{lang: v1Dialect()} }

// step is one step down from the root: a key of a mapping, or an item of a list where key is empty.
// beside are keys that the mapping has, too: they decide what else it may have.
type step struct {
	key    string
	beside []string
}

const probeKey = "zzzprobe"

func (p *prober) node(kind yaml.Kind, value string, content ...*yaml.Node) *yaml.Node {
	p.line++
	n := &yaml.Node{Kind: kind, Value: value, Line: p.line, Column: 1, Content: content}
	if kind == yaml.ScalarNode {
		var typed yaml.Node
		if yaml.Unmarshal([]byte(value), &typed) == nil && len(typed.Content) == 1 {
			n.Tag = typed.Content[0].Tag
		} else {
			n.Tag = "!!null"
		}
	}
	return n
}

func (p *prober) scalar(value string) *yaml.Node { return p.node(yaml.ScalarNode, value) }

// besideValue is what a key that decides about its mapping stands for.
func (p *prober) besideValue(key string) *yaml.Node {
	if key == "outputs" {
		return p.node(yaml.SequenceNode, "")
	}
	return p.scalar("x")
}

// check puts a value at a place and returns what the reader says about it and all below it.
func (p *prober) check(path []step, beside []string, v *yaml.Node) diag.List {
	first := topLine(v)
	last := p.line
	if v.Kind == yaml.MappingNode {
		for _, k := range beside {
			v.Content = append(v.Content, p.scalar(k), p.besideValue(k))
		}
	}
	for i := len(path) - 1; i >= 0; i-- {
		if path[i].key == "" {
			v = p.node(yaml.SequenceNode, "", v)
			continue
		}
		m := p.node(yaml.MappingNode, "", p.scalar(path[i].key), v)
		for _, k := range path[i].beside {
			if k != path[i].key {
				m.Content = append(m.Content, p.scalar(k), p.besideValue(k))
			}
		}
		v = m
	}
	c := &checker{program: newProgram(yamlx.Foreign("recipe.yaml", nil)), lang: p.lang}
	c.root = v
	recipeShape(c, v)
	var mine diag.List
	for _, d := range c.list {
		if d.Pos.Line >= first && d.Pos.Line <= last {
			mine = append(mine, d)
		}
	}
	return mine
}

func topLine(n *yaml.Node) int {
	line := n.Line
	for _, c := range n.Content {
		line = min(line, topLine(c))
	}
	return line
}

// place is what may stand somewhere.
type place struct {
	anything bool
	scalar   string   // "", "text", "boolean", "integer" or "word"
	words    []string // for "word"
	null     bool     // nothing, where a scalar may not stand
	list     bool
	when     bool // {if, then, else} in its place, or in place of an item
	free     bool // a mapping with any keys
	objects  []object
}

// object is one form that a mapping may have.
type object struct {
	beside []string // the keys that tell this form
	keys   []string
	must   []string
	open   bool // other keys are left unread, with a warning
}

func (p *prober) at(path []step, beside []string) place {
	var out place
	deep := p.node(yaml.MappingNode, "", p.scalar(probeKey), p.node(yaml.SequenceNode, "", p.node(yaml.SequenceNode, "", p.node(yaml.MappingNode, "", p.scalar(probeKey), p.scalar("x")))))
	if len(p.check(path, nil, deep)) == 0 {
		return place{anything: true}
	}
	p.scalars(path, &out)
	out.list = !refusedKind(p.check(path, nil, p.node(yaml.SequenceNode, "")))
	conditional := func() *yaml.Node {
		return p.node(yaml.MappingNode, "", p.scalar("if"), p.scalar("true"), p.scalar("then"), p.node(yaml.SequenceNode, ""))
	}
	item := p.node(yaml.SequenceNode, "", conditional())
	out.when = out.list && len(p.check(path, nil, item)) == 0
	p.mappings(path, beside, &out)
	return out
}

func refusedKind(list diag.List) bool {
	for _, d := range list {
		if d.Code == "wrong-type" {
			return true
		}
	}
	return false
}

func (p *prober) scalars(path []step, out *place) {
	takes := func(value string) bool { return !p.check(path, nil, p.scalar(value)).HasErrors() }
	if refusedKind(p.check(path, nil, p.scalar(probeKey))) {
		out.null = takes("")
		return
	}
	switch {
	case takes(probeKey) || takes("https://demo.example/x") || takes("MIT"):
		out.scalar = "text"
	case takes("true") && takes("false") && !takes("7"):
		out.scalar = "boolean"
	case takes("0") && takes("7") && !takes("1.5"):
		out.scalar = "integer"
	default:
		out.scalar = "text"
		for _, w := range strings.Fields("python generic ignore error 1") {
			if takes(w) {
				out.scalar, out.words = "word", append(out.words, w)
			}
		}
	}
}

var (
	knownKeysText = pattern{src: `^known keys: (.*)$`}
	lacksText     = pattern{src: `lacks the key "([^"]+)"`}
	choiceWord    = pattern{src: `[a-z_]+`}
)

func (p *prober) mappings(path []step, beside []string, out *place) {
	probe := func(more ...string) (keys []string, known, free bool, list diag.List) {
		key := p.scalar(probeKey)
		list = p.check(path, append(beside[:len(beside):len(beside)], more...), p.node(yaml.MappingNode, "", key, p.scalar("x")))
		free = true
		for _, d := range list {
			if d.Code == "unknown-key" && d.Pos.Line == key.Line {
				free = false
				known = true
				if m := knownKeysText.FindStringSubmatch(d.Detail); m != nil {
					keys = strings.Split(m[1], ", ")
				}
			}
		}
		return keys, known, free, list
	}
	if refusedKind(p.check(path, nil, p.node(yaml.MappingNode, ""))) {
		return
	}
	keys, known, _, list := probe()
	if known {
		out.objects = []object{{beside: beside, keys: keys, must: p.required(path, beside)}}
		return
	}
	choices := ""
	for _, d := range list {
		if d.Code == "missing-key" {
			choices = d.Summary
		}
	}
	if choices == "" {
		out.free = true
		return
	}
	seen := map[string]bool{}
	for _, word := range choiceWord.FindAllString(choices, -1) {
		if keys, known, _, _ := probe(word); known && !seen[word] {
			seen[word] = true
			open := len(keys) == 0
			if open {
				keys = []string{word}
			}
			if contains(keys, word) {
				out.objects = append(out.objects, object{beside: []string{word}, keys: keys, open: open, must: append([]string{word}, p.required(path, []string{word})...)})
			}
		}
	}
}

// required are the keys without which a mapping is refused.
func (p *prober) required(path []step, beside []string) (must []string) {
	for _, d := range p.check(path, beside, p.node(yaml.MappingNode, "")) {
		if m := lacksText.FindStringSubmatch(d.Summary); m != nil && d.Code == "missing-key" {
			must = append(must, m[1])
		}
	}
	return must
}
