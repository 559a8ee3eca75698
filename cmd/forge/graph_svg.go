package main

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode/utf8"

	"forge/engine"
	"forge/internal/diag"
)

// Measures of the drawing in pixels.
const (
	boxHeight = 24
	rowGap    = 12
	columnGap = 72
	margin    = 16
	letter    = 7.3 // width of one, in the font below
)

// box is a package in the drawing.
type box struct {
	node     *engine.Node
	column   int
	row      float64 // where its neighbours pull it
	x, y     float64
	width    float64
	from, to []*box
}

// drawSVG lays the graph out in columns, what is needed left of what needs it, and writes one SVG file
// that needs nothing else (https://www.w3.org/TR/SVG11/).
func drawSVG(g *engine.RecipeGraph) string {
	boxes, byNode := boxesOf(g)
	columns := arrange(boxes)
	width, height := place(columns)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" font-family="monospace" font-size="12">`+"\n", width, height, width, height)
	b.WriteString(`<style>rect{fill:#fff;stroke:#444}rect.changed{fill:#ffe9b3}path{fill:none;stroke:#888}path.soft{stroke-dasharray:4 3}marker path{fill:#888}text{fill:#000}</style>` + "\n")
	b.WriteString(`<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z"/></marker></defs>` + "\n")
	fmt.Fprintf(&b, "<rect width=\"%.0f\" height=\"%.0f\" style=\"stroke:none\"/>\n", width, height)
	for _, x := range boxes {
		for _, m := range x.node.Hard {
			b.WriteString(edge(byNode[m], x, "hard"))
		}
		for _, m := range x.node.Soft {
			if !slices.Contains(x.node.Hard, m) {
				b.WriteString(edge(byNode[m], x, "soft"))
			}
		}
	}
	for _, x := range boxes {
		b.WriteString(x.draw())
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// boxesOf makes the boxes in build order and gives each its column: one after the last that it needs.
func boxesOf(g *engine.RecipeGraph) ([]*box, map[*engine.Node]*box) {
	byNode := map[*engine.Node]*box{}
	var boxes []*box
	for _, n := range g.Nodes {
		x := &box{node: n, width: letter*float64(utf8.RuneCountInString(diag.Printable(label(n)))) + 16}
		for _, m := range slices.Concat(n.Hard, n.Soft) {
			if y := byNode[m]; y != nil { // an edge of a loop that leads back counts for nothing here
				x.column = max(x.column, y.column+1)
				x.from, y.to = append(x.from, y), append(y.to, x)
			}
		}
		byNode[n] = x
		boxes = append(boxes, x)
	}
	return boxes, byNode
}

// arrange orders the boxes of each column by where their neighbours are, some times forth and back, so
// that fewer edges cross (Sugiyama, Tagawa and Toda 1981).
func arrange(boxes []*box) [][]*box {
	var columns [][]*box
	for _, x := range boxes {
		for len(columns) <= x.column {
			columns = append(columns, nil)
		}
		x.row = float64(len(columns[x.column]))
		columns[x.column] = append(columns[x.column], x)
	}
	sweep := func(c int, neighbours func(*box) []*box) {
		for _, x := range columns[c] {
			if list := neighbours(x); len(list) > 0 {
				sum := 0.0
				for _, y := range list {
					sum += y.row
				}
				x.row = sum / float64(len(list))
			}
		}
		slices.SortStableFunc(columns[c], func(a, b *box) int { return cmp.Compare(a.row, b.row) })
		for i, x := range columns[c] {
			x.row = float64(i)
		}
	}
	for range 4 {
		for c := 1; c < len(columns); c++ {
			sweep(c, func(x *box) []*box { return x.from })
		}
		for c := len(columns) - 2; c >= 0; c-- {
			sweep(c, func(x *box) []*box { return x.to })
		}
	}
	return columns
}

// place gives every box its coordinates and returns the size of the drawing.
func place(columns [][]*box) (width, height float64) {
	most := 0
	for _, c := range columns {
		most = max(most, len(c))
	}
	height = float64(2*margin + most*(boxHeight+rowGap) - rowGap)
	x := float64(margin)
	for _, c := range columns {
		wide := 0.0
		y := (height - float64(len(c)*(boxHeight+rowGap)-rowGap)) / 2
		for _, b := range c {
			b.x, b.y = x, y
			y += boxHeight + rowGap
			wide = max(wide, b.width)
		}
		x += wide + columnGap
	}
	return max(x-columnGap+margin, 2*margin), max(height, 2*margin)
}

// edge is a curve from what is needed to what needs it.
func edge(from, to *box, class string) string {
	x1, y1, x2, y2 := from.x+from.width, from.y+boxHeight/2, to.x, to.y+boxHeight/2
	bend := max(columnGap/2, (x2-x1)/2)
	return fmt.Sprintf(`<path class="%s" marker-end="url(#tip)" d="M%.1f,%.1f C%.1f,%.1f %.1f,%.1f %.1f,%.1f"/>`+"\n",
		class, x1, y1, x1+bend, y1, x2-bend, y2, x2, y2)
}

func (x *box) draw() string {
	class, why := "", ""
	if x.node.Because != "" {
		why = ": " + string(x.node.Because)
	}
	if x.node.Because == engine.BecauseChanged {
		class = ` class="changed"`
	}
	text := html.EscapeString(diag.Printable(label(x.node)))
	return fmt.Sprintf(`<g><title>%s%s</title><rect%s x="%.1f" y="%.1f" width="%.1f" height="%d" rx="3"/><text x="%.1f" y="%.1f">%s</text></g>`+"\n",
		text, html.EscapeString(why), class, x.x, x.y, x.width, boxHeight, x.x+8, x.y+16, text)
}
