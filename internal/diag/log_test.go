package diag

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// TestLog writes each text at once, and byte by byte: what comes out is the same.
func TestLog(t *testing.T) {
	for in, want := range map[string]string{
		"plain\n\ttext":                      "plain\n\ttext",
		"end\r\nnext\r\n":                    "end\nnext\n",
		"10%\r20%\r":                         `10%\r20%\r`,
		"\x1b[31mred\x1b[0m\x1b[38;5;8m":     "\x1b[31mred\x1b[0m" + `\x1b[38;5;8m`,
		"\x1b[8mhidden\x1b[0;08mtoo":         `\x1b[8mhidden\x1b[0;08mtoo`,
		"\x1b]0;title\a":                     `\x1b]0;title\a`,
		"\x1b]52;c;eA==\x1b\\":               `\x1b]52;c;eA==\x1b\`,
		"\x1b]8;;http://x/\x1b\\l":           `\x1b]8;;http://x/\x1b\l`,
		"\x1b[2J\x1bc\x1b[1A\x1b[K":          `\x1b[2J\x1bc\x1b[1A\x1b[K`,
		"\u009b31m\x9b2J":                    `\u009b31m\x9b2J`,
		"\u202eevil\u2066\u200b\u2028\u2029": `\u202eevil\u2066\u200b\u2028\u2029`,
		"ä€𝄞 \xff\xe2\x82":                   `ä€𝄞 \xff\xe2\x82`,
		"\x00\b\v\f\x7f":                     `\x00\b\v\f\x7f`,
		"\x1b[" + strings.Repeat("1;", 90):   `\x1b[` + strings.Repeat("1;", 90),
		"\x1b":                               `\x1b`,
	} {
		for how, read := range map[string]io.Reader{"at once": strings.NewReader(in), "byte by byte": iotest.OneByteReader(strings.NewReader(in))} {
			var out bytes.Buffer
			l := NewLog(&out)
			if _, err := io.Copy(l, read); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, out.String()); diff != "" {
				t.Errorf("%q %s:\n%s", in, how, diff)
			}
		}
	}
}

// FuzzLog holds that nothing but colours comes through, however the writes are cut.
func FuzzLog(f *testing.F) {
	f.Add([]byte("a\x1b[31mb\u202e\xe2\x82"), 3)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		cut = min(max(cut, 0), len(in))
		var whole, parts bytes.Buffer
		l := NewLog(&whole)
		l.Write(in)
		l.Close()
		l = NewLog(&parts)
		l.Write(in[:cut])
		l.Write(in[cut:])
		l.Close()
		if whole.String() != parts.String() {
			t.Errorf("%q cut at %d: %q, at once %q", in, cut, parts.String(), whole.String())
		}
		text := whole.String()
		for {
			from := strings.IndexByte(text, '\x1b')
			if from < 0 {
				break
			}
			n := sequence([]byte(text[from:]))
			if n < 3 {
				t.Fatalf("%q: came out as %q", in, whole.String())
			}
			text = text[:from] + text[from+n:]
		}
		for line := range strings.Lines(text) {
			if line = strings.TrimSuffix(line, "\n"); Printable(line) != line {
				t.Errorf("%q: came out as %q", in, whole.String())
			}
		}
	})
}

func TestJSON(t *testing.T) {
	in := map[string]string{"a": "x\u202e\u009b\x7fü\U000E0041\n", "b": "plain"}
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	out := JSON(raw)
	if want := `{"a":"x\u202e\u009b\u007fü\udb40\udc41\n","b":"plain"}`; string(out) != want {
		t.Errorf("got %s, want %s", out, want)
	}
	var back map[string]string
	if err := json.Unmarshal(out, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, back); diff != "" {
		t.Error(diff)
	}
}
