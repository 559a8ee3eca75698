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
	for i := 0; i < end; {
		c := parts[i]
		next := i + 1
		switch {
		case c.sign() != 0:
			key = appendComponent(key, c)
		case !c.last:
			// A run of zeros ends at a component with a sign or at the end of the segment.
			for next < end && parts[next].sign() == 0 && !parts[next].last {
				next++
			}
			if s := parts[next].sign(); s != 0 {
				for ; i < next; i++ {
					key = append(key, byte(5+2*s))
				}
			} else {
				next, c = next+1, parts[next]
			}
		}
		if c.last && next < end {
			after := next
			for parts[after].sign() == 0 {
				after++
			}
			// All the empty segments up to there end in the same way.
			s := parts[after].sign()
			key = append(key, byte(keyEnd+s))
			for ; next < after && emptyUntilLast(parts, next, after); next = skipSegment(parts, next) {
				key = append(key, byte(keyEnd+s))
			}
		}
		i = next
	}
	return append(key, keyEnd)
}

// emptyUntilLast reports whether the segment that begins at i ends before position limit.
func emptyUntilLast(parts []component, i, limit int) bool { return skipSegment(parts, i) <= limit }

func skipSegment(parts []component, i int) int {
	for !parts[i].last {
		i++
	}
	return i + 1
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
