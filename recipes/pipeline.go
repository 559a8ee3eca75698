package recipes

import (
	"fmt"
	"slices"
	"strings"

	"forge/recipes/internal/pipelines"
	"forge/recipes/internal/yamlx"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"gopkg.in/yaml.v3"
)

// pipeline replaces a `pipeline "NAME" {}` inside of build by its steps, filled in with its inputs.
func (e *hclEval) pipeline(build *yaml.Node, b *hclsyntax.Block) {
	if len(b.Labels) != 1 {
		e.errorf(b.TypeRange, "bad-block", "", "a pipeline has one name, as in `pipeline \"cmake\" {`")
		return
	}
	data, ok := e.pipelineText(b.Labels[0])
	if !ok {
		e.errorf(b.LabelRanges[0], "unknown-pipeline", didYouMean(b.Labels[0], pipelines.Names()),
			"there is no pipeline %q; there are %s", b.Labels[0], strings.Join(pipelines.Names(), ", "))
		return
	}
	body, list := e.frame.opts.cache().pipeline("pipeline "+b.Labels[0], string(data))
	if body == nil {
		e.list = append(e.list, list...)
		return
	}
	inputs := e.inputs(body, b)
	if inputs == nil {
		return
	}
	e.refresh(nil)
	p := &hclEval{path: e.path, dir: e.dir, doc: e.doc, frame: e.frame, scan: e.scan, local: e.local, reads: e.reads, ctx: e.ctx.NewChild()}
	p.ctx.Variables = map[string]cty.Value{"input": cty.ObjectVal(inputs)}
	e.addSteps(build, b, body, p)
}

// pipelineText is a pipeline of the recipe's own folder pipelines, else one that Forge ships.
func (e *hclEval) pipelineText(name string) ([]byte, bool) {
	if !strings.ContainsAny(name, `/\.`) {
		if text, err := readScript(e.dir, "pipelines/"+name+".hcl"); err == nil {
			return []byte(text), true
		}
	}
	return pipelines.Get(name)
}

// inputs are what the pipeline declares, as the recipe sets them.
func (e *hclEval) inputs(body *hclsyntax.Body, b *hclsyntax.Block) map[string]cty.Value {
	inputs := map[string]cty.Value{}
	var reads []string
	for _, declared := range body.Blocks {
		if declared.Type == "input" && len(declared.Labels) == 1 {
			def := cty.StringVal("")
			if a := declared.Body.Attributes["default"]; a != nil {
				def, _ = a.Expr.Value(nil)
			}
			inputs[declared.Labels[0]] = def
		}
	}
	good := true
	for name, a := range b.Body.Attributes {
		def, known := inputs[name]
		if !known {
			e.errorf(a.NameRange, "unknown-key", didYouMean(name, sortedNames(inputs)), "the pipeline %q has no input %q", b.Labels[0], name)
			good = false
			continue
		}
		v, problems := e.value(a.Expr)
		e.list = append(e.list, e.diagnostics(problems)...)
		reads = append(reads, e.readsOf(a.Expr)...)
		if problems.HasErrors() {
			good = false
			continue
		}
		if v.IsNull() {
			v = def
		}
		if isList(def) != isList(v) || !isList(def) && v.Type() != cty.String {
			e.errorf(a.Expr.Range(), "wrong-type", "", "the input %q is %s", name, map[bool]string{true: "a list of texts", false: "a text"}[isList(def)])
			good = false
			continue
		}
		if !isList(v) && v.IsKnown() && runsCommands(v.AsString()) {
			e.errorf(a.Expr.Range(), "bad-value", "", "the input %q is a text between quotes: $NAME may stand in it, but no $(, `, \", \\ or line break", name)
			good = false
			continue
		}
		inputs[name] = v
	}
	e.always = append(e.always, reads...)
	if !good {
		return nil
	}
	return inputs
}

// runsCommands reports whether a shell that reads s between double quotes would find more in it than text and
// variables. A pipeline's lists are words of the shell; its texts are not (melange bd13253).
func runsCommands(s string) bool {
	if strings.ContainsAny(s, "`\"\\\n\r\x00") {
		return true
	}
	for i, part := range strings.Split(s, "$") {
		if i == 0 || part == "" {
			continue
		}
		if part[0] == '(' || part[0] == '[' || part[0] == '{' && !bracedName(part[1:]) {
			return true
		}
	}
	return false
}

