package lsp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge/platforms"
	"forge/recipes"

	"github.com/google/go-cmp/cmp"
)

// client is the editor's side of a session with a server in this process.
type client struct {
	t    *testing.T
	conn *conn
	id   int
	diag map[string][]diagnostic
	done chan error
}

func start(t *testing.T) *client {
	t.Helper()
	toServer, fromClient := io.Pipe()
	toClient, fromServer := io.Pipe()
	linux, err := platforms.Parse("linux-64")
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, conn: newConn(toClient, fromClient), diag: map[string][]diagnostic{}, done: make(chan error, 1)}
	go func() {
		c.done <- Serve(t.Context(), toServer, fromServer, Options{Version: "test", Packages: func(string) []string { return []string{"zlib", "libpng"} },
			Render: recipes.RenderOptions{BuildPlatform: linux, HostPlatform: linux, TargetPlatform: linux}})
		fromServer.Close()
	}()
	var result struct{ Capabilities map[string]any }
	c.call("initialize", map[string]any{"processId": nil, "rootUri": nil, "capabilities": map[string]any{}}, &result)
	if result.Capabilities["hoverProvider"] != true {
		t.Fatalf("capabilities: %v", result)
	}
	c.notify("initialized", map[string]any{})
	return c
}

func (c *client) notify(method string, params any) {
	c.t.Helper()
	if err := c.conn.notify(method, params); err != nil {
		c.t.Fatal(err)
	}
}

// try asks and returns the answer's error.
func (c *client) try(method string, params, result any) *rpcError {
	c.t.Helper()
	c.id++
	id := json.RawMessage(fmt.Sprint(c.id))
	data, err := json.Marshal(params)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.conn.write(message{ID: &id, Method: method, Params: data}); err != nil {
		c.t.Fatal(err)
	}
	for {
		m := c.next()
		if m.ID == nil {
			continue
		}
		if m.Error != nil {
			return m.Error
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				c.t.Fatal(err)
			}
		}
		return nil
	}
}

// next reads a message and keeps the diagnostics it brings.
func (c *client) next() *message {
	c.t.Helper()
	m, err := c.conn.read()
	if err != nil {
		c.t.Fatal(err)
	}
	if m.Method == "textDocument/publishDiagnostics" {
		var p struct {
			URI         string
			Diagnostics []diagnostic
		}
		if err := json.Unmarshal(m.Params, &p); err != nil {
			c.t.Fatal(err)
		}
		c.diag[p.URI] = p.Diagnostics
	}
	return m
}

func (c *client) call(method string, params, result any) {
	c.t.Helper()
	if err := c.try(method, params, result); err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
}

// open opens a file whose text may have a cursor, written ‸.
func (c *client) open(path, text string) (uri string, at position) {
	c.t.Helper()
	uri = uriOf(path)
	if i := strings.Index(text, "‸"); i >= 0 {
		at = positionIn(text, i)
		text = strings.Replace(text, "‸", "", 1)
	}
	c.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "yaml", "version": 1, "text": text}})
	for c.next().Method != "textDocument/publishDiagnostics" {
	}
	return uri, at
}

func (c *client) stop() {
	c.t.Helper()
	c.call("shutdown", nil, nil)
	c.notify("exit", nil)
	if err := <-c.done; err != nil {
		c.t.Error(err)
	}
}

func at(uri string, p position) map[string]any {
	return map[string]any{"textDocument": map[string]any{"uri": uri}, "position": p}
}

const goodRecipe = `context:
  name: demo
  version: "1.0"
package:
  name: ${{ name }}
  version: ${{ version }}
build:
  number: 0
`

