package trust

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// object is a JSON object as parseStrict gives it; what is missing or of another type reads as empty.
// The names and encodings are those of protobuf's JSON (https://protobuf.dev/programming-guides/json/).
type object map[string]any

func asObject(v any) object { o, _ := v.(map[string]any); return o }

func (o object) object(key string) object { return asObject(o[key]) }
func (o object) text(key string) string   { s, _ := o[key].(string); return s }
func (o object) list(key string) []any    { l, _ := o[key].([]any); return l }

// bytes reads standard base64.
func (o object) bytes(key string) ([]byte, error) {
	b, err := decode64(o[key])
	if err != nil {
		return nil, fmt.Errorf("its %s %w", key, err)
	}
	return b, nil
}

// number reads an int64 that may not be negative, written as a number or in quotes; zero if it is missing.
func (o object) number(key string) (int64, error) {
	text := o.text(key)
	switch v := o[key].(type) {
	case nil:
		return 0, nil
	case json.Number:
		text = v.String()
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("its %s is no number from 0 on", key)
	}
	return n, nil
}

// period is a time that something is valid for, ends included. Without an end it goes on.
type period struct{ start, end time.Time }

func (p period) covers(t time.Time) bool {
	return !t.Before(p.start) && (p.end.IsZero() || !t.After(p.end))
}

// period reads {start, end}; something that is valid since nobody knows when is refused.
func (o object) period(key string) (p period, err error) {
	v := o.object(key)
	if p.start, err = time.Parse(time.RFC3339, v.text("start")); err != nil {
		return p, fmt.Errorf("its %s has no start", key)
	}
	if v["end"] == nil {
		return p, nil
	}
	if p.end, err = time.Parse(time.RFC3339, v.text("end")); err != nil {
		return p, fmt.Errorf("the end of its %s is no time", key)
	}
	return p, nil
}
