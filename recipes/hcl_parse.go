package recipes

import (
	"fmt"
	"math"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

const (
	maxHCL      = 256 << 10
	maxHCLDepth = 100
	// maxHCLOpened is how deep the parser may go: some megabytes of its stack, which ends at a gigabyte.
	maxHCLOpened = 1000
)

// parseHCL reads a file of HCL. The parser of the library descends on the stack and ends the process
// on deep nesting, so its depth is measured on the tokens first.
func parseHCL(path string, data []byte) (*hclsyntax.Body, *yamlx.Document, diag.List) {
	doc := yamlx.Foreign(path, data)
	if len(data) > maxHCL {
		return nil, doc, diag.List{{Code: "too-big", Pos: diag.Pos{File: path}, Summary: fmt.Sprintf("the file has %d bytes, more than the %d it may have", len(data), maxHCL)}}
	}
	text, list := yamlx.Checked(path, data)
	if list.HasErrors() {
		return nil, doc, list
	}
	data = []byte(text)
	opened := openedHCL(data)
	if opened > maxHCLOpened {
		if list := deepOrUnread(path, doc, data); list != nil {
			return nil, doc, list
		}
	}
	file, problems := hclsyntax.ParseConfig(data, path, hcl.InitialPos)
	if opened > maxHCLDepth && (problems.HasErrors() || isDeep(file)) {
		if list := deepOrUnread(path, doc, data); list != nil {
			return nil, doc, list
		}
	}
	if problems.HasErrors() { // of what is no token at all, the parser says more than helps
		if _, lexed := hclsyntax.LexConfig(data, path, hcl.InitialPos); lexed.HasErrors() {
			problems = lexed
		}
	}
	list = hclDiagnostics(doc, problems)
	if list.HasErrors() || file == nil {
		return nil, doc, list
	}
	body, _ := file.Body.(*hclsyntax.Body)
	return body, doc, list
}

// openedHCL counts all in a file that could open something, whatever its tokens are, without what closes
// it. A file with less than the depth allowed cannot be too deep; one with less than the parser's stack bears
// is parsed, and measured after that. So most recipes need not be split into tokens twice.
func openedHCL(data []byte) int {
	opened, signs := 0, 0
	for i, c := range data {
		switch c {
		case '{', '[', '(', '?', '"':
			opened++
		case '<':
			if i > 0 && data[i-1] == '<' {
				opened++
			}
		}
		switch c {
		case '!', '-':
			signs++
		case ' ', '\t', '\r', '\n':
		default:
			signs = 0
		}
		if signs > maxHCLDepth/2 {
			return math.MaxInt
		}
	}
	return opened
}

// deepOrUnread reports nesting that is too deep, or what is no token; nothing where all is well.
func deepOrUnread(path string, doc *yamlx.Document, data []byte) diag.List {
	tokens, lexed := hclsyntax.LexConfig(data, path, hcl.InitialPos)
	if d := tooDeep(path, doc, tokens); d != nil {
		return diag.List{*d}
	}
	if lexed.HasErrors() {
		return hclDiagnostics(doc, lexed)
	}
	return nil
}

// isDeep reports whether a tree is so deep that its tokens may be too deep: two of them, a quote and a
// brace, can share a node.
func isDeep(file *hcl.File) bool {
	body, ok := file.Body.(*hclsyntax.Body)
	w := &depthWalker{}
	if ok {
		_ = hclsyntax.Walk(body, w)
	}
	return w.most > maxHCLDepth/3
}

type depthWalker struct{ depth, most int }

// Enter is called for each node before those inside of it.
func (w *depthWalker) Enter(hclsyntax.Node) hcl.Diagnostics {
	w.depth++
	w.most = max(w.most, w.depth)
	return nil
}

// Exit is called after them.
func (w *depthWalker) Exit(hclsyntax.Node) hcl.Diagnostics {
	w.depth--
	return nil
}

// tooDeep reports nesting that the parser should not see: brackets, templates, signs and choices.
func tooDeep(path string, doc *yamlx.Document, tokens hclsyntax.Tokens) *diag.Diagnostic {
	depth, signs, choices := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp,
			hclsyntax.TokenTemplateControl, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd,
			hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			depth--
		case hclsyntax.TokenQuestion:
			choices++
		case hclsyntax.TokenNewline:
			if depth <= 0 {
				choices = 0
			}
		}
		if t.Type == hclsyntax.TokenBang || t.Type == hclsyntax.TokenMinus {
			signs++
		} else {
			signs = 0
		}
		if depth > maxHCLDepth || signs > maxHCLDepth || choices > 20*maxHCLDepth {
			p := hclPos(path, t.Range)
			return &diag.Diagnostic{Code: "too-deep", Pos: p, Line: doc.Line(p.Line), Summary: fmt.Sprintf("the file is nested more than %d deep", maxHCLDepth),
				Suggestion: "no recipe needs this; look for a bracket that is not closed"}
		}
	}
	return nil
}

