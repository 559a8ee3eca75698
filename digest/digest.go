// Package digest names content by its SHA-256.
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
)

// Digest is a SHA-256 sum (FIPS 180-4). The zero value names nothing.
// It is comparable and usable as a map key.
type Digest struct{ sum [sha256.Size]byte }

// Of returns the digest of b.
func Of(b []byte) Digest { return Digest{sha256.Sum256(b)} }

// OfReader reads r to its end and returns the digest and the number of bytes read.
func OfReader(r io.Reader) (Digest, int64, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return Digest{}, n, err
	}
	var d Digest
	h.Sum(d.sum[:0])
	return d, n, nil
}

// OfFile returns the digest and size in bytes of the file at path.
func OfFile(path string) (Digest, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return Digest{}, 0, err
	}
	defer f.Close()
	return OfReader(f)
}

// FromSum makes a Digest of a raw 32 byte sum, as hash.Hash returns it.
func FromSum(sum []byte) (Digest, error) {
	var d Digest
	if len(sum) != len(d.sum) {
		return d, fmt.Errorf("sha256 sum has %d bytes, want %d", len(sum), len(d.sum))
	}
	copy(d.sum[:], sum)
	return d, nil
}

// Parse reads 64 lower or upper case hex digits, with or without a "sha256:" prefix.
func Parse(s string) (Digest, error) {
	var d Digest
	text := strings.TrimPrefix(s, "sha256:")
	raw, err := hex.DecodeString(strings.ToLower(text))
	if err != nil || len(raw) != len(d.sum) {
		return d, fmt.Errorf("%q is not a sha256: want %d hex digits", s, 2*len(d.sum))
	}
	copy(d.sum[:], raw)
	return d, nil
}

// Size is the length of a raw sum in bytes.
const Size = sha256.Size

// Sum returns the raw sum, the inverse of FromSum.
func (d Digest) Sum() [Size]byte { return d.sum }

// Hex returns the 64 lower case hex digits.
func (d Digest) Hex() string { return hex.EncodeToString(d.sum[:]) }

// Short returns the first 12 hex digits, for people to read.
func (d Digest) Short() string { return d.Hex()[:12] }

// String returns "sha256:" and the hex digits.
func (d Digest) String() string { return "sha256:" + d.Hex() }

// IsZero reports whether d names nothing.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText writes the hex digits; the zero digest is the empty text.
func (d Digest) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return nil, nil
	}
	return []byte(d.Hex()), nil
}

// UnmarshalText is the inverse of MarshalText.
func (d *Digest) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Digest{}
		return nil
	}
	v, err := Parse(string(b))
	if err == nil {
		*d = v
	}
	return err
}
