// Package plain turns Go values into what encoding/json would read back of them: maps, lists, texts, numbers.
//
// It is for values of many types of which each is seen once or twice in a run. There encoding/json spends more on
// its encoders, one a type, than on the values: 1 of the 20 ms that a build of one small package takes.
package plain

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Of returns what json.Unmarshal makes of json.Marshal(v) in an any: map[string]any, []any, string, float64, bool and
// nil. Field tags, embedded structs and the methods MarshalJSON and MarshalText count as they do there, but for
// two things: the option "string" of a tag is an error, and of two embedded fields with one name the first is taken. What
// JSON cannot say is an error, too.
func Of(v any) (any, error) { return of(reflect.ValueOf(v), 0) }

const maxDepth = 1000 // a value that points to itself is deeper

var errDepth = errors.New("the value is nested too deeply, or points to itself")

func of(v reflect.Value, depth int) (any, error) {
	if depth++; depth > maxDepth {
		return nil, errDepth
	}
	if !v.IsValid() {
		return nil, nil
	}
	if out, done, err := byMethod(v); done {
		return out, err
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil, nil
		}
		return of(v.Elem(), depth)
	case reflect.Struct:
		out := make(map[string]any, v.NumField())
		return out, fields(v, out, depth)
	case reflect.Map:
		return ofMap(v, depth)
	case reflect.Slice:
		if v.IsNil() {
			return nil, nil
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return base64.StdEncoding.EncodeToString(v.Bytes()), nil
		}
		return ofList(v, depth)
	case reflect.Array:
		return ofList(v, depth)
	}
	return ofScalar(v)
}

// byMethod asks the methods that say how a value looks in JSON, if it has any.
func byMethod(v reflect.Value) (out any, done bool, err error) {
	if v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, false, nil
	}
	if v.CanAddr() && v.Kind() != reflect.Pointer && reflect.PointerTo(v.Type()).NumMethod() > 0 {
		v = v.Addr()
	}
	if v.Type().NumMethod() == 0 || !v.CanInterface() {
		return nil, false, nil
	}
	switch m := v.Interface().(type) {
	case json.Marshaler:
		text, err := json.Marshal(m)
		if err == nil {
			err = json.Unmarshal(text, &out)
		}
		return out, true, err
	case encoding.TextMarshaler:
		text, err := m.MarshalText()
		return valid(string(text)), true, err
	}
	return nil, false, nil
}

// valid is s as it comes out of JSON: each byte that is no UTF-8 is U+FFFD.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

func ofScalar(v reflect.Value) (any, error) {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.String:
		if v.Type() == reflect.TypeFor[json.Number]() {
			return number(v.String())
		}
		return valid(v.String()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return float64(v.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return float64(v.Uint()), nil
	case reflect.Float32, reflect.Float64:
		f := v.Float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("%g cannot be said in JSON", f)
		}
		return strconv.ParseFloat(strconv.FormatFloat(f, 'g', -1, v.Type().Bits()), 64)
	}
	return nil, fmt.Errorf("a %s cannot be said in JSON", v.Type())
}

// number is a number that is kept as its text; empty is 0.
func number(text string) (any, error) {
	if text == "" {
		return float64(0), nil
	}
	return strconv.ParseFloat(text, 64)
}

func ofList(v reflect.Value, depth int) (any, error) {
	out := make([]any, v.Len())
	for i := range out {
		var err error
		if out[i], err = of(v.Index(i), depth); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func ofMap(v reflect.Value, depth int) (any, error) {
	if v.IsNil() {
		return nil, nil
	}
	out := make(map[string]any, v.Len())
	for at := v.MapRange(); at.Next(); {
		key, err := keyOf(at.Key())
		if err == nil {
			out[key], err = of(at.Value(), depth)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func keyOf(k reflect.Value) (string, error) {
	if k.Kind() == reflect.String {
		return valid(k.String()), nil
	}
	if m, ok := k.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		return valid(string(text)), err
	}
	switch {
	case k.CanInt():
		return strconv.FormatInt(k.Int(), 10), nil
	case k.CanUint():
		return strconv.FormatUint(k.Uint(), 10), nil
	}
	return "", fmt.Errorf("a %s cannot be a key in JSON", k.Type())
}

// fields adds the fields of a struct to out; those of embedded ones come last, so that they hide nothing.
func fields(v reflect.Value, out map[string]any, depth int) error {
	var embedded []reflect.Value
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if f.Anonymous && name == "" {
			inner := v.Field(i)
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if !inner.IsValid() { // nil
				continue
			}
			if inner.Kind() == reflect.Struct {
				embedded = append(embedded, inner)
				continue
			}
		}
		if !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if err := field(v.Field(i), name, options, out, depth); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, e := range embedded {
		inner := map[string]any{}
		if err := fields(e, inner, depth); err != nil {
			return err
		}
		for name, value := range inner {
			if _, hidden := out[name]; !hidden {
				out[name] = value
			}
		}
	}
	return nil
}

// field adds one field, unless the options of its tag leave it out.
func field(v reflect.Value, name, options string, out map[string]any, depth int) (err error) {
	for options != "" {
		var option string
		option, options, _ = strings.Cut(options, ",")
		switch {
		case option == "string":
			return errors.New("the option string of a tag is not known here")
		case option == "omitempty" && empty(v), option == "omitzero" && zero(v):
			return nil
		}
	}
	out[name], err = of(v, depth)
	return err
}

func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct, reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128:
		return false
	}
	return v.IsZero()
}

func zero(v reflect.Value) bool {
	if z, ok := v.Interface().(interface{ IsZero() bool }); ok && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		return z.IsZero()
	}
	return v.IsZero()
}
