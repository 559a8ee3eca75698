package trust

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// The names of refusals. They are stable: recipes' error messages and tests lean on them.
const (
	Malformed        = "malformed"          // not one detached signature over the bytes
	BadSignature     = "bad-signature"      // the bytes are not what was signed
	UnknownKey       = "unknown-key"        // no key at hand made it
	WrongKey         = "wrong-key"          // a key at hand made it, but not the one that was asked for
	ExpiredKey       = "expired-key"        // the key had expired when it signed
	RevokedKey       = "revoked-key"        // the key was revoked when it signed, or compromised ever
	ExpiredSignature = "expired-signature"  // the signer gave the signature an end, which has come
	FutureSignature  = "future-signature"   // made later than now
	WeakHash         = "weak-hash"          // SHA-1, MD5 or RIPEMD-160, in the signature or in the key
	WeakKey          = "weak-key"           // DSA, RSA below 2048 bits, curves we do not trust
	NotSigningKey    = "not-a-signing-key"  // the key says that it is not for signing
	UnboundKey       = "unbound-key"        // no self-signature, or a subkey without its back-signature
	UnknownNotation  = "unknown-constraint" // a critical notation nobody here understands
)

// Refusal is the error of a signature that does not count.
type Refusal struct {
	Verdict string // one of the names above
	Reason  string // one sentence
}

func (r *Refusal) Error() string { return "signature refused: " + r.Verdict + ": " + r.Reason }

func refuse(verdict, format string, args ...any) *Refusal {
	return &Refusal{Verdict: verdict, Reason: fmt.Sprintf(format, args...)}
}

// SignatureVerdict is what a good signature was found to say.
type SignatureVerdict struct {
	Fingerprint string    `json:"fingerprint"`       // of the primary key, upper case hex
	Signed      time.Time `json:"signed"`            // the signature's own time
	Checked     time.Time `json:"-"`                 // when it was judged
	Notes       []string  `json:"notes,omitempty"`   // "the key expired on …, after it signed"
	Allowed     []string  `json:"allowed,omitempty"` // exceptions that were needed
}

// AllowSHA1 is the one exception a recipe may spell out.
const AllowSHA1 = "sha1"

// OpenPGPChecker judges detached OpenPGP signatures (RFC 9580) by Forge's policy: a key is judged at the
// signature's own time; SHA-1 and MD5 count nowhere; only a full fingerprint names a key.
type OpenPGPChecker struct{}

// Check judges sig, armoured or binary, over data by the primary key with that full fingerprint, which
// must be in keyring. allow lists exceptions ("sha1"). now bounds the future only. The error is a *Refusal,
// or tells that data could not be read.
func (OpenPGPChecker) Check(data io.Reader, sig, keyring []byte, fingerprint string, allow []string, now time.Time) (SignatureVerdict, error) {
	pin, err := parseFingerprint(fingerprint)
	if err != nil {
		return SignatureVerdict{}, err
	}
	for _, a := range allow {
		if a != AllowSHA1 {
			return SignatureVerdict{}, fmt.Errorf("check a signature: the exception %q is not known: %q is the only one", a, AllowSHA1)
		}
	}
	ring, err := readKeyring(keyring)
	if err != nil {
		return SignatureVerdict{}, refuse(UnknownKey, "the keyring cannot be read: %v", err)
	}
	check, err := newDetached(sig, ring, pin, policy{allowSHA1: len(allow) > 0, now: now})
	if err != nil {
		return SignatureVerdict{}, err
	}
	if _, err := io.Copy(check, data); err != nil {
		return SignatureVerdict{}, fmt.Errorf("check a signature: %w", err)
	}
	return check.verdict()
}

func parseFingerprint(s string) ([]byte, error) {
	text := strings.TrimPrefix(strings.ReplaceAll(s, " ", ""), "0x")
	pin, err := hex.DecodeString(text)
	if err != nil || len(pin) != 20 && len(pin) != 32 {
		return nil, fmt.Errorf("check a signature: %q is not a full fingerprint: want 40 hex digits (64 for a version 6 key)", clip(s))
	}
	return pin, nil
}

// detached is the check of one detached signature in progress. The signed bytes are written to it once.
type detached struct {
	candidates []candidate
	refusal    *Refusal // why nothing, or nothing so far, counts
}

