package yamlx

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// shape is what of a tree counts.
type shape struct {
	Kind         yaml.Kind
	Style        yaml.Style
	Tag, Value   string
	Line, Column int
	Content      []shape
}

func shapeOf(n *yaml.Node) shape {
	s := shape{Kind: n.Kind, Style: n.Style, Tag: n.ShortTag(), Value: n.Value, Line: n.Line, Column: n.Column}
	for _, c := range n.Content {
		s.Content = append(s.Content, shapeOf(c))
	}
	return s
}

// samePlain reports whether the plain reader took the text, and fails where it makes other of it than the
// library.
func samePlain(t *testing.T, name, text string) bool {
	t.Helper()
	doc := &Document{File: name}
	if !isPlain(text) || doc.unprintable(text) != nil {
		return false
	}
	got, ok := readPlain(text, strings.Split(text, "\n"), 1_000_000)
	if !ok {
		return false
	}
	want, more, list := doc.parse(text)
	if list != nil || more || want == nil {
		t.Errorf("%s: the library refuses what the plain reader takes: %v %v\n%q", name, list, more, text)
		return true
	}
	if d := cmp.Diff(shapeOf(want), shapeOf(got)); d != "" {
		t.Errorf("%s: (-library +plain)\n%s\n%q", name, d, text)
	}
	return true
}

func TestPlainReader(t *testing.T) {
	for _, text := range []string{
		"a: 1\n", "a:\n", "a:\nb:\n- x\n- y: 1\n  z: 2\nc: |\n  l\n\n   m\n  n\n\nd: >-\n  l\n  m\n\n  n\n    o\n  p\n",
		"- a\n- - b\n  - c\n-\n- \"x\" # y\n- 'it''s'\n", "a: {}\nb: {} # c\n", "a: [x, \"y\", 'z', 1.0]\nb: []\n", "---\na: b # c\n# d\n\n  # e\nf:\n    # g\n  - h\n",
		"a: |\n  # no comment\n  b\n # a comment\nc: d\n", "x: -1\ny: ~\nz: null\nv: a#b c:d\n", "a:\n  b:\n    c: 1\n  d:\n  - e\nf: g",
	} {
		if !samePlain(t, "case", text) {
			t.Errorf("not taken: %q", text)
		}
	}
	many := ""
	for i := range 60 {
		many += fmt.Sprintf("k%d: x\n", i)
	}
	if !samePlain(t, "many keys", many) {
		t.Error("sixty keys are not taken")
	}
	for _, text := range []string{
		many + "k59: y\n", many + "k3: y\n", "", "a", "a: b: c\n", "a: &x b\n", "a: *x\n", "a: !x b\n", "a: b\n c\n", "a: \"b\n  c\"\n", "a: {b: c}\n", "a: b\na: c\n", "? a\n", "<<: b\n",
		"a: |2\n   b\n", "a: |+\n  b\n\n", "a:\n   - b\n  - c\n", "a: b\n--- \nc: d\n", "a:\n- b\n c: d\n", "a: - b\n", "a: [b, [c]]\n", "a: \"\\x41\"\n", "%YAML 1.2\n---\na: b\n",
		"a: @b\n", "- a\nb: c\n", "\"a\": b\n", "a: |\n   \n  b\n",
	} {
		if samePlain(t, "case", text) {
			t.Errorf("taken: %q", text)
		}
	}
}

// TestPlainReaderOnCorpus reads every file of YAML of the corpus both ways.
func TestPlainReaderOnCorpus(t *testing.T) {
	dir := os.Getenv("FORGE_SHARED")
	if dir == "" {
		dir = "../../../../shared"
	}
	taken, all := 0, 0
	err := filepath.WalkDir(filepath.Join(dir, "corpus"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".yaml") && !strings.HasSuffix(path, ".yml") {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			all++
			if samePlain(t, path, string(data)) {
				taken++
			}
		}
		return err
	})
	if os.IsNotExist(err) {
		t.Skip("no folder of shared vectors here (FORGE_SHARED names it)")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d files are plain", taken, all)
}

func FuzzPlain(f *testing.F) {
	for _, s := range []string{"a: b\nc:\n- d\n- e: f\n", "a: |\n  b\n   c\n\nd: >\n  e\n  f\n", "a: [b, 'c']\n", "- - a\n  - b\n-\n  c: d\n", "a: \"b\" # c\n", "---\na:\n  b: 'c''d'\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { samePlain(t, "fuzz", text) })
}
