package engine

import (
	"forge/digest"
	"forge/trust"
)

// TrustedRoot is what attestations of sources are verified with. The zero value is the root of Sigstore's
// public-good instance that the program carries.
type TrustedRoot struct {
	File   string        `json:"file,omitempty"` // absolute
	SHA256 digest.Digest `json:"sha256,omitzero"`
	Data   []byte        `json:"-"` // of the file
}

// Digest names the root's bytes.
func (t TrustedRoot) Digest() digest.Digest {
	if t.File == "" {
		return digest.Of(trust.PublicGoodRoot())
	}
	return t.SHA256
}
