package lsp

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"forge/recipes"
)

// Options is what the server needs of whoever runs it.
type Options struct {
	Version  string
	Render   recipes.RenderOptions     // what recipes are rendered with
	Packages func(dir string) []string // package names for requirements of a recipe in dir; nil for none
	Log      io.Writer                 // what goes wrong inside; nil for nowhere
}

type server struct {
	o           Options
	conn        *conn
	docs        map[string]*document // that are open, by their URI
	stale       []*document          // that changed since they were checked
	serves      map[string]handler
	initialized bool
	shutdown    bool
}

func (s *server) dispatch(m *message) (any, error) {
	switch {
	case m.Method == "initialize":
		s.initialized = true
		return s.capabilities(), nil
	case !s.initialized && m.ID != nil:
		return nil, &rpcError{codeNotInitialized, "initialize comes first"}
	case m.Method == "shutdown":
		s.shutdown = true
		return nil, nil
	case s.shutdown && m.ID != nil:
		return nil, &rpcError{codeInvalidRequest, "the server was shut down"}
	}
	serve := s.serves[m.Method]
	switch {
	case serve != nil && s.initialized && !s.shutdown:
		return serve(m)
	case m.ID == nil: // notifications may be passed over
		return nil, nil
	}
	return nil, &rpcError{codeNoMethod, fmt.Sprintf("%q is not served", m.Method)}
}

// handler serves a request or a notification.
type handler func(m *message) (any, error)

func (s *server) methods() map[string]handler {
	return map[string]handler{
		"textDocument/didOpen":            with(s.open),
		"textDocument/didChange":          with(s.change),
		"textDocument/didSave":            with(s.recheck), // a file beside an open recipe may have changed
		"workspace/didChangeWatchedFiles": with(s.recheck),
		"textDocument/didClose":           with(s.close),
		"textDocument/completion":         with(s.completion),
		"textDocument/hover":              with(s.hover),
		"textDocument/definition":         with(s.definition),
		"textDocument/prepareRename":      with(s.prepareRename),
		"textDocument/rename":             with(s.rename),
		"textDocument/formatting":         with(s.formatting),
		"textDocument/codeAction":         with(s.codeActions),
		"textDocument/documentSymbol":     with(s.symbols),
	}
}

// with reads the parameters of f.
func with[P, R any](f func(P) (R, error)) handler {
	return func(m *message) (any, error) {
		var p P
		if err := json.Unmarshal(m.Params, &p); err != nil {
			return nil, &rpcError{codeInvalidParams, fmt.Sprintf("%s: %v", m.Method, err)}
		}
		return f(p)
	}
}

func (s *server) capabilities() any {
	return map[string]any{
		"serverInfo": map[string]string{"name": "forge", "version": s.o.Version},
		"capabilities": map[string]any{
			"textDocumentSync":           map[string]any{"openClose": true, "change": 2, "save": map[string]bool{"includeText": false}},
			"completionProvider":         map[string]any{"triggerCharacters": []string{" ", "{", "|", ".", "-"}},
			"hoverProvider":              true,
			"definitionProvider":         true,
			"documentSymbolProvider":     true,
			"renameProvider":             map[string]bool{"prepareProvider": true},
			"documentFormattingProvider": true,
			"codeActionProvider":         map[string]any{"codeActionKinds": []string{"quickfix", "source.fixAll"}},
		},
	}
}

// document is an open file; a request about another one is an error.
func (s *server) document(uri string) (*document, error) {
	d := s.docs[uri]
	if d == nil {
		return nil, &rpcError{codeInvalidParams, uri + " is not open"}
	}
	return d, nil
}

func (s *server) assist(uri string) (*document, *recipes.Assist, error) {
	d, err := s.document(uri)
	if err != nil {
		return nil, nil, err
	}
	return d, recipes.NewAssist(d.path, []byte(d.text), s.o.Render), nil
}

// at is the document, what is known of it, and the place in it that a request asks about.
func (s *server) at(p positionParams) (*document, *recipes.Assist, int, error) {
	d, a, err := s.assist(p.TextDocument.URI)
	if err != nil {
		return nil, nil, 0, err
	}
	return d, a, offsetIn(d.text, p.Position), nil
}

func (s *server) open(p didOpen) (any, error) {
	d := &document{uri: p.TextDocument.URI, path: pathOf(p.TextDocument.URI), version: p.TextDocument.Version, text: p.TextDocument.Text}
	s.docs[d.uri] = d
	s.changed(d)
	return nil, nil
}

func (s *server) change(p didChange) (any, error) {
	d, err := s.document(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	s.changed(d)
	return nil, d.change(p)
}

func (s *server) close(p documentParams) (any, error) {
	if d := s.docs[p.TextDocument.URI]; d != nil {
		delete(s.docs, d.uri)
		s.stale = slices.DeleteFunc(s.stale, func(other *document) bool { return other == d })
	}
	return nil, s.conn.notify("textDocument/publishDiagnostics", published{URI: p.TextDocument.URI, Diagnostics: []diagnostic{}})
}

func (s *server) recheck(any) (any, error) {
	for _, uri := range slices.Sorted(maps.Keys(s.docs)) {
		s.changed(s.docs[uri])
	}
	return nil, nil
}

func (s *server) changed(d *document) {
	if !slices.Contains(s.stale, d) {
		s.stale = append(s.stale, d)
	}
}

// isRecipe tells recipes from variant files, workspaces and everything else.
func isRecipe(path string) bool {
	switch filepath.Base(path) {
	case "recipe.yaml", "recipe.yml", "meta.yaml", "meta.yml", "conda.yaml", "recipe.hcl":
		return true
	}
	return false
}
