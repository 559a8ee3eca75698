// Package trust holds keys, signatures and policy.
package trust

import (
	"context"

	"forge/digest"
)

// Envelope is a DSSE envelope (https://github.com/secure-systems-lab/dsse, protocol v1.0.2).
type Envelope struct {
	PayloadType string              `json:"payloadType"`
	Payload     string              `json:"payload"` // standard base64
	Signatures  []EnvelopeSignature `json:"signatures"`
}

// EnvelopeSignature is one signature over the pre-authentication encoding.
type EnvelopeSignature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"` // standard base64
}

// PayloadInToto is the payload type of in-toto statements.
const PayloadInToto = "application/vnd.in-toto+json"

// Signer makes both kinds of signature that stand beside an artifact.
type Signer interface {
	// SignStatement wraps payload into an envelope.
	SignStatement(ctx context.Context, payloadType string, payload []byte) (Envelope, error)
	// SignDetached returns the armoured OpenPGP signature over the file at path.
	SignDetached(ctx context.Context, path string) ([]byte, error)
	// KeyID names the Ed25519 key: the SHA-256 of its SubjectPublicKeyInfo, in hex.
	KeyID() string
	// Fingerprint is the OpenPGP key's, in hex.
	Fingerprint() string
}

// Verdict is the result of checking one artifact with its sidecars.
type Verdict struct {
	Path      string        `json:"path"`
	SHA256    digest.Digest `json:"sha256"`
	Good      bool          `json:"good"`
	Reason    string        `json:"reason,omitempty"` // why it was refused, in one sentence
	KeyIDs    []string      `json:"key_ids,omitempty"`
	OpenPGP   string        `json:"openpgp,omitempty"` // fingerprint of the .asc
	Signed    bool          `json:"statement_signed"`  // whether Statement may be believed
	Notes     []string      `json:"notes,omitempty"`   // what was not checked, and what is odd but good
	Statement []byte        `json:"-"`                 // the checked payload that states the provenance
	Tests     [][]byte      `json:"-"`                 // those that state results of tests
}
