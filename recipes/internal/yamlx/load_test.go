package yamlx

import (
	"strings"
	"testing"
	"unicode/utf16"

	"forge/internal/diag"

	"github.com/google/go-cmp/cmp"
)

func TestLoadReports(t *testing.T) {
	laughs := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for _, c := range "bcdefghi" {
		prev := string(c - 1)
		laughs += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+prev+",", 9) + "*" + prev + "]\n"
	}
	for _, tt := range []struct {
		name, in string
		o        Options
		want     []string // "line:column code"
	}{
		{"fine", "a: 1\nb: [x, {y: z}]\n", Options{}, nil},
		{"empty", "", Options{}, nil},
		{"comment only", "# nothing\n", Options{}, nil},
		{"duplicate at the second key", "a: 1\nb:\n  c: 1\n  c: 2\n  c: 3\n", Options{}, []string{"4:3 duplicate-key", "5:3 duplicate-key"}},
		{"anchor and alias", "a: &x 1\nb: *x\n", Options{}, []string{"1:4 yaml-alias", "2:4 yaml-alias"}},
		{"merge key", "a: {<<: {b: 1}}\n", Options{}, []string{"1:5 yaml-alias"}},
		{"self-holding anchor", "a: &x [*x]\n", Options{Aliases: ExpandAliases}, []string{"1:8 yaml-alias"}},
		{"mapping that holds itself", "a: &x {b: *x}\n", Options{Aliases: ExpandAliases}, []string{"1:11 yaml-alias"}},
		{"billion laughs", laughs, Options{Aliases: ExpandAliases}, []string{"1:22 too-big"}},
		{"deep", strings.Repeat("[", 300) + strings.Repeat("]", 300), Options{}, []string{"1:202 too-deep"}},
		{"very deep", strings.Repeat("[", 200000), Options{}, []string{"1:201 too-deep"}},
		{"huge scalar", "a: " + strings.Repeat("x", 100) + "\n", Options{MaxScalar: 50}, []string{"1:4 too-big"}},
		{"foreign tag", "a: !!python/object:os.system x\n", Options{}, []string{"1:4 yaml-tag"}},
		{"known tag", "a: !!str 1\n", Options{}, nil},
		{"key that is a mapping", "version: {{ v }}\n", Options{}, []string{"1:11 bad-key"}},
		{"control character", "a: 1\nb: x\x01y\n", Options{}, []string{"2:5 yaml-syntax"}},
		{"not UTF-8", "a: \xff\n", Options{}, []string{"1:4 encoding"}},
		{"tab", "a:\n\tb: 1\n", Options{}, []string{"2:2 yaml-syntax"}},
		{"colon in value", "a: 1\nb: c: d\n", Options{}, []string{"2:5 yaml-syntax"}},
		{"bad indentation", "a:\n  b: 1\n c: 2\n", Options{}, []string{"3:2 yaml-syntax"}},
		{"bad list", "a:\n  - b\n  c: 2\nd: 1\n", Options{}, []string{"3:3 yaml-syntax"}},
		{"unclosed quote", "a: 1\nb: \"x\nc: 2\n", Options{}, []string{"2:4 yaml-syntax"}},
		{"unknown alias", "a: 1\nb: *nope\n", Options{}, []string{"2:1 yaml-syntax"}},
		{"second document", "a: 1\n---\nb: 2\n", Options{}, []string{"0:0 second-document"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, list := Load("f", []byte(tt.in), tt.o)
			var got []string
			for _, d := range list {
				got = append(got, strings.TrimPrefix(diag.Pos{File: "", Line: d.Pos.Line, Column: d.Pos.Column}.String(), ":")+" "+d.Code)
				if d.Pos.Line == 0 {
					got[len(got)-1] = "0:0 " + d.Code
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got)\n%s\n%v", d, list)
			}
		})
	}
}

func TestValuesStayText(t *testing.T) {
	doc, list := Load("f", []byte("v: 1.10\no: 017\nd: 2024-01-01\nh: 0x1F\nb: yes\n"), Options{})
	if list != nil {
		t.Fatal(list)
	}
	var got []string
	for _, v := range Pairs(doc.Root) {
		got = append(got, v.Value)
	}
	if d := cmp.Diff([]string{"1.10", "017", "2024-01-01", "0x1F", "yes"}, got); d != "" {
		t.Error(d)
	}
}

func TestEncodings(t *testing.T) {
	var le, be []byte
	for _, u := range utf16.Encode([]rune("a: é\n")) {
		le, be = append(le, byte(u), byte(u>>8)), append(be, byte(u>>8), byte(u))
	}
	for name, data := range map[string][]byte{
		"utf-8 with mark": []byte("\xEF\xBB\xBFa: é\n"), "utf-16 le": le, "utf-16 be": be,
		"utf-16 le with mark": append([]byte{0xFF, 0xFE}, le...), "utf-16 be with mark": append([]byte{0xFE, 0xFF}, be...),
	} {
		doc, list := Load("f", data, Options{})
		if list != nil || Get(doc.Root, "a").Value != "é" {
			t.Errorf("%s: %v", name, list)
		}
	}
}

func TestAliasesAndMerge(t *testing.T) {
	doc, list := Load("f", []byte("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {<<: [*x, {c: 4}]}\nw: *x\n"), Options{Aliases: ExpandAliases})
	if list != nil {
		t.Fatal(list)
	}
	got := map[string]map[string]string{}
	for k, v := range Pairs(doc.Root) {
		got[k.Value] = map[string]string{}
		for k2, v2 := range Pairs(v) {
			got[k.Value][k2.Value] = v2.Value
		}
	}
	want := map[string]map[string]string{"x": {"a": "1", "b": "2"}, "y": {"a": "1", "b": "3"}, "z": {"a": "1", "b": "2", "c": "4"}, "w": {"a": "1", "b": "2"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func FuzzLoad(f *testing.F) {
	for _, s := range []string{"a: 1", "a: &x [*x]", "? [a]\n: b", "<<: *a", "a: !!binary x", "- - -\t", "\xFF\xFEa", "{{ a }}: b"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, a := range []Aliases{RefuseAliases, ExpandAliases} {
			doc, list := Load("f", data, Options{Aliases: a, MaxNodes: 10000})
			if doc == nil && !list.HasErrors() {
				t.Fatal("no document and no reason")
			}
			for _, d := range list {
				if d.Pos.Line < 0 || d.Pos.Column < 0 || d.Summary == "" {
					t.Fatalf("bad diagnostic %+v", d)
				}
			}
		}
	})
}
