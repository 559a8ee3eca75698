// Package expr is the one Python-like expression and template core of all recipe formats: Jinja2's
// language (https://jinja.palletsprojects.com/templates/), with delimiters, functions, filters, tests
// and the treatment of undefined names left to a Dialect.
package expr

import "sync"

// Delims are the brackets of a template; statements are always {% %} and comments {# #}.
type Delims struct{ Open, Close string }

// Policy says what using an undefined name does.
type Policy int

// The policies.
const (
	// Lenient is Jinja2's default: undefined prints as nothing and is false; attributes of it,
	// arithmetic with it and calls of it are errors.
	Lenient Policy = iota
	// Strict makes every use an error but `is defined`, `default` and their like.
	Strict
	// NeverFail is the permissive first pass of conda-build (UndefinedNeverFail): attributes, items,
	// calls and arithmetic give undefined again.
	NeverFail
)

// Style says how values print.
type Style int

// The styles: True and None, or true and none.
const (
	Python Style = iota
	MiniJinja
)

// Dialect is everything about the language that differs between formats. Do not change or copy it
// after first use; it may then be shared between goroutines.
type Dialect struct {
	Vars      Delims            // default {{ }}
	Filters   map[string]Filter // nil for all of Jinja2's
	Tests     map[string]Test   // nil for all of Jinja2's
	Globals   map[string]Value  // found when neither the template nor Env.Lookup has a name
	Undefined Policy
	Style     Style
	// NoMethods switches off methods of strings, lists and dicts.
	NoMethods bool
	// Jinja2's options of these names.
	TrimBlocks, LstripBlocks, KeepTrailingNewline bool

	once    sync.Once
	filters map[string]Filter
	tests   map[string]Test
}

// Env is what one evaluation sees and may spend.
type Env struct {
	// Lookup finds a free variable; nil finds nothing.
	Lookup func(name string) (Value, bool)
	// Looked is told the name of every free variable that is read (not those that the template sets
	// itself), found or not; nil for nobody.
	Looked func(name string)
	// Include loads a file for {% include %} and {% import %}; nil makes them errors.
	Include func(name string) (string, error)
	// Print gives the text that an undefined value prints as, in place of the policy's empty text or
	// error; nil for none.
	Print func(m *Missing) string
	// Undefined replaces the dialect's policy where not nil.
	Undefined *Policy
	// Budget is spent by this evaluation, and may be shared with others; nil for a fresh default one.
	Budget *Budget
}

// Budget bounds what evaluation may cost. It is not safe for concurrent use.
type Budget struct {
	Steps int // expressions and statements evaluated
	Bytes int // bytes of values made, roughly
}

// NewBudget is the default: two million steps, 32 MB.
func NewBudget() *Budget { b := newBudget(); return &b }

func newBudget() Budget { return Budget{Steps: 2_000_000, Bytes: 32 << 20} }
