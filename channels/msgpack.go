package channels

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// msgpack reads a MessagePack document (https://github.com/msgpack/msgpack/blob/master/spec.md).
// Strings and bytes are parts of the text.
type msgpack struct{ b []byte }

var errMsgpack = errors.New("damaged MessagePack")

func (m *msgpack) take(n uint64) ([]byte, error) {
	if n > uint64(len(m.b)) {
		return nil, errMsgpack
	}
	out := m.b[:n]
	m.b = m.b[n:]
	return out, nil
}

// uint reads an unsigned number of 1, 2, 4 or 8 bytes.
func (m *msgpack) uint(size uint64) (uint64, error) {
	b, err := m.take(size)
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[8-size:], b)
	return binary.BigEndian.Uint64(wide[:]), nil
}

// The types of what comes next.
type packType int

const (
	packNil packType = iota
	packBool
	packInt
	packFloat
	packText
	packBytes
	packArray
	packMap
	packExt
)

// head reads the type of the next value with its length or, of a number, its value.
func (m *msgpack) head() (packType, int64, error) {
	b, err := m.take(1)
	if err != nil {
		return 0, 0, err
	}
	c := b[0]
	switch {
	case c < 0x80:
		return packInt, int64(c), nil
	case c < 0x90:
		return packMap, int64(c & 15), nil
	case c < 0xa0:
		return packArray, int64(c & 15), nil
	case c < 0xc0:
		return packText, int64(c & 31), nil
	case c >= 0xe0:
		return packInt, int64(int8(c)), nil
	}
	return m.longHead(c)
}

func (m *msgpack) longHead(c byte) (packType, int64, error) {
	kinds := map[byte]struct {
		kind packType
		size uint64
	}{0xc4: {packBytes, 1}, 0xc5: {packBytes, 2}, 0xc6: {packBytes, 4}, 0xc7: {packExt, 1}, 0xc8: {packExt, 2}, 0xc9: {packExt, 4},
		0xca: {packFloat, 4}, 0xcb: {packFloat, 8}, 0xcc: {packInt, 1}, 0xcd: {packInt, 2}, 0xce: {packInt, 4}, 0xcf: {packInt, 8},
		0xd0: {packInt, 1}, 0xd1: {packInt, 2}, 0xd2: {packInt, 4}, 0xd3: {packInt, 8}, 0xd9: {packText, 1}, 0xda: {packText, 2},
		0xdb: {packText, 4}, 0xdc: {packArray, 2}, 0xdd: {packArray, 4}, 0xde: {packMap, 2}, 0xdf: {packMap, 4}}
	switch {
	case c == 0xc0:
		return packNil, 0, nil
	case c == 0xc2, c == 0xc3:
		return packBool, int64(c & 1), nil
	case c >= 0xd4 && c <= 0xd8:
		return packExt, 1 << (c - 0xd4), nil
	}
	k, ok := kinds[c]
	if !ok {
		return 0, 0, errMsgpack
	}
	n, err := m.uint(k.size)
	switch {
	case c == 0xca:
		n = uint64(int64(math.Float32frombits(uint32(n))))
	case c == 0xcb:
		n = uint64(int64(math.Float64frombits(n)))
	case c >= 0xd0 && c <= 0xd3: // signed
		shift := 64 - 8*k.size
		n = uint64(int64(n<<shift) >> shift)
	}
	return k.kind, int64(n), err
}

// want is head for a value that must have a type; nil stands for an empty one.
func (m *msgpack) want(kind packType) (int64, error) {
	got, n, err := m.head()
	switch {
	case err != nil:
		return 0, err
	case got == packNil:
		return 0, nil
	case got != kind || n < 0 && kind != packInt:
		return 0, fmt.Errorf("%w: type %d where %d is expected", errMsgpack, got, kind)
	}
	return n, nil
}

func (m *msgpack) text() (string, error) {
	n, err := m.want(packText)
	if err != nil {
		return "", err
	}
	b, err := m.take(uint64(n))
	return string(b), err
}

// list reads an array of strings.
func (m *msgpack) list() ([]string, error) {
	n, err := m.want(packArray)
	var out []string
	for ; n > 0 && err == nil; n-- {
		var s string
		s, err = m.text()
		out = append(out, s)
	}
	return out, err
}

// object calls f for every key; f reads the value.
func (m *msgpack) object(f func(key string) error) error {
	n, err := m.want(packMap)
	for ; n > 0 && err == nil; n-- {
		var key string
		if key, err = m.text(); err == nil {
			err = f(key)
		}
	}
	return err
}

// bytes reads a byte string.
func (m *msgpack) bytes() ([]byte, error) {
	n, err := m.want(packBytes)
	if err != nil {
		return nil, err
	}
	return m.take(uint64(n))
}

// skip passes a value.
func (m *msgpack) skip(depth int) error {
	kind, n, err := m.head()
	if err != nil || depth > maxNesting || n < 0 && kind > packFloat {
		return errors.Join(err, errMsgpackIf(err == nil))
	}
	switch kind {
	case packText, packBytes:
		_, err = m.take(uint64(n))
	case packExt:
		_, err = m.take(uint64(n) + 1)
	case packMap:
		n *= 2
		fallthrough
	case packArray:
		for ; n > 0 && err == nil; n-- {
			err = m.skip(depth + 1)
		}
	}
	return err
}

func errMsgpackIf(bad bool) error {
	if bad {
		return errMsgpack
	}
	return nil
}
