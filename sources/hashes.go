package sources

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sort"
	"strings"

	"forge/digest"
)

// algorithms are the hashes a recipe may state. Only sha256 names a file; the others are checked too.
func algorithm(name string) func() hash.Hash {
	switch name {
	case "md5":
		return md5.New
	case "sha1":
		return sha1.New
	case "sha224":
		return sha256.New224
	case "sha256":
		return sha256.New
	case "sha384":
		return sha512.New384
	case "sha512":
		return sha512.New
	case "sha3_256":
		return func() hash.Hash { return sha3.New256() }
	case "sha3_512":
		return func() hash.Hash { return sha3.New512() }
	}
	return nil
}

// hashes is what a recipe says about the bytes of a source.
type hashes struct {
	sha256 digest.Digest // zero if the recipe has none
	others []stated      // sorted by algorithm
}

type stated struct{ algorithm, hex string }

// errNoHash tells that a url source has no sha256.
var errNoHash = errors.New("has no sha256, so nobody could tell whether the right bytes came; forge fetch --allow-unhashed " +
	"prints that of what comes now: compare it with what its makers publish, and write it into the recipe")

// parseHashes checks the form of the hashes of a source.
func parseHashes(m map[string]string) (hashes, error) {
	var h hashes
	for name, text := range m {
		name, text = strings.ToLower(name), strings.ToLower(strings.TrimSpace(text))
		if text == "" {
			continue
		}
		f := algorithm(name)
		if f == nil {
			return h, fmt.Errorf("hash algorithm %q is not known; use sha256", name)
		}
		raw, err := hex.DecodeString(text)
		if err != nil || len(raw) != f().Size() {
			return h, fmt.Errorf("%q is not a %s: want %d hex digits", text, name, 2*f().Size())
		}
		if strings.Trim(text, "0") == "" { // what people write until they know it
			continue
		}
		if name == "sha256" {
			h.sha256, _ = digest.FromSum(raw)
			continue
		}
		h.others = append(h.others, stated{name, text})
	}
	sort.Slice(h.others, func(i, j int) bool { return h.others[i].algorithm < h.others[j].algorithm })
	return h, nil
}

// MismatchError tells that bytes are not those the recipe names.
type MismatchError struct{ Algorithm, Got, Want string }

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s is %s, recipe says %s", e.Algorithm, e.Got, e.Want)
}

// checkingReader gives the bytes of r and, in place of io.EOF, a MismatchError if they are not those of want.
type checkingReader struct {
	r      io.Reader
	sha256 hash.Hash
	want   hashes
	others []hash.Hash
	n, max int64
}

func newCheckingReader(r io.Reader, want hashes, max int64) *checkingReader {
	c := &checkingReader{r: r, sha256: sha256.New(), want: want, max: max}
	for _, o := range want.others {
		c.others = append(c.others, algorithm(o.algorithm)())
	}
	return c
}

func (c *checkingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sha256.Write(p[:n])
	for _, h := range c.others {
		h.Write(p[:n])
	}
	if c.n += int64(n); c.n > c.max {
		return n, fmt.Errorf("is more than the %d bytes that it may have", c.max)
	}
	if err == io.EOF {
		if bad := c.verdict(); bad != nil {
			return n, bad
		}
	}
	return n, err
}

func (c *checkingReader) verdict() error {
	if got, _ := digest.FromSum(c.sha256.Sum(nil)); !c.want.sha256.IsZero() && got != c.want.sha256 {
		return &MismatchError{"sha256", got.Hex(), c.want.sha256.Hex()}
	}
	for i, o := range c.want.others {
		if got := hex.EncodeToString(c.others[i].Sum(nil)); got != o.hex {
			return &MismatchError{o.algorithm, got, o.hex}
		}
	}
	return nil
}