// bracedName reports whether s begins with a variable's name and its closing brace.
func bracedName(s string) bool {
	name, _, closed := strings.Cut(s, "}")
	return closed && name != "" && strings.IndexFunc(name, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}

func isList(v cty.Value) bool { return v.Type().IsTupleType() || v.Type().IsListType() }

// addSteps evaluates the pipeline's steps. What goes wrong in them is said at the recipe's block.
func (e *hclEval) addSteps(build *yaml.Node, b *hclsyntax.Block, body *hclsyntax.Body, p *hclEval) {
	steps := yamlx.Get(build, "steps")
	if steps == nil {
		steps = &yaml.Node{Kind: yaml.SequenceNode, Line: b.TypeRange.Start.Line, Column: b.TypeRange.Start.Column}
		put(build, "steps", steps, b)
	}
	at := &hclsyntax.LiteralValueExpr{SrcRange: b.TypeRange}
	for _, s := range body.Blocks {
		if s.Type != "step" {
			continue
		}
		run := s.Body.Attributes["run"]
		if run == nil {
			e.errorf(b.TypeRange, "bad-value", "", "pipeline %s: a step lacks `run`", b.Labels[0])
			return
		}
		v, problems := run.Expr.Value(p.ctx)
		if problems.HasErrors() {
			e.errorf(b.TypeRange, "bad-value", "", "pipeline %s: %s: %s", b.Labels[0], problems[0].Summary, problems[0].Detail)
			return
		}
		if v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
			e.errorf(b.TypeRange, "bad-value", "", "pipeline %s: `run` of a step is not a text", b.Labels[0])
			return
		}
		step := &yaml.Node{Kind: yaml.MappingNode, Line: at.SrcRange.Start.Line, Column: at.SrcRange.Start.Column}
		put(step, "run", e.node(cty.StringVal(strings.TrimRight(v.AsString(), "\n")), at, nil), b)
		steps.Content = append(steps.Content, step)
	}
	if a := body.Attributes["needs"]; a != nil {
		v, _ := a.Expr.Value(nil)
		e.needs = append(e.needs, toWords(v)...)
	}
}

func toWords(v cty.Value) (out []string) {
	if !isList(v) {
		return nil
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, item := it.Element(); item.Type() == cty.String {
			out = append(out, item.AsString())
		}
	}
	return out
}

// addNeeds adds the tools of the pipelines to requirements.build, as far as the recipe does not name
// them itself.
func (e *hclEval) addNeeds(root *yaml.Node) {
	if len(e.needs) == 0 {
		return
	}
	requirements := yamlx.Get(root, "requirements")
	if requirements == nil {
		requirements = &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "requirements", Line: 1, Column: 1}, requirements)
	}
	build := yamlx.Get(requirements, "build")
	if build == nil {
		build = &yaml.Node{Kind: yaml.SequenceNode, Line: requirements.Line, Column: requirements.Column}
		requirements.Content = append(requirements.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "build", Line: 1, Column: 1}, build)
	}
	var named []string
	for _, n := range build.Content {
		s, _ := parseSpec(n.Value)
		named = append(named, s.name)
	}
	for _, need := range e.needs {
		if !slices.ContainsFunc(named, func(name string) bool { return meets(name, need) }) {
			named = append(named, need)
			build.Content = append(build.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: need, Line: build.Line, Column: build.Column})
		}
	}
}

const (
	maxParts = 1000
	maxText  = 64 << 10
)

// checkText is checkSize for a value that is no list.
func (e *hclEval) checkText(x hclsyntax.Expression, v any) {
	if s, ok := v.(string); ok && len(s) > maxText {
		e.tooLarge(x.Range())
	}
}

func (e *hclEval) tooLarge(r hcl.Range) {
	e.errorf(r, "too-big", "", "this value has more than %d parts or %d bytes", maxParts, maxText)
}

// meets tells whether a requirement is the tool that a pipeline needs: rust_linux-64 is rust, as compiler("rust")
// has it, and go-cgo and go-nocgo are kinds of go.
func meets(name, need string) bool {
	return name == need || strings.HasPrefix(name, need+"_") || need == "go" && strings.HasPrefix(name, "go-")
}

// checkSize refuses values that grow by referring to each other: the language has no loops, but forty
// locals that double each other have 2^40 parts.
func (e *hclEval) checkSize(r hcl.Range, v cty.Value) {
	count := 0
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		if count++; count > maxParts {
			return false, fmt.Errorf("too many")
		}
		if v.IsKnown() && !v.IsNull() && v.Type() == cty.String && len(v.AsString()) > maxText {
			count = maxParts + 1
		}
		return true, nil
	})
	if count > maxParts {
		e.tooLarge(r)
	}
}
