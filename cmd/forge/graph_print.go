package main

import (
	"fmt"
	"slices"
	"strings"

	"forge/engine"
)

func (a *app) writeGraph(g *engine.RecipeGraph, format string) error {
	switch format {
	case "json":
		return a.printJSON(map[string]any{"packages": nodesView(g)})
	case "svg":
		_, err := fmt.Fprint(a.stdout, drawSVG(g))
		return err
	}
	_, err := fmt.Fprint(a.stdout, drawDot(g))
	return err
}

// nodeView is one package of the graph as JSON.
type nodeView struct {
	Name     string         `json:"name"`
	Versions []string       `json:"versions"`
	Variants int            `json:"variants"`
	Recipes  []string       `json:"recipes"`
	Hard     []string       `json:"hard"` // is built with
	Soft     []string       `json:"soft"` // runs or is tested with
	Seconds  float64        `json:"seconds"`
	Measured bool           `json:"measured"`
	Because  engine.Because `json:"because,omitempty"`
}

// nodesView lists the packages in build order.
func nodesView(g *engine.RecipeGraph) []nodeView {
	list := []nodeView{}
	for _, n := range g.Nodes {
		v := nodeView{Name: n.Name, Variants: len(n.Outputs), Hard: nodeNames(n.Hard), Soft: nodeNames(n.Soft),
			Seconds: n.Seconds, Measured: n.Known, Because: n.Because}
		for _, o := range n.Outputs {
			if !slices.Contains(v.Versions, o.Version) {
				v.Versions = append(v.Versions, o.Version)
			}
			if !slices.Contains(v.Recipes, o.Recipe.File) {
				v.Recipes = append(v.Recipes, o.Recipe.File)
			}
		}
		list = append(list, v)
	}
	return list
}

// drawDot writes the graph for Graphviz; an edge leads from what is needed to what needs it.
func drawDot(g *engine.RecipeGraph) string {
	var b strings.Builder
	b.WriteString("digraph forge {\n  rankdir=LR;\n  node [shape=box];\n")
	for _, n := range g.Nodes {
		style := ""
		if n.Because == engine.BecauseChanged {
			style = ", style=bold"
		}
		fmt.Fprintf(&b, "  %s [label=%s%s];\n", dotQuote(n.Name), dotQuote(label(n)), style)
	}
	for _, n := range g.Nodes {
		for _, m := range n.Hard {
			fmt.Fprintf(&b, "  %s -> %s;\n", dotQuote(m.Name), dotQuote(n.Name))
		}
		for _, m := range n.Soft {
			if !slices.Contains(n.Hard, m) {
				fmt.Fprintf(&b, "  %s -> %s [style=dashed];\n", dotQuote(m.Name), dotQuote(n.Name))
			}
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// dotQuote writes a string of the DOT language, where only the quote is special and a backslash is not
// left at the end.
func dotQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(s) + `"`
}

func label(n *engine.Node) string {
	if len(n.Outputs) == 0 {
		return n.Name
	}
	text := n.Name + " " + n.Outputs[len(n.Outputs)-1].Version
	if len(n.Outputs) > 1 {
		text += fmt.Sprintf(" (%d)", len(n.Outputs))
	}
	return text
}
