package expr

type expr interface {
	eval(st *state) Value
	at() int // offset in the source
}

type (
	constExpr struct {
		off int
		v   Value
	}
	nameExpr struct {
		off  int
		name string
	}
	listExpr struct {
		off   int
		items []expr
	}
	tupleExpr struct {
		off   int
		items []expr
	}
	dictExpr struct {
		off        int
		keys, vals []expr
	}
	condExpr struct {
		off               int
		test, then, other expr
	}
	orExpr struct {
		off  int
		a, b expr
	}
	andExpr struct {
		off  int
		a, b expr
	}
	notExpr struct {
		off int
		x   expr
	}
	compareExpr struct {
		off   int
		first expr
		ops   []string
		rest  []expr
	}
	binExpr struct {
		off  int
		op   string
		a, b expr
	}
	concatExpr struct {
		off   int
		parts []expr
	}
	unaryExpr struct {
		off int
		neg bool
		x   expr
	}
	attrExpr struct {
		off  int
		x    expr
		name string
	}
	itemExpr struct {
		off    int
		x, key expr
	}
	sliceExpr struct {
		off   int
		parts [3]expr
	}
	callExpr struct {
		off  int
		fn   expr
		args argList
	}
	filterExpr struct {
		off  int
		name string
		f    Filter
		x    expr
		args argList
	}
	testExpr struct {
		off  int
		name string
		f    Test
		x    expr
		args argList
	}
	argList struct {
		pos            []expr
		names          []string
		named          []expr
		star, starStar expr
	}
)

func (x *constExpr) at() int   { return x.off }
func (x *nameExpr) at() int    { return x.off }
func (x *listExpr) at() int    { return x.off }
func (x *tupleExpr) at() int   { return x.off }
func (x *dictExpr) at() int    { return x.off }
func (x *condExpr) at() int    { return x.then.at() }
func (x *orExpr) at() int      { return x.a.at() }
func (x *andExpr) at() int     { return x.a.at() }
func (x *notExpr) at() int     { return x.off }
func (x *compareExpr) at() int { return x.first.at() }
func (x *binExpr) at() int     { return x.a.at() }
func (x *concatExpr) at() int  { return x.parts[0].at() }
func (x *unaryExpr) at() int   { return x.off }
func (x *attrExpr) at() int    { return x.x.at() }
func (x *itemExpr) at() int    { return x.x.at() }
func (x *sliceExpr) at() int   { return x.off }
func (x *callExpr) at() int    { return x.fn.at() }
func (x *filterExpr) at() int  { return x.x.at() }
func (x *testExpr) at() int    { return x.x.at() }

// node is a part of a template.
type node interface{ render(st *state) }

// target is what an assignment sets.
type target struct {
	off   int
	name  string
	attr  string // of a namespace
	many  bool
	parts []target
}

type (
	textNode struct {
		off  int
		text string
	}
	outputNode struct {
		off int
		x   expr
	}
	setNode struct {
		off int
		to  target
		x   expr
	}
	setBlockNode struct {
		off    int
		to     target
		filter expr // a chain of filterExpr over a constant, or nothing
		output bool // {% filter %}
		body   []node
	}
	ifNode struct {
		off    int
		tests  []expr
		bodies [][]node
		other  []node
	}
	forNode struct {
		off         int
		to          target
		over, cond  expr
		body, other []node
		recursive   bool
	}
	macroNode struct {
		off      int
		name     string
		params   []string
		defaults []expr
		body     []node
	}
	callNode struct {
		off    int
		call   *callExpr
		caller *macroNode
	}
	scopeNode struct {
		off  int
		to   []target
		vals []expr
		body []node
	}
	includeNode struct {
		off               int
		file              expr
		optional, context bool
	}
	importNode struct {
		off            int
		file           expr
		as             string
		names, asNames []string
		context        bool
	}
)