// candidate is one signature packet with a key that may have made it and has passed the policy.
type candidate struct {
	sig  *packet.Signature
	key  *packet.PublicKey
	hash hash.Hash
	good SignatureVerdict // what is reported if the bytes match
}

// newDetached reads the signature and judges all that does not need the data. pin, if not nil, is the
// fingerprint of the only primary key that counts.
func newDetached(sig []byte, ring openpgp.EntityList, pin []byte, p policy) (*detached, error) {
	packets, refusal := readSignatures(sig)
	if refusal != nil && len(packets) == 0 {
		return nil, refusal
	}
	owners := owners(ring)
	if pin != nil && !slices.ContainsFunc(owners, func(o owner) bool { return bytes.Equal(o.primary.Fingerprint, pin) }) {
		return nil, pinMissing(owners, pin)
	}
	d := &detached{refusal: refusal}
	for _, s := range packets {
		d.consider(s, owners, pin, p)
	}
	if len(d.candidates) == 0 {
		return nil, d.refusal
	}
	return d, nil
}

// pinMissing explains why the pinned key is not in the keyring.
func pinMissing(owners []owner, pin []byte) *Refusal {
	name := strings.ToUpper(hex.EncodeToString(pin))
	for _, o := range owners {
		if o.find(pin) != nil {
			return refuse(UnknownKey, "%s is a subkey: pin its primary key, %s", name, fingerprint(o.primary))
		}
	}
	return refuse(UnknownKey, "the keyring does not hold the key %s", name)
}

// consider adds the candidates of one signature, or notes why there is none. A refusal that is about the
// right key is the one to report.
func (d *detached) consider(s *packet.Signature, owners []owner, pin []byte, p policy) {
	known := false
	for _, o := range owners {
		for _, key := range o.keys() {
			if !issued(s, key) {
				continue
			}
			known = true
			if pin != nil && !bytes.Equal(o.primary.Fingerprint, pin) {
				d.blame(refuse(WrongKey, "it is by the key %s, not by the pinned one", fingerprint(o.primary)), false)
				continue
			}
			good, refusal := p.judge(s, o, key)
			if refusal != nil {
				d.blame(refusal, true)
				continue
			}
			h, err := s.PrepareVerify()
			if err != nil {
				d.blame(refuse(Malformed, "%v", err), true)
				continue
			}
			d.candidates = append(d.candidates, candidate{s, key, h, good})
		}
	}
	if !known {
		d.blame(refuse(UnknownKey, "it is by %s, which is not among the trusted keys", issuer(s)), false)
	}
}

func (d *detached) blame(r *Refusal, strong bool) {
	if d.refusal == nil || strong && (d.refusal.Verdict == UnknownKey || d.refusal.Verdict == WrongKey) {
		d.refusal = r
	}
}

// Write feeds the signed bytes.
func (d *detached) Write(p []byte) (int, error) {
	for _, c := range d.candidates {
		c.hash.Write(p)
	}
	return len(p), nil
}

// verdict ends the check: the first good signature decides.
func (d *detached) verdict() (SignatureVerdict, error) {
	for _, c := range d.candidates {
		if c.key.VerifySignature(c.hash, c.sig) == nil {
			return c.good, nil
		}
	}
	return SignatureVerdict{}, refuse(BadSignature, "the file is not what the key %s signed", d.candidates[0].good.Fingerprint)
}

// issued reports whether the signature names the key: by fingerprint where it has one, else by key ID.
// That is a hint by whoever made the signature; the cryptography decides.
func issued(s *packet.Signature, key *packet.PublicKey) bool {
	if s.IssuerFingerprint != nil {
		return bytes.Equal(s.IssuerFingerprint, key.Fingerprint)
	}
	return s.IssuerKeyId != nil && *s.IssuerKeyId == key.KeyId
}

func issuer(s *packet.Signature) string {
	switch {
	case s.IssuerFingerprint != nil:
		return "the key " + strings.ToUpper(hex.EncodeToString(s.IssuerFingerprint))
	case s.IssuerKeyId != nil:
		return fmt.Sprintf("the key with ID %016X", *s.IssuerKeyId)
	}
	return "a key it does not name"
}

func weak(h crypto.Hash) bool {
	return h == crypto.SHA1 || h == crypto.MD5 || h == crypto.RIPEMD160
}