func hclPos(path string, r hcl.Range) diag.Pos {
	return diag.Pos{File: path, Line: r.Start.Line, Column: r.Start.Column}
}

// hclDiagnostics says in our form what the library reports.
func hclDiagnostics(doc *yamlx.Document, problems hcl.Diagnostics) (list diag.List) {
	for _, p := range problems {
		d := diag.Diagnostic{Code: "hcl", Summary: lowerFirst(p.Summary), Detail: p.Detail, Pos: diag.Pos{File: doc.File}}
		if p.Summary == "Attribute redefined" {
			d.Code, d.Suggestion = "duplicate-key", "keep one of them"
		}
		if p.Severity == hcl.DiagWarning {
			d.Severity = diag.Warning
		}
		if p.Subject != nil {
			d.Pos = hclPos(doc.File, *p.Subject)
			d.Line = doc.Line(d.Pos.Line)
			if p.Subject.Start.Line == p.Subject.End.Line {
				d.Length = p.Subject.End.Column - p.Subject.Start.Column
			}
		}
		if plainHCL(&d, p); p.Summary == "Invalid multi-line string" && len(list) > 0 && list[len(list)-1].Summary == d.Summary {
			continue // every line until the next quote is one
		}
		list = append(list, d)
	}
	return list
}

var (
	failedCall    = pattern{src: `(?s)^Call to function "[^"]+" failed: (.*?)\.?$`}
	unknownCall   = pattern{src: `^There is no function named "([^"]+)"\.`}
	lackAttribute = pattern{src: `^This object does not have an attribute named "([^"]+)"\.`}
)

// plainHCL says what the library says in general words as the mistake that it is.
func plainHCL(d *diag.Diagnostic, p *hcl.Diagnostic) {
	switch p.Summary {
	case "Error in function call":
		if m := failedCall.FindStringSubmatch(p.Detail); m != nil {
			d.Code, d.Summary, d.Detail = "expression", m[1], ""
		}
	case "Call to unknown function":
		m := unknownCall.FindStringSubmatch(p.Detail)
		if m == nil {
			return
		}
		d.Code, d.Summary, d.Detail = "undefined", fmt.Sprintf("there is no function %q", m[1]), ""
		if p.EvalContext != nil {
			d.Suggestion = orNearest(m[1], sortedNames(p.EvalContext.Functions))
		}
	case "Unsupported attribute":
		m := lackAttribute.FindStringSubmatch(p.Detail)
		x, ok := p.Expression.(*hclsyntax.ScopeTraversalExpr)
		if m == nil || !ok || len(x.Traversal) < 2 || p.EvalContext == nil {
			return
		}
		root := x.Traversal.RootName()
		d.Code, d.Summary, d.Detail = "undefined", fmt.Sprintf("%s has no %q", root, m[1]), ""
		if known := p.EvalContext.Variables[root]; known != cty.NilVal && known.Type().IsObjectType() {
			d.Suggestion = orNearest(m[1], sortedNames(known.Type().AttributeTypes()))
		}
	case "Invalid multi-line string":
		d.Summary, d.Detail, d.Suggestion = "a quoted text does not end on its line", "", "close the quote, or write a long text as <<-EOT … EOT"
	}
}

// orNearest asks whether the nearest of what is known was meant.
func orNearest(word string, known []string) string {
	if near := diag.Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]|0x20*boolByte(s[0] >= 'A' && s[0] <= 'Z')) + s[1:]
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}
