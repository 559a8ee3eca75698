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
	return map[string]string{"staging-inherits-staging.yaml": "staging outputs may start from earlier ones"}
}

// TestErrorVectors holds what is refused, and where, against rattler-build 0.73.
func TestErrorVectors(t *testing.T) {
	dir := filepath.Join(shared(t), "vectors/rattler-build/errors")
	linux, _ := platforms.Parse("linux-64")
	verdicts, placed, columns, total, places := 0, 0, 0, 0, 0
	eachLine(t, filepath.Join(dir, "expected.jsonl"), func(line []byte) {
		var want struct {
			Case, Parse, Render string
			Outputs             []string
			Error               *wantError
		}
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, "cases", want.Case))
		if err != nil {
			t.Fatal(err)
		}
		r := renderV1(want.Case, data, RenderOptions{BuildPlatform: linux, HostPlatform: linux, TargetPlatform: linux, AllowUnhashed: true, noScripts: true})
		total++
		got := firstError(r.Diagnostics)
		switch {
		case (got != nil) == (want.Error != nil):
			verdicts++
		case otherwise()[want.Case] != "":
			verdicts++
			return
		default:
			t.Logf("%s: verdict differs: want error %v, got %v", want.Case, want.Error, r.Diagnostics)
			return
		}
		if want.Error == nil {
			if want.Case == "outputs-duplicate-name.yaml" {
				want.Outputs = want.Outputs[:1] // the peer's command line merges them, too
			}
			if names := outputNames(r); strings.Join(names, " ") != strings.Join(want.Outputs, " ") {
				t.Errorf("%s: got %v, want %v", want.Case, names, want.Outputs)
			}
			return
		}
		if want.Error.Line == 0 {
			return
		}
		places++
		if got.Pos.Line == want.Error.Line {
			placed++
		} else {
			t.Logf("%s: want line %d (%.100s)\n%s", want.Case, want.Error.Line, want.Error.Message, got)
		}
		if got.Pos.Column == want.Error.Column {
			columns++
		}
	})
	if verdicts < 163 || placed < 109 {
		t.Errorf("less than the recorded 163 verdicts and 109 lines")
	}
	t.Logf("%d of %d verdicts, %d of %d lines, %d columns equal", verdicts, total, placed, places, columns)
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
