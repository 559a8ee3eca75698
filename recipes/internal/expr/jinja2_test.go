package expr

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

// TestJinja2 holds templates of every construct against what Jinja2 3.1.6 makes of them, with its
// lenient and strict undefined values and with conda-build's never failing ones (testdata/jinja2.json).
func TestJinja2(t *testing.T) {
	data, err := os.ReadFile("testdata/jinja2.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ Template, Policy, Want, Error string }
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	policies := map[string]Policy{"lenient": Lenient, "strict": Strict, "never": NeverFail}
	f := &Func{Name: "f", Call: func(_ *Context, a Args) (Value, error) {
		var pos, named []string
		for _, v := range a.Pos {
			pos = append(pos, Str(v))
		}
		for i, k := range a.Names {
			named = append(named, k+"="+Str(a.Named[i]))
		}
		return "f(" + strings.Join(pos, ",") + ";" + strings.Join(named, ",") + ")", nil
	}}
	d := &Dialect{}
	for _, c := range all {
		p := policies[c.Policy]
		env := &Env{Undefined: &p, Lookup: func(n string) (Value, bool) { return f, n == "f" }}
		got := ""
		tpl, err := d.Parse(c.Template)
		if err == nil {
			got, err = tpl.Render(env)
		}
		if (err != nil) != (c.Error != "") || got != c.Want {
			t.Errorf("%s %q\n want %q %s\n got  %q %v", c.Policy, c.Template, c.Want, c.Error, got, err)
		}
	}
}

// TestBounded checks that no template takes time or memory without end.
func TestBounded(t *testing.T) {
	for _, src := range []string{
		`{{ "a" * 10 ** 9 }}`, `{{ 10 ** 9 * "a" }}`, `{{ [0] * 10 ** 12 }}`, `{{ range(10 ** 12) | list }}`, `{{ 2 ** 64 }}`,
		`{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}`, `{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}`,
		`{% set ns = namespace(s="aaaaaaaaaaaaaaaa") %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}`,
		`{% set ns = namespace(s="aaaaaaaaaaaaaaaa") %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}`,
		`{% set ns = namespace(s="aa") %}{% for i in range(100) %}{% set ns.s = ns.s | replace("a", "aaaa") %}{% endfor %}`,
		`{{ "%1000000000d" % 1 }}`, `{{ "{:1000000000}".format(1) }}`, `{{ "x".center(10 ** 10) }}`, `{{ "x".zfill(10 ** 12) }}`,
		`{% set l = [1] %}{% for i in range(60) %}{% set _ = l.extend(l) %}{% endfor %}`,
		`{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}`,
		`{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}{{ ns.l == ns.m }}`,
		`{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson }}`,
		`{% set l = [] %}{% set _ = l.append(l) %}{% set m = [] %}{% set _ = m.append(m) %}{{ l == m }}{{ l < m }}`,
		"{{ " + strings.Repeat("(", 100000) + " }}", "{{ " + strings.Repeat("not ", 100000) + "1 }}", "{{ " + strings.Repeat("-", 100000) + "1 }}",
		"{{ " + strings.Repeat("[", 100000) + " }}", strings.Repeat("{% if 1 %}", 100000), "{{ 1" + strings.Repeat(" if 1 else 1", 100000) + " }}",
	} {
		start := time.Now()
		tpl, err := (&Dialect{}).Parse(src)
		if err == nil {
			_, err = tpl.Render(&Env{Budget: &Budget{Steps: 200_000, Bytes: 2 << 20}})
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%.80s: took %v", src, took)
		}
		if err == nil {
			t.Errorf("%.80s: no error", src)
		} else if len(err.Error()) > 500 {
			t.Errorf("%.80s: error of %d bytes", src, len(err.Error()))
		}
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{`{{ a.b[1:2]|join(",") }}`, `{% for x in y if z recursive %}{{ loop.index }}{% else %}{% endfor %}`,
		`{% set ns.x = "%s" % ("a",) %}`, `{% macro m(a, b=1) %}{{ caller() }}{% endmacro %}{% call(x) m() %}{% endcall %}`,
		`{%- raw -%} {{ }} {%- endraw +%}`, `{# x -#}`, `{{ "\x41\u1234\N" ~ 1e5 // 0x1f is not odd }}`, `{{ {"a": (1,)}.items()|dictsort }}`} {
		f.Add(s)
	}
	d, never := &Dialect{}, NeverFail
	f.Fuzz(func(t *testing.T, src string) {
		tpl, err := d.Parse(src)
		if err != nil {
			return
		}
		text, lines, err := tpl.RenderLines(&Env{Undefined: &never, Budget: &Budget{Steps: 10000, Bytes: 1 << 20}})
		if err != nil {
			return
		}
		if want := strings.Count(strings.TrimSuffix(text, "\n"), "\n") + 1; text != "" && len(lines) != want {
			t.Errorf("%q: %d lines of text, %d positions", src, want, len(lines))
		}
	})
}
