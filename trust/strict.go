package trust

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := strictValue(dec, maxDepth)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("data follows the JSON value")
	}
	return v, nil
}

func strictValue(dec *json.Decoder, depth int) (any, error) {
	token, err := dec.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	if n, ok := token.(json.Number); ok && len(n) > maxNumber {
		return nil, errors.New("a number is too long")
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth == 0 {
		return nil, errors.New("it is nested too deeply")
	}
	if delim == '[' {
		return strictArray(dec, depth-1)
	}
	return strictObject(dec, depth-1)
}

func strictArray(dec *json.Decoder, depth int) (any, error) {
	list := []any{}
	for dec.More() {
		v, err := strictValue(dec, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := dec.Token()
	return list, err
}

func strictObject(dec *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string) // a decoder gives nothing else here
		if _, twice := object[key]; twice {
			return nil, fmt.Errorf("the key %q is given twice", key)
		}
		if object[key], err = strictValue(dec, depth); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	return object, err
}
