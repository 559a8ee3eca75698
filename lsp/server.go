package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"strings"

	"forge/recipes"
)

// Options is what the server needs of whoever runs it.
type Options struct {
	Version  string
	Render   recipes.RenderOptions     // what recipes are rendered with
	Packages func(dir string) []string // package names for requirements of a recipe in dir; nil for none
	Log      io.Writer                 // what goes wrong inside; nil for nowhere
}

// Serve speaks the protocol until the editor says exit, the input ends or ctx does. It returns an error
// where the stream broke, and where exit came before shutdown.
func Serve(ctx context.Context, in io.Reader, out io.Writer, o Options) error {
	s := &server{o: o, conn: newConn(in, out), docs: map[string]*document{}}
	if s.o.Log == nil {
		s.o.Log = io.Discard
	}
	type read struct {
		m   *message
		err error
	}
	incoming := make(chan read)
	go func() { // ends with the input; a blocked read cannot be stopped otherwise
		defer close(incoming)
		for {
			m, err := s.conn.read()
			select {
			case incoming <- read{m, err}:
			case <-ctx.Done():
				return
			}
			if err != nil && !errors.Is(err, errBadMessage) {
				return
			}
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case r, open := <-incoming:
			switch {
			case !open || errors.Is(r.err, io.EOF):
				return nil
			case errors.Is(r.err, errBadMessage):
				null := json.RawMessage("null")
				if err := s.conn.write(message{ID: &null, Error: &rpcError{codeParse, r.err.Error()}}); err != nil {
					return err
				}
			case r.err != nil:
				return r.err
			case r.m.Method == "exit":
				if !s.shutdown {
					return errors.New("the editor left without saying shutdown")
				}
				return nil
			default:
				if err := s.handle(r.m); err != nil {
					return err
				}
			}
		}
	}
}

type server struct {
	o           Options
	conn        *conn
	docs        map[string]*document
	initialized bool
	shutdown    bool
}

// handle answers one message; only a broken stream is an error.
func (s *server) handle(m *message) error {
	if m.Method == "" { // an answer to something that was never asked
		return nil
	}
	result, err := s.guarded(m)
	if m.ID == nil {
		if err != nil {
			fmt.Fprintf(s.o.Log, "lsp: %s: %v\n", m.Method, err)
		}
		return nil
	}
	answer := message{ID: m.ID}
	var failed *rpcError
	switch {
	case errors.As(err, &failed):
		answer.Error = failed
	case err != nil:
		answer.Error = &rpcError{codeRequestFailed, err.Error()}
	default:
		if answer.Result, err = raw(result); err != nil {
			answer.Error = &rpcError{codeInternal, err.Error()}
		}
	}
	return s.conn.write(answer)
}

// Error makes rpcError an error.
func (e *rpcError) Error() string { return e.Message }

// guarded keeps the server alive where a recipe brings one of its readers down.
func (s *server) guarded(m *message) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(s.o.Log, "lsp: %s: %v\n%s", m.Method, r, debug.Stack())
			err = &rpcError{codeInternal, fmt.Sprintf("%s failed: %v", m.Method, r)}
		}
	}()
	return s.dispatch(m)
}

func (s *server) dispatch(m *message) (any, error) {
	switch {
	case m.Method == "initialize":
		s.initialized = true
		return s.capabilities(), nil
	case m.Method == "initialized" || strings.HasPrefix(m.Method, "$/") || m.Method == "workspace/didChangeConfiguration" || m.Method == "textDocument/willSave":
		return nil, s.optional(m)
	case !s.initialized:
		return nil, &rpcError{codeNotInitialized, "initialize comes first"}
	case m.Method == "shutdown":
		s.shutdown = true
		return nil, nil
	case s.shutdown:
		return nil, &rpcError{codeInvalidRequest, "the server was shut down"}
	}
	switch m.Method {
	case "textDocument/didOpen":
		return call(m, s.open)
	case "textDocument/didChange":
		return call(m, s.change)
	case "textDocument/didSave", "workspace/didChangeWatchedFiles":
		return nil, s.checkAll()
	case "textDocument/didClose":
		return call(m, s.close)
	case "textDocument/completion":
		return call(m, s.completion)
	case "textDocument/hover":
		return call(m, s.hover)
	case "textDocument/definition":
		return call(m, s.definition)
	case "textDocument/prepareRename":
		return call(m, s.prepareRename)
	case "textDocument/rename":
		return call(m, s.rename)
	case "textDocument/formatting":
		return call(m, s.formatting)
	case "textDocument/codeAction":
		return call(m, s.codeActions)
	case "textDocument/documentSymbol":
		return call(m, s.symbols)
	}
	return nil, s.optional(m)
}

// optional refuses a request that is not known; notifications may be passed over.
func (s *server) optional(m *message) error {
	if m.ID == nil {
		return nil
	}
	return &rpcError{codeNoMethod, fmt.Sprintf("%q is not served", m.Method)}
}

func call[P, R any](m *message, f func(P) (R, error)) (any, error) {
	var p P
	if err := json.Unmarshal(m.Params, &p); err != nil {
		return nil, &rpcError{codeInvalidParams, fmt.Sprintf("%s: %v", m.Method, err)}
	}
	return f(p)
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

func (s *server) open(p didOpen) (any, error) {
	d := &document{uri: p.TextDocument.URI, path: pathOf(p.TextDocument.URI), version: p.TextDocument.Version, text: p.TextDocument.Text}
	s.docs[d.uri] = d
	return nil, s.check(d)
}

func (s *server) change(p didChange) (any, error) {
	d, err := s.document(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	if err := d.change(p); err != nil {
		return nil, err
	}
	return nil, s.check(d)
}

func (s *server) close(p documentParams) (any, error) {
	delete(s.docs, p.TextDocument.URI)
	return nil, s.conn.notify("textDocument/publishDiagnostics", map[string]any{"uri": p.TextDocument.URI, "diagnostics": []diagnostic{}})
}

// checkAll looks at all open recipes again: a script or a variants file beside one changed.
func (s *server) checkAll() error {
	for _, d := range s.docs {
		if err := s.check(d); err != nil {
			return err
		}
	}
	return nil
}

// isRecipe tells recipes from variant files, workspaces and everything else.
func isRecipe(path string) bool {
	switch filepath.Base(path) {
	case "recipe.yaml", "recipe.yml", "meta.yaml", "meta.yml", "conda.yaml", "recipe.hcl":
		return true
	}
	return false
}
