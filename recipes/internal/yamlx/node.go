package yamlx

import (
	"iter"

	"gopkg.in/yaml.v3"
)

// Pairs yields the keys and values of a mapping in the order of the file; nothing for any other node.
func Pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(k, v *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

// Get returns the value of key in a mapping, or nil.
func Get(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// IsNull reports whether n is absent or YAML's null.
func IsNull(n *yaml.Node) bool {
	if n == nil || n.Kind != yaml.ScalarNode {
		return n == nil
	}
	if n.Tag != "" || n.Style != 0 {
		return n.ShortTag() == "!!null"
	}
	switch n.Value { // what ShortTag makes of a plain text, without its tables
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}

// IsQuoted reports whether n is a scalar in quotes or a block: a text whatever it looks like.
func IsQuoted(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode &&
		n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
}

// Kind names what n is, for people.
func Kind(n *yaml.Node) string {
	switch {
	case IsNull(n):
		return "nothing"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "a boolean"
	}
	return "a text"
}
