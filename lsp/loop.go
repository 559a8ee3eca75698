package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
)

// Serve speaks the protocol until the editor says exit, the input ends or ctx does. It returns an error
// where the stream broke, and where exit came before shutdown.
func Serve(ctx context.Context, in io.Reader, out io.Writer, o Options) error {
	s := &server{o: o, conn: newConn(in, out), docs: map[string]*document{}}
	s.serves = s.methods()
	if s.o.Log == nil {
		s.o.Log = io.Discard
	}
	incoming := make(chan incoming, 64)
	go s.read(ctx, incoming)
	for {
		r, err := s.next(ctx, incoming)
		switch {
		case err != nil:
			return err
		case errors.Is(r.err, io.EOF):
			return nil
		case errors.Is(r.err, errBadMessage):
			null := json.RawMessage("null")
			err = s.conn.write(message{ID: &null, Error: &rpcError{codeParse, r.err.Error()}})
		case r.err != nil:
			return r.err
		case r.m.Method == "exit" && !s.shutdown:
			return errors.New("the editor left without saying shutdown")
		case r.m.Method == "exit":
			return nil
		default:
			err = s.handle(r.m)
		}
		if err != nil {
			return err
		}
	}
}

// incoming is a message, or why there is none.
type incoming struct {
	m   *message
	err error
}

// read hands on messages until the input breaks or ends; a blocked read cannot be stopped otherwise.
func (s *server) read(ctx context.Context, to chan<- incoming) {
	for {
		m, err := s.conn.read()
		select {
		case to <- incoming{m, err}:
		case <-ctx.Done():
			return
		}
		if err != nil && !errors.Is(err, errBadMessage) {
			return
		}
	}
}

// next waits for a message. What changed is only checked when none is there: of the letters that a hand
// types meanwhile, the last one counts.
func (s *server) next(ctx context.Context, from <-chan incoming) (incoming, error) {
	select {
	case r := <-from:
		return r, nil
	default:
	}
	for ; len(s.stale) > 0; s.stale = s.stale[1:] {
		if err := s.publish(s.stale[0]); err != nil {
			return incoming{}, err
		}
	}
	select {
	case <-ctx.Done():
		return incoming{}, ctx.Err()
	case r := <-from:
		return r, nil
	}
}

// handle answers one message; only a broken stream is an error.
func (s *server) handle(m *message) error {
	if m.Method == "" { // an answer to something that was never asked
		return nil
	}
	result, err := s.guarded(m.Method, func() (any, error) { return s.dispatch(m) })
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
func (s *server) guarded(what string, f func() (any, error)) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(s.o.Log, "lsp: %s: %v\n%s", what, r, debug.Stack())
			err = &rpcError{codeInternal, fmt.Sprintf("%s failed: %v", what, r)}
		}
	}()
	return f()
}
