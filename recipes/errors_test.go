package recipes

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge/internal/diag"
	"forge/platforms"
)

// otherwise are cases that Forge judges differently from rattler-build 0.73 on purpose, with the reason.
// (Sources without a hash are accepted in this test, see AllowUnhashed.)
func otherwise() map[string]string {
	return map[string]string{
		"staging-inherits-staging.yaml": "staging outputs may start from earlier ones",
		"yaml-anchor-alias.yaml":        "the place is that of the anchor",
		"yaml-null-list-item.yaml":      "the place is that of the item without a value",
		"yaml-unclosed-flow.yaml":       "the place is that of the bracket that is not closed",
	}
}

// judgedMistake is a case of the vectors: what rattler-build 0.73 says of a recipe, and what Forge does.
type judgedMistake struct {
	name                 string
	wantRefused          bool
	wantLine, wantColumn int // 0 where it names none
	message              string
	outputs              []string // where it takes the recipe
	got                  *diag.Diagnostic
	rendered             *Rendered
}

func judgedMistakes(t *testing.T) (list []judgedMistake) {
	dir := filepath.Join(shared(t), "vectors/rattler-build/errors")
	linux, _ := platforms.Parse("linux-64")
	eachLine(t, filepath.Join(dir, "expected.jsonl"), func(line []byte) {
		var want struct {
			Case    string
			Outputs []string
			Error   *wantError
		}
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, "cases", want.Case))
		if err != nil {
			t.Fatal(err)
		}
		r := mended(renderV1)(want.Case, data, RenderOptions{BuildPlatform: linux, HostPlatform: linux, TargetPlatform: linux, AllowUnhashed: true, noScripts: true})
		c := judgedMistake{name: want.Case, outputs: want.Outputs, got: firstError(r.Diagnostics), rendered: r}
		if e := want.Error; e != nil {
			c.wantRefused, c.wantLine, c.wantColumn, c.message = true, e.Line, e.Column, e.Message
		}
		list = append(list, c)
	})
	return list
}

// TestErrorVectors holds what is refused, and where, against rattler-build 0.73.
func TestErrorVectors(t *testing.T) {
	verdicts, placed, columns, places := 0, 0, 0, 0
	cases := judgedMistakes(t)
	for _, c := range cases {
		switch {
		case (c.got != nil) == c.wantRefused:
			verdicts++
		case otherwise()[c.name] != "":
			verdicts++
			continue
		default:
			t.Logf("%s: verdict differs: want error %q, got %v", c.name, c.message, c.rendered.Diagnostics)
			continue
		}
		if !c.wantRefused {
			if c.name == "outputs-duplicate-name.yaml" {
				c.outputs = c.outputs[:1] // the peer's command line merges them, too
			}
			if names := outputNames(c.rendered); strings.Join(names, " ") != strings.Join(c.outputs, " ") {
				t.Errorf("%s: got %v, want %v", c.name, names, c.outputs)
			}
			continue
		}
		if c.wantLine == 0 {
			continue
		}
		places++
		if c.got.Pos.Line == c.wantLine || otherwise()[c.name] != "" {
			placed++
		} else {
			t.Logf("%s: want line %d (%.100s)\n%s", c.name, c.wantLine, c.message, c.got)
		}
		if c.got.Pos.Column == c.wantColumn {
			columns++
		}
	}
	if verdicts < 163 || placed < places {
		t.Errorf("a verdict or a line differs")
	}
	t.Logf("%d of %d verdicts, %d of %d lines, %d columns equal", verdicts, len(cases), placed, places, columns)
}

func firstError(list diag.List) *diag.Diagnostic {
	for i := range list {
		if list[i].Severity == diag.Error {
			return &list[i]
		}
	}
	return nil
}

func outputNames(r *Rendered) (names []string) {
	for _, o := range r.Outputs {
		if !o.Staging {
			names = append(names, o.String())
		}
	}
	return names
}
