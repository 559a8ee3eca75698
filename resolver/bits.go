package resolver

import "math/bits"

// bitset is a set of candidates of one name, by their place in the order of preference.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func trailing(word uint64) int { return bits.TrailingZeros64(word) }

func (b bitset) has(i int) bool { return i>>6 < len(b) && b[i>>6]>>(i&63)&1 == 1 }
func (b bitset) add(i int)      { b[i>>6] |= 1 << (i & 63) }
func (b bitset) drop(i int)     { b[i>>6] &^= 1 << (i & 63) }

// each calls f with every member in order until it returns false.
func (b bitset) each(f func(i int) bool) {
	for w, word := range b {
		for ; word != 0; word &= word - 1 {
			if !f(w<<6 + trailing(word)) {
				return
			}
		}
	}
}

// firstCommon is the first member of both, or -1.
func (b bitset) firstCommon(o bitset) int {
	for w := range b {
		if both := b[w] & o[w]; both != 0 {
			return w<<6 + trailing(both)
		}
	}
	return -1
}

// first is the first member, or -1.
func (b bitset) first() int { return b.firstCommon(b) }
