package expr

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shared finds the folder of vectors beside the repository, and skips the test where there is none.
func shared(t *testing.T) string {
	dir := os.Getenv("FORGE_SHARED")
	if dir == "" {
		for _, up := range []string{"../../../../shared", "../../../../../shared"} {
			if _, err := os.Stat(filepath.Join(up, "vectors", "jinja")); err == nil {
				dir = up
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "vectors", "jinja")); err != nil {
		t.Skip("no shared vectors here (set FORGE_SHARED)")
	}
	return filepath.Join(dir, "vectors", "jinja")
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		t.Fatal(err)
	}
}

func fromJSON(v any) Value {
	switch v := v.(type) {
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			f, _ := v.Float64()
			return f
		}
		return n
	case map[string]any:
		d := NewDict()
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			d.Set(k, fromJSON(v[k]))
		}
		return d
	}
	return FromGo(v)
}

// echo is the stand-in for conda-build's functions that made the vectors.
func echo(name string) *Func {
	return &Func{Name: name, Call: func(c *Context, a Args) (Value, error) {
		parts := []string{name}
		for _, v := range a.Pos {
			parts = append(parts, Str(v))
		}
		var kw []string
		for i, k := range a.Names {
			kw = append(kw, k+"="+Str(a.Named[i]))
		}
		sort.Strings(kw)
		return strings.Join(parts, "|") + "|" + strings.Join(kw, "|"), nil
	}}
}

func vectorEnv(t *testing.T, dir string) *Env {
	var ctx map[string]any
	readJSON(t, filepath.Join(dir, "context.json"), &ctx)
	vars := map[string]Value{}
	for k, v := range ctx {
		vars[k] = fromJSON(v)
	}
	for _, f := range []string{"compiler", "stdlib", "cdt", "pin_subpackage", "pin_compatible", "ccache"} {
		vars[f] = echo(f)
	}
	vars["resolved_packages"] = &Func{Name: "resolved_packages", Call: func(*Context, Args) (Value, error) { return FromGo([]any{"a 1.0"}), nil }}
	data := FromGo(map[string]any{"version": "9.9"})
	for _, f := range []string{"load_setup_py_data", "load_setuptools", "load_npm", "load_file_data", "load_str_data", "load_file_regex"} {
		vars[f] = &Func{Name: f, Call: func(*Context, Args) (Value, error) { return data, nil }}
	}
	never := NeverFail
	return &Env{Undefined: &never, Lookup: func(n string) (Value, bool) { v, ok := vars[n]; return v, ok }}
}

func TestSnippets(t *testing.T) {
	dir := shared(t)
	env := vectorEnv(t, dir)
	f, err := os.Open(filepath.Join(dir, "snippets.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := &Dialect{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var c struct{ Template, Want, Error string }
		if err := json.Unmarshal(sc.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		tpl, err := d.Parse(c.Template)
		got := ""
		if err == nil {
			got, err = tpl.Render(env)
		}
		if (err != nil) != (c.Error != "") {
			t.Errorf("%s: error %v, want %q", c.Template, err, c.Error)
		} else if got != c.Want {
			t.Errorf("%s: got %q, want %q", c.Template, got, c.Want)
		}
	}
}

func TestTemplates(t *testing.T) {
	dir := shared(t)
	env := vectorEnv(t, dir)
	files, _ := filepath.Glob(filepath.Join(dir, "in", "*"))
	d := &Dialect{}
	for _, file := range files {
		name := filepath.Base(file)
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(dir, "want", name))
		if err != nil {
			t.Error(err)
			continue
		}
		tpl, err := d.Parse(string(src))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, lines, err := tpl.RenderLines(env)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if n := strings.Count(strings.TrimSuffix(got, "\n"), "\n") + 1; got != "" && n != len(lines) {
			t.Errorf("%s: %d lines, %d positions", name, n, len(lines))
		}
	}
}

func TestSelectors(t *testing.T) {
	dir := shared(t)
	var all struct {
		NS  map[string]any
		Sel map[string]bool
	}
	readJSON(t, filepath.Join(dir, "selectors.json"), &all)
	vars := map[string]Value{}
	for k, v := range all.NS {
		vars[k] = fromJSON(v)
	}
	d := &Dialect{}
	env := &Env{Lookup: func(n string) (Value, bool) { v, ok := vars[n]; return v, ok }}
	for src, want := range all.Sel {
		x, err := d.ParseExpr(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		got, err := x.Test(env)
		if err != nil || got != want {
			t.Errorf("%s: got %v %v, want %v", src, got, err, want)
		}
	}
}