func TestDiagnosticsWhileTyping(t *testing.T) {
	c := start(t)
	uri, _ := c.open("/nowhere/recipe.yaml", strings.Replace(goodRecipe, "build:", "biuld:", 1))
	find := func(code string) *diagnostic {
		for _, d := range c.diag[uri] {
			if d.Code == code {
				return &d
			}
		}
		return nil
	}
	d := find("unknown-key")
	if d == nil || d.Severity != 1 || d.Range != (textRange{position{6, 0}, position{6, 5}}) || !strings.Contains(d.Message, `did you mean "build"`) {
		t.Fatalf("got %+v of %+v", d, c.diag[uri])
	}
	c.notify("textDocument/didChange", map[string]any{"textDocument": map[string]any{"uri": uri, "version": 2},
		"contentChanges": []any{map[string]any{"range": textRange{position{6, 0}, position{6, 5}}, "text": "build"}}})
	c.next()
	if d := find("unknown-key"); d != nil {
		t.Errorf("still there: %+v", d)
	}
	c.notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": uri}})
	c.next()
	if len(c.diag[uri]) != 0 {
		t.Errorf("after closing: %+v", c.diag[uri])
	}
	c.stop()
}

func TestCompletion(t *testing.T) {
	c := start(t)
	for i, tt := range []struct{ name, path, text, want, not string }{
		{"section", "recipe.yaml", "package:\n  name: a\n  version: '1'\nbu‸\n", "build requirements tests about", "package"},
		{"key of a section", "recipe.yaml", "package:\n  name: a\n  version: '1'\nabout:\n  license: MIT\n  ‸\n", "summary homepage license_file", "license number"},
		{"key of a git source", "recipe.yaml", "package: {name: a, version: '1'}\nsource:\n  - git: https://x.example\n    ‸\n", "rev tag lfs patches", "sha256 git"},
		{"kind of a test", "recipe.yaml", "package: {name: a, version: '1'}\ntests:\n  - ‸\n", "python script package_contents", "number"},
		{"value", "recipe.yaml", "package: {name: a, version: '1'}\nbuild:\n  noarch: ‸\n", "python generic", "true"},
		{"names in an expression", "recipe.yaml", "context:\n  mine: 1\npackage: {name: a, version: '1'}\nabout:\n  summary: ${{ ‸ }}\n", "mine compiler linux target_platform", "number"},
		{"filter", "recipe.yaml", "package: {name: a, version: '1'}\nabout:\n  summary: ${{ x | ‸ }}\n", "lower replace split", "compiler"},
		{"names in a condition", "recipe.yaml", "package: {name: a, version: '1'}\nrequirements:\n  run:\n    - if: ‸\n", "linux match", "number"},
		{"requirement", "recipe.yaml", "package: {name: a, version: '1'}\nrequirements:\n  host:\n    - ‸\n", "zlib libpng", "number"},
		{"meta.yaml", "meta.yaml", "{% set v = '1' %}\npackage:\n  name: a\n  version: {{ ‸ }}\n", "v compiler pin_subpackage", "match"},
		{"section of meta.yaml", "meta.yaml", "package:\n  name: a\n  version: 1\nabout:\n  ‸\n", "home dev_url", "homepage"},
		{"block", "recipe.hcl", "package \"a\" {\n  version = \"1\"\n}\nre‸\n", "requirements source locals", "number"},
		{"attribute", "recipe.hcl", "package \"a\" {\n  version = \"1\"\n}\nbuild {\n  nu‸\n}\n", "number script noarch", "locals"},
		{"local", "recipe.hcl", "locals {\n  mine = 1\n}\nbuild {\n  number = local.‸\n}\n", "mine", "script"},
	} {
		uri, p := c.open(fmt.Sprintf("/nowhere/%d/%s", i, tt.path), tt.text)
		var got struct{ Items []completionItem }
		c.call("textDocument/completion", at(uri, p), &got)
		labels := map[string]bool{}
		for _, it := range got.Items {
			labels[it.Label] = true
		}
		for _, w := range strings.Fields(tt.want) {
			if !labels[w] {
				t.Errorf("%s: no %s among %v", tt.name, w, labels)
			}
		}
		for _, w := range strings.Fields(tt.not) {
			if labels[w] {
				t.Errorf("%s: offers %s", tt.name, w)
			}
		}
	}
	c.stop()
}

