package recipes

import (
	"bytes"
	"encoding/json"
	"testing"
)

const expressionContext = `context:
  s: "Hello World"
  v: "1.2.3"
  n: 3
  neg: -7
  b: true
  f: 1.50
  l: [a, b, c]
  nums: [3, 1, 2]
  e: ""
  q: "it's"
  mixed: [1, a, true]
  tmpl: ${{ n + 1 }}
  tmpls: "${{ n + 1 }}"
  tb: ${{ n > 2 }}
  two: ${{ n }}${{ n }}
  cat: ${{ s }}-x
  tl: ${{ l }}
package: {name: a, version: 1}
`

// TestExpressions holds 357 expressions against what rattler-build 0.73 makes of them, printed in a
// text and as the condition of an `if:`. The table was made by running it; a line without a result is
// an error there.
func TestExpressions(t *testing.T) {
	eachLine(t, "testdata/v1_expressions.jsonl", func(line []byte) {
		var w struct {
			Expr string
			Text *string
			If   *bool
		}
		if err := json.Unmarshal(line, &w); err != nil {
			t.Fatal(err)
		}
		var q bytes.Buffer
		writeJSONString(&q, "<${{ "+w.Expr+" }}>")
		r := renderText(expressionContext+"about:\n  summary: "+q.String()+"\n", nil)
		switch {
		case r.Diagnostics.HasErrors() != (w.Text == nil):
			t.Errorf("%s: got %v", w.Expr, r.Diagnostics)
		case w.Text != nil && r.Outputs[0].About.Summary != "<"+*w.Text+">":
			t.Errorf("%s: got %s, want <%s>", w.Expr, r.Outputs[0].About.Summary, *w.Text)
		}
		q.Reset()
		writeJSONString(&q, w.Expr)
		r = renderText(expressionContext+"about:\n  license_file:\n    - if: "+q.String()+"\n      then: yes\n      else: no\n", nil)
		switch {
		case r.Diagnostics.HasErrors() != (w.If == nil):
			t.Errorf("if %s: got %v", w.Expr, r.Diagnostics)
		case w.If != nil && (r.Outputs[0].About.LicenseFiles[0] == "yes") != *w.If:
			t.Errorf("if %s: got %s", w.Expr, r.Outputs[0].About.LicenseFiles)
		}
	})
}
