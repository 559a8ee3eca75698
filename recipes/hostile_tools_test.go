package recipes

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestHostileTools lints, fixes and lays out the same files as TestHostile: no panic, within the same
// bounds, a mistake where rendering finds one, and nothing is laid out that cannot be read again.
func TestHostileTools(t *testing.T) {
	for _, h := range hostileFiles() {
		if formatOf(h.file) == "" || len(h.text)+len(h.variants) > 1<<20 && os.Getenv("FORGE_TEST_ALL") == "" {
			continue // what is large takes minutes: `make faults` has them all
		}
		t.Run(strings.ReplaceAll(h.file+" "+h.name, " ", "_"), func(t *testing.T) {
			o := linuxOptions()
			if h.variants != "" {
				o.Variants = []VariantFile{{Path: "variants.yaml", Data: []byte(h.variants)}}
			}
			if got := bounded(t, 2, func() string { return hostileLint(h, o) }); got != "" {
				t.Error(got)
			}
			if got := bounded(t, 2, func() string { return hostileFormat(h, o) }); got != "" {
				t.Error(got)
			}
		})
	}
}

func hostileLint(h hostile, o RenderOptions) string {
	findings := Lint(h.file, []byte(h.text), o)
	refused := false
	for _, f := range findings {
		refused = refused || f.Severity == 0
		if f.Summary == "" || f.Pos.Line < 0 || len(f.Diagnostic.String()) > 8<<10 {
			return fmt.Sprintf("no clear finding: %.200s", fmt.Sprintf("%+v", f))
		}
	}
	if wrong := strings.Contains(h.want, "-") && !strings.Contains(h.want, "2024-"); wrong && !refused && h.variants == "" {
		return "lint finds no error where rendering does: " + h.want
	}
	if out, _ := FixAll([]byte(h.text), findings); utf8.ValidString(h.text) && !utf8.Valid(out) {
		return "a fix cut a character"
	}
	return ""
}

func hostileFormat(h hostile, o RenderOptions) string {
	out, list := Format(h.file, []byte(h.text))
	if list.HasErrors() {
		if list[0].Summary == "" || len(list[0].String()) > 8<<10 {
			return fmt.Sprintf("no clear error: %.200s", list[0].String())
		}
		return ""
	}
	if again, list := Format(h.file, out); list.HasErrors() || string(again) != string(out) {
		return fmt.Sprintf("not laid out the same a second time: %v", list)
	}
	if strings.HasSuffix(h.want, " too-big") { // laid out, it may be small enough
		return ""
	}
	before, after := verdictOf(h, h.text, o), verdictOf(h, string(out), o)
	if before != after {
		return fmt.Sprintf("laid out, it renders otherwise: %q, was %q", after, before)
	}
	return ""
}

// verdictOf is what rendering says of a text, without the place.
func verdictOf(h hostile, text string, o RenderOptions) string {
	got := verdict(h, Render(h.file, []byte(text), o))
	return got[strings.LastIndexByte(got, ' ')+1:]
}