func TestHoverDefinitionRename(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "variants.yaml"), []byte("zlib:\n  - \"1.2\"\n  - \"1.3\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := start(t)
	hovered := func(path, text string) string {
		uri, p := c.open(path, text)
		var h *hover
		c.call("textDocument/hover", at(uri, p), &h)
		if h == nil {
			return ""
		}
		return h.Contents.Value
	}
	for name, tt := range map[string]struct{ path, text, want string }{
		"variable": {filepath.Join(dir, "1", "recipe.yaml"), strings.Replace(goodRecipe, "${{ version }}", "${{ ver‸sion }}", 1), "`version` = `1.0`"},
		"each variant": {filepath.Join(dir, "recipe.yaml"), "context:\n  a: ${{ zlib ~ \"!\" }}\npackage: {name: x, version: '1'}\nabout: {summary: \"${{ ‸a }}\"}\n",
			"`a`\n\n- `1.2!`: zlib 1.2\n- `1.3!`: zlib 1.3"},
		"expression": {filepath.Join(dir, "2", "recipe.yaml"), "package: {name: x, version: '1'}\nabout: {summary: \"${{ 'a' ~‸ 'b' }}\"}\n", "`'a' ~ 'b'` = `ab`"},
		"meta.yaml":  {filepath.Join(dir, "3", "meta.yaml"), "{% set v = '1.2' %}\npackage:\n  name: a\n  version: {{ v‸ }}\n", "`v` = `1.2`"},
		"hcl":        {filepath.Join(dir, "4", "recipe.hcl"), "locals {\n  mine = \"x\"\n}\npackage \"a\" {\n  version = local.mi‸ne\n}\n", "`mine` = `x`"},
		"key":        {filepath.Join(dir, "5", "recipe.yaml"), "package: {name: x, version: '1'}\nabout:\n  li‸cense: MIT\n", "**about.license** — SPDX expression, such as MIT or GPL-3.0-or-later"},
		"nothing":    {filepath.Join(dir, "6", "recipe.yaml"), "package: {name: x, version: '1'} #‸\n", ""},
	} {
		if d := cmp.Diff(tt.want, hovered(tt.path, tt.text)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}

	uri, p := c.open(filepath.Join(dir, "7", "recipe.yaml"), strings.Replace(goodRecipe, "${{ version }}", "${{ ‸version }}", 1))
	var l *location
	c.call("textDocument/definition", at(uri, p), &l)
	if l == nil || *l != (location{uri, textRange{position{2, 2}, position{2, 9}}}) {
		t.Errorf("definition: %+v", l)
	}
	var edit workspaceEdit
	renamed := at(uri, p)
	renamed["newName"] = "release"
	c.call("textDocument/rename", renamed, &edit)
	want := []textEdit{{textRange{position{2, 2}, position{2, 9}}, "release"}, {textRange{position{5, 15}, position{5, 22}}, "release"}}
	if d := cmp.Diff(want, edit.Changes[uri]); d != "" {
		t.Errorf("rename: %s", d)
	}
	for _, bad := range []string{"name", "1x", "linux", ""} {
		renamed["newName"] = bad
		if err := c.try("textDocument/rename", renamed, nil); err == nil {
			t.Errorf("renamed to %q", bad)
		}
	}

	uri, p = c.open(filepath.Join(dir, "recipe.yaml"), "package: {name: x, version: '1'}\nrequirements: {host: [‸zlib]}\n")
	c.call("textDocument/definition", at(uri, p), &l)
	if l == nil || l.URI != uriOf(filepath.Join(dir, "variants.yaml")) || l.Range.Start != (position{0, 0}) {
		t.Errorf("definition of a variant key: %+v", l)
	}
	c.stop()
}

func TestFormattingAndActions(t *testing.T) {
	c := start(t)
	uri, _ := c.open("/nowhere/recipe.yaml", "# é😀\npackage:\n    name: demo\n    version: 1.10 \n")
	var edits []textEdit
	c.call("textDocument/formatting", map[string]any{"textDocument": map[string]any{"uri": uri}, "options": map[string]any{"tabSize": 2, "insertSpaces": true}}, &edits)
	if len(edits) != 1 || edits[0].NewText != "# é😀\npackage:\n  name: demo\n  version: 1.10\n" {
		t.Errorf("formatting: %+v", edits)
	}
	var actions []codeAction
	line3 := textRange{position{3, 0}, position{3, 20}}
	c.call("textDocument/codeAction", map[string]any{"textDocument": map[string]any{"uri": uri}, "range": line3, "context": map[string]any{"diagnostics": []any{}}}, &actions)
	var titles []string
	for _, a := range actions {
		titles = append(titles, a.Title)
	}
	if d := cmp.Diff([]string{"Fix version-quotes: put it in quotes", "Fix trailing-space", "Fix all that lint can fix (2)"}, titles); d != "" {
		t.Error(d)
	}
	if n := len(actions); n == 3 && actions[2].Edit.Changes[uri][0].NewText != "# é😀\npackage:\n    name: demo\n    version: \"1.10\"\n" {
		t.Errorf("fix all: %q", actions[2].Edit.Changes[uri][0].NewText)
	}
	c.call("textDocument/codeAction", map[string]any{"textDocument": map[string]any{"uri": uri}, "range": line3, "context": map[string]any{"only": []string{"source"}}}, &actions)
	if len(actions) != 1 || actions[0].Kind != "source.fixAll" {
		t.Errorf("only source: %+v", actions)
	}
	c.stop()
}

// TestMistakesOfTheClient: each gets an answer, and the server goes on.
func TestMistakesOfTheClient(t *testing.T) {
	c := start(t)
	if err := c.try("textDocument/hover", at("file:///not/open", position{}), nil); err == nil || err.Code != codeInvalidParams {
		t.Errorf("not open: %v", err)
	}
	if err := c.try("textDocument/nothing", nil, nil); err == nil || err.Code != codeNoMethod {
		t.Errorf("unknown method: %v", err)
	}
	if err := c.try("textDocument/hover", []int{1}, nil); err == nil || err.Code != codeInvalidParams {
		t.Errorf("bad parameters: %v", err)
	}
	uri, _ := c.open("/nowhere/recipe.yaml", "a: [\n")
	for _, p := range []position{{0, 0}, {5, 5}, {1 << 40, 1 << 40}, {-1, -1}} {
		for _, method := range []string{"hover", "completion", "definition", "rename", "prepareRename"} {
			_ = c.try("textDocument/"+method, at(uri, p), nil)
		}
	}
	c.notify("textDocument/didChange", map[string]any{"textDocument": map[string]any{"uri": uri, "version": 2},
		"contentChanges": []any{map[string]any{"range": textRange{position{3, 0}, position{0, 0}}, "text": "x"}}})
	c.stop()
}

func TestExitWithoutShutdown(t *testing.T) {
	in := strings.NewReader("Content-Length: 33\r\n\r\n{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}")
	if err := Serve(context.Background(), in, io.Discard, Options{}); err == nil {
		t.Error("no error")
	}
	for _, bad := range []string{"x\r\n\r\n", "Content-Length: -1\r\n\r\n", "Content-Length: 99999999999\r\n\r\n", "Content-Length: 5\r\n\r\nab"} {
		if err := Serve(context.Background(), strings.NewReader(bad), io.Discard, Options{}); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func FuzzServe(f *testing.F) {
	f.Add("recipe.yaml", goodRecipe, 3, 4)
	f.Add("meta.yaml", "{% set a = 1 %}\npackage:\n  name: {{ a }}\n", 2, 10)
	f.Add("recipe.hcl", "build {\n  x = local.\n}\n", 1, 12)
	f.Fuzz(func(t *testing.T, path, text string, line, character int) {
		if len(text) > 1<<12 {
			return
		}
		s := &server{conn: newConn(strings.NewReader(""), io.Discard), docs: map[string]*document{}, o: Options{Log: io.Discard}}
		uri := "file:///nowhere/" + filepath.Base(path)
		s.docs[uri] = &document{uri: uri, path: pathOf(uri), text: text}
		p := positionParams{TextDocument: documentID{uri}, Position: position{line, character}, NewName: "x"}
		_, _ = s.completion(p)
		_, _ = s.hover(p)
		_, _ = s.definition(p)
		_, _ = s.rename(p)
		_, _ = s.codeActions(codeActionParams{TextDocument: documentID{uri}, Range: textRange{p.Position, p.Position}})
	})
}
