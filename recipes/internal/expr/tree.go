package expr

// Node is a parsed expression as plain data, for whoever writes it down in another language.
type Node struct {
	Kind  string // const name list tuple dict cond or and not compare bin concat unary attr item slice call filter test
	Op    string // of bin, unary and compare (the first one)
	Name  string // of name, attr, filter and test
	Value Value  // of const
	// Args are the operands: of cond test, then, else (which may be nil); of attr, item, filter and test
	// what they are applied to first; of call the function first; of dict keys and values in turns; of
	// slice the three parts, nil where left out.
	Args  []*Node
	Named map[string]*Node // arguments with names
	Star  bool             // it has *args or **kwargs, which are left out
}

// Part is a stretch of a template: text, or an expression.
type Part struct {
	Text string
	Expr *Node // nil for text
}

// Tree is the expression as data.
func (x *Expr) Tree() *Node { return tree(x.root) }

// Parts are the texts and expressions of a template; ok is false where it has statements.
func (t *Template) Parts() (parts []Part, ok bool) {
	for _, n := range t.body {
		switch n := n.(type) {
		case *textNode:
			parts = append(parts, Part{Text: n.text})
		case *outputNode:
			parts = append(parts, Part{Expr: tree(n.x)})
		default:
			return nil, false
		}
	}
	return parts, true
}

func trees(list ...expr) []*Node {
	out := make([]*Node, len(list))
	for i, x := range list {
		if x != nil {
			out[i] = tree(x)
		}
	}
	return out
}

func tree(x expr) *Node {
	switch x := x.(type) {
	case *constExpr:
		return &Node{Kind: "const", Value: x.v}
	case *nameExpr:
		return &Node{Kind: "name", Name: x.name}
	case *listExpr:
		return &Node{Kind: "list", Args: trees(x.items...)}
	case *tupleExpr:
		return &Node{Kind: "tuple", Args: trees(x.items...)}
	case *dictExpr:
		n := &Node{Kind: "dict"}
		for i := range x.keys {
			n.Args = append(n.Args, trees(x.keys[i], x.vals[i])...)
		}
		return n
	case *condExpr:
		return &Node{Kind: "cond", Args: trees(x.test, x.then, x.other)}
	case *orExpr:
		return &Node{Kind: "or", Args: trees(x.a, x.b)}
	case *andExpr:
		return &Node{Kind: "and", Args: trees(x.a, x.b)}
	case *notExpr:
		return &Node{Kind: "not", Args: trees(x.x)}
	case *compareExpr:
		n := &Node{Kind: "compare", Op: x.ops[0], Args: trees(x.first, x.rest[0])}
		for i := 1; i < len(x.ops); i++ { // a < b < c
			n = &Node{Kind: "and", Args: []*Node{n, {Kind: "compare", Op: x.ops[i], Args: trees(x.rest[i-1], x.rest[i])}}}
		}
		return n
	case *binExpr:
		return &Node{Kind: "bin", Op: x.op, Args: trees(x.a, x.b)}
	case *concatExpr:
		return &Node{Kind: "concat", Args: trees(x.parts...)}
	case *unaryExpr:
		return &Node{Kind: "unary", Op: map[bool]string{true: "-", false: "+"}[x.neg], Args: trees(x.x)}
	case *attrExpr:
		return &Node{Kind: "attr", Name: x.name, Args: trees(x.x)}
	case *itemExpr:
		return &Node{Kind: "item", Args: trees(x.x, x.key)}
	case *sliceExpr:
		return &Node{Kind: "slice", Args: trees(x.parts[:]...)}
	case *callExpr:
		return withArgs(&Node{Kind: "call", Args: trees(x.fn)}, x.args)
	case *filterExpr:
		return withArgs(&Node{Kind: "filter", Name: x.name, Args: trees(x.x)}, x.args)
	case *testExpr:
		return withArgs(&Node{Kind: "test", Name: x.name, Args: trees(x.x)}, x.args)
	}
	return &Node{Kind: "unknown"}
}

func withArgs(n *Node, a argList) *Node {
	n.Args = append(n.Args, trees(a.pos...)...)
	for i, name := range a.names {
		if n.Named == nil {
			n.Named = map[string]*Node{}
		}
		n.Named[name] = tree(a.named[i])
	}
	n.Star = a.star != nil || a.starStar != nil
	return n
}
