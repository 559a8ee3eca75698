package trust

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Limits of the JSON we believe.
const (
	maxDepth  = 64
	maxNumber = 20 // digits
)

// parseStrict reads one JSON value. Unlike encoding/json it refuses what two readers may understand
// differently: a key given twice, data after the value, text that is not UTF-8, endless numbers and
// nesting. Objects are map[string]any with the keys as written, so "Payload" is not "payload".
func parseStrict(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("it is not UTF-8")
	}
	if !json.Valid(data) {
		if err := json.NewDecoder(bytes.NewReader(data)).Decode(new(any)); err != nil {
			return nil, err
		}
		return nil, errors.New("data follows the JSON value")
	}
	p := strictParser{data: data}
	return p.value(maxDepth)
}

// strictParser reads what is known to be one JSON value (RFC 8259) and what may surround it, at a fifth of what
// encoding/json takes token by token. A statement is read whenever its package is used.
type strictParser struct {
	data []byte
	at   int
}

// next skips white space and what separates values, and returns the byte there.
func (p *strictParser) next() byte {
	for {
		switch c := p.data[p.at]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
			p.at++
		default:
			return c
		}
	}
}

func (p *strictParser) value(depth int) (any, error) {
	switch c := p.next(); c {
	case '{', '[':
		if depth == 0 {
			return nil, errors.New("it is nested too deeply")
		}
		p.at++
		if c == '[' {
			return p.array(depth - 1)
		}
		return p.object(depth - 1)
	case '"':
		return p.text()
	case 't':
		p.at += len("true")
		return true, nil
	case 'f':
		p.at += len("false")
		return false, nil
	case 'n':
		p.at += len("null")
		return nil, nil
	}
	from := p.at
	for p.at < len(p.data) && bytes.IndexByte([]byte("+-.0123456789eE"), p.data[p.at]) >= 0 {
		p.at++
	}
	if p.at-from > maxNumber {
		return nil, errors.New("a number is too long")
	}
	return json.Number(p.data[from:p.at]), nil
}

func (p *strictParser) array(depth int) (any, error) {
	list := []any{}
	for p.next() != ']' {
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	p.at++
	return list, nil
}

func (p *strictParser) object(depth int) (any, error) {
	object := map[string]any{}
	for p.next() != '}' {
		key, err := p.text()
		if err != nil {
			return nil, err
		}
		if _, twice := object[key]; twice {
			return nil, fmt.Errorf("the key %q is given twice", key)
		}
		if object[key], err = p.value(depth); err != nil {
			return nil, err
		}
	}
	p.at++
	return object, nil
}

// text reads a string; what is escaped in it is left to encoding/json.
func (p *strictParser) text() (string, error) {
	from, escaped := p.at, false
	for p.at++; p.data[p.at] != '"'; p.at++ {
		if p.data[p.at] == '\\' {
			escaped = true
			p.at++
		}
	}
	p.at++
	if !escaped {
		return string(p.data[from+1 : p.at-1]), nil
	}
	var s string
	err := json.Unmarshal(p.data[from:p.at], &s)
	return s, err
}
