package packages

import "encoding/binary"

// The first byte of each encoded item. Zeros are not written where nothing follows them in their
// segment; elsewhere they, and the ends of segments, say whether what comes next is below or above
// zero. So the byte order of two keys is the order of the versions, and equal versions have one key.
const (
	keyDev          = 1
	keyText         = 2 // then the letters and a 0
	keyZeroThenLess = 3
	keyEndThenLess  = 4
	keyEnd          = 5 // nothing but zeros follows
	keyEndThenMore  = 6
	keyZeroThenMore = 7
	keyNumber       = 8 // plus the count of digits, up to keyLong
	keyLong         = 254
	keyPost         = 255
)

// appendKey encodes a list of segments.
func appendKey(key []byte, parts []component) []byte {
	end := len(parts)
	for end > 0 && parts[end-1].sign() == 0 {
		end--
	}
	next, segEnd := 0, -1 // the next component with a sign; where the segment at hand ends
	for i := range end {
		next = nextSigned(parts, max(next, i))
		for segEnd < i || !parts[segEnd].last {
			segEnd++
		}
		switch {
		case next == i:
			key = appendComponent(key, parts[i])
		case next <= segEnd:
			key = append(key, byte(keyEnd+2*parts[next].sign()))
		}
		if i == segEnd && i+1 < end {
			next = nextSigned(parts, max(next, i+1))
			key = append(key, byte(keyEnd+parts[next].sign()))
		}
	}
	return append(key, keyEnd)
}

// nextSigned is the first position from i on that is not zero; there is one.
func nextSigned(parts []component, i int) int {
	for parts[i].sign() == 0 {
		i++
	}
	return i
}

func appendComponent(key []byte, c component) []byte {
	switch {
	case c.kind == kindDev:
		return append(key, keyDev)
	case c.kind == kindText:
		return append(append(append(key, keyText), c.text...), 0)
	case c.kind == kindPost:
		return append(key, keyPost)
	case keyNumber+len(c.text) < keyLong:
		key = append(key, byte(keyNumber+len(c.text)))
	default:
		key = binary.BigEndian.AppendUint32(append(key, keyLong), uint32(len(c.text)))
	}
	return append(key, c.text...)
}
