package recipes

import "sort"

// Edit replaces the bytes From to To of a file's text (as UTF-8 without a byte order mark) by Text.
type Edit struct {
	From int    `json:"from"`
	To   int    `json:"to"`
	Text string `json:"text"`
}

// ApplyEdits makes edits to a text. Of edits that overlap the first one in the file is made, the others
// are left for another round; made says how many were.
func ApplyEdits(text string, edits []Edit) (out string, made int) {
	edits = append([]Edit(nil), edits...)
	sort.SliceStable(edits, func(i, j int) bool { return edits[i].From < edits[j].From })
	var b []byte
	at := 0
	for _, e := range edits {
		if e.From < at || e.To < e.From || e.To > len(text) {
			continue
		}
		b = append(append(b, text[at:e.From]...), e.Text...)
		at = e.To
		made++
	}
	return string(append(b, text[at:]...)), made
}
