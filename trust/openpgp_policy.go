package trust

import (
	"bytes"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// policy is what is asked of a signature and its key.
type policy struct {
	allowSHA1 bool
	now       time.Time
}

// skew is how far in the future a signature may lie: clocks differ.
const skew = 10 * time.Minute

// maxSelfSignatures bounds the work a flooded key asks for (CVE-2019-13050).
const maxSelfSignatures = 1024

// owner is a primary key with all that the keyring says of it, in one copy or several: a copy without its
// revocation does not undo the revocation in another.
type owner struct {
	primary *packet.PublicKey
	copies  openpgp.EntityList
}

func owners(ring openpgp.EntityList) []owner {
	var list []owner
next:
	for _, e := range ring {
		for i := range list {
			if bytes.Equal(list[i].primary.Fingerprint, e.PrimaryKey.Fingerprint) {
				list[i].copies = append(list[i].copies, e)
				continue next
			}
		}
		list = append(list, owner{e.PrimaryKey, openpgp.EntityList{e}})
	}
	return list
}

// keys are the primary key and each subkey once.
func (o owner) keys() []*packet.PublicKey {
	list := []*packet.PublicKey{o.primary}
	for _, e := range o.copies {
	next:
		for _, sub := range e.Subkeys {
			for _, have := range list {
				if bytes.Equal(have.Fingerprint, sub.PublicKey.Fingerprint) {
					continue next
				}
			}
			list = append(list, sub.PublicKey)
		}
	}
	return list
}

func (o owner) find(fp []byte) *packet.PublicKey {
	for _, k := range o.keys() {
		if bytes.Equal(k.Fingerprint, fp) {
			return k
		}
	}
	return nil
}

// judge says what is reported of a signature by key if the bytes match, or why it is refused whatever the
// bytes are.
func (p policy) judge(s *packet.Signature, o owner, key *packet.PublicKey) (SignatureVerdict, *Refusal) {
	v := SignatureVerdict{Fingerprint: fingerprint(o.primary), Signed: s.CreationTime.UTC(), Checked: p.now.UTC()}
	if r := p.judgeSignature(s, key, &v); r != nil {
		return v, r
	}
	for _, k := range []*packet.PublicKey{o.primary, key} {
		if r := weakKey(k); r != nil {
			return v, r
		}
	}
	primary := o.primaryClaims()
	if r := p.judgeKey("key", o.primary, primary, s.CreationTime, &v); r != nil {
		return v, r
	}
	if key == o.primary {
		if at := primary.at(s.CreationTime); at.sig.FlagsValid && !at.sig.FlagSign {
			return v, refuse(NotSigningKey, "the key %s is not made for signing", v.Fingerprint)
		}
		return v, nil
	}
	claims := o.subkeyClaims(key)
	if r := p.judgeKey("subkey", key, claims, s.CreationTime, &v); r != nil {
		return v, r
	}
	if at := claims.at(s.CreationTime); !at.sig.FlagsValid || !at.sig.FlagSign {
		return v, refuse(NotSigningKey, "the subkey %s is not made for signing", fingerprint(key))
	}
	return v, nil
}

// judgeSignature looks at the signature alone.
func (p policy) judgeSignature(s *packet.Signature, key *packet.PublicKey, v *SignatureVerdict) *Refusal {
	if s.SigType != packet.SigTypeBinary {
		return refuse(Malformed, "it is not a signature over the bytes of a file (type 0x%02x)", uint8(s.SigType))
	}
	for _, n := range s.Notations {
		if n.IsCritical {
			return refuse(UnknownNotation, "it depends on the notation %q, which is not known", clip(n.Name))
		}
	}
	if weak(s.Hash) {
		if !p.allowSHA1 {
			return refuse(WeakHash, "it is made with %s", s.Hash)
		}
		v.Allowed = append(v.Allowed, "sha1: the signature is made with SHA-1")
	}
	switch t := s.CreationTime; {
	case t.After(p.now.Add(skew)):
		return refuse(FutureSignature, "it says it was made at %s, which is still to come (now: %s)", stamp(t), stamp(p.now))
	case t.Before(key.CreationTime):
		return refuse(Malformed, "it says it was made at %s, before its key was (%s)", stamp(t), stamp(key.CreationTime))
	case s.SigLifetimeSecs != nil && *s.SigLifetimeSecs > 0:
		if end := t.Add(time.Duration(*s.SigLifetimeSecs) * time.Second); p.now.After(end) {
			return refuse(ExpiredSignature, "it was good until %s only", stamp(end))
		}
	}
	return nil
}

// judgeKey looks at what the owner says of one key: revocations, expiry at time t, self-signatures.
func (p policy) judgeKey(what string, key *packet.PublicKey, c claims, t time.Time, v *SignatureVerdict) *Refusal {
	name := fmt.Sprintf("%s %s", what, fingerprint(key))
	if c.flooded {
		return refuse(Malformed, "the %s carries more than %d self-signatures", name, maxSelfSignatures)
	}
	for _, r := range c.revocations {
		if hard(r) {
			return refuse(RevokedKey, "the %s was revoked on %s%s", name, stamp(r.CreationTime), reasonText(r))
		}
		if !r.CreationTime.After(t) {
			return refuse(RevokedKey, "the %s was retired on %s, before it signed (%s)", name, stamp(r.CreationTime), stamp(t))
		}
		v.Notes = append(v.Notes, fmt.Sprintf("the %s was retired on %s, after it signed", name, stamp(r.CreationTime)))
	}
	then := c.at(t)
	if then == nil {
		return refuse(UnboundKey, "nothing in the keyring shows that the %s belongs to its owner", name)
	}
	if end, ok := then.end(key); ok && t.After(end) {
		return refuse(ExpiredKey, "the %s expired on %s, before it signed (%s)", name, stamp(end), stamp(t))
	}
	if end, ok := c.at(p.now).end(key); ok && p.now.After(end) {
		v.Notes = append(v.Notes, fmt.Sprintf("the %s expired on %s, after it signed", name, stamp(end)))
	}
	return p.judgeStrength(name, c, t, v)
}

// judgeStrength wants one claim that is not made with a weak hash. One made after the signature will do:
// the owner has stood by the key since.
func (p policy) judgeStrength(name string, c claims, t time.Time, v *SignatureVerdict) *Refusal {
	var later *claim
	for i, one := range c.list {
		if one.weak {
			continue
		}
		if !one.sig.CreationTime.After(t) {
			return nil
		}
		if later == nil || one.sig.CreationTime.Before(later.sig.CreationTime) {
			later = &c.list[i]
		}
	}
	if later != nil {
		v.Notes = append(v.Notes, fmt.Sprintf("the %s is vouched for by a self-signature of %s, later than the signature", name, stamp(later.sig.CreationTime)))
		return nil
	}
	if p.allowSHA1 {
		v.Allowed = append(v.Allowed, fmt.Sprintf("sha1: the self-signature of the %s is made with SHA-1", name))
		return nil
	}
	return refuse(WeakHash, "the self-signature of the %s is made with SHA-1", name)
}

func weakKey(k *packet.PublicKey) *Refusal {
	switch k.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		if bits, err := k.BitLength(); err != nil || bits < 2048 {
			return refuse(WeakKey, "the key %s is RSA with %d bits, want 2048", fingerprint(k), bits)
		}
	case packet.PubKeyAlgoECDSA, packet.PubKeyAlgoEdDSA:
		curve, err := k.Curve()
		if err != nil || curve == packet.CurveSecP256k1 {
			return refuse(WeakKey, "the key %s is on the curve %s", fingerprint(k), curve)
		}
	case packet.PubKeyAlgoEd25519, packet.PubKeyAlgoEd448:
	default:
		return refuse(WeakKey, "the key %s is of the kind %d (DSA and the like)", fingerprint(k), k.PubKeyAlgo)
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
