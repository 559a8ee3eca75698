package trust

import (
	"bytes"
	"sort"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// claims are the self-signatures of a key whose cryptography was checked, oldest first.
type claims struct {
	list        []claim
	revocations []*packet.Signature
	flooded     bool
}

// claim is one of them: a certification of a user ID, a direct key signature or a subkey binding.
type claim struct {
	sig  *packet.Signature
	weak bool // made with SHA-1, or its back-signature is
}

// at is the claim that held at time t: the newest one not later, else the first there is. (Keys are
// commonly given away with their last self-signature only.)
func (c claims) at(t time.Time) *claim {
	var best *claim
	for i := range c.list {
		if best == nil || !c.list[i].sig.CreationTime.After(t) {
			best = &c.list[i]
		}
	}
	return best
}

// end is when the key expires by this claim.
func (c *claim) end(key *packet.PublicKey) (time.Time, bool) {
	if c == nil || c.sig.KeyLifetimeSecs == nil || *c.sig.KeyLifetimeSecs == 0 {
		return time.Time{}, false
	}
	return key.CreationTime.Add(time.Duration(*c.sig.KeyLifetimeSecs) * time.Second), true
}

// add checks s with verify and keeps it if it holds.
func (c *claims) add(s *packet.Signature, verify func(*packet.Signature) error) {
	if len(c.list)+len(c.revocations) >= maxSelfSignatures {
		c.flooded = true
		return
	}
	if verify(s) != nil || criticalNotation(s) {
		return
	}
	back := s.EmbeddedSignature
	c.list = append(c.list, claim{s, weak(s.Hash) || back != nil && weak(back.Hash)})
}

// revoke keeps a revocation that holds, whatever its hash: it is believed against the key only.
func (c *claims) revoke(s *packet.Signature, verify func(*packet.Signature) error) {
	if verify(s) == nil {
		c.revocations = append(c.revocations, s)
	}
}

func (c *claims) sort() {
	sort.SliceStable(c.list, func(i, j int) bool { return c.list[i].sig.CreationTime.Before(c.list[j].sig.CreationTime) })
}

// primaryClaims are what the primary key says of itself.
func (o owner) primaryClaims() claims {
	var c claims
	for _, e := range o.copies {
		for _, s := range e.DirectSignatures {
			c.add(s.Packet, o.primary.VerifyDirectKeySignature)
		}
		for _, identity := range e.Identities {
			for _, s := range identity.SelfCertifications {
				c.add(s.Packet, func(s *packet.Signature) error {
					return o.primary.VerifyUserIdSignature(identity.Name, o.primary, s)
				})
			}
		}
		for _, s := range e.Revocations {
			c.revoke(s.Packet, o.primary.VerifyRevocationSignature)
		}
	}
	c.sort()
	return c
}

// subkeyClaims are what the primary key says of the subkey. A binding for signing counts only with the
// subkey's back-signature of the right type.
func (o owner) subkeyClaims(key *packet.PublicKey) claims {
	var c claims
	for _, e := range o.copies {
		for _, sub := range e.Subkeys {
			if !bytes.Equal(sub.PublicKey.Fingerprint, key.Fingerprint) {
				continue
			}
			for _, s := range sub.Bindings {
				c.add(s.Packet, func(s *packet.Signature) error { return verifyBinding(o.primary, key, s) })
			}
			for _, s := range sub.Revocations {
				c.revoke(s.Packet, func(s *packet.Signature) error {
					return o.primary.VerifySubkeyRevocationSignature(s, key)
				})
			}
		}
	}
	c.sort()
	return c
}

func verifyBinding(primary, key *packet.PublicKey, s *packet.Signature) error {
	if s.FlagSign && (s.EmbeddedSignature == nil || s.EmbeddedSignature.SigType != packet.SigTypePrimaryKeyBinding) {
		return refuse(UnboundKey, "the subkey has no back-signature")
	}
	return primary.VerifyKeySignature(key, s)
}

func criticalNotation(s *packet.Signature) bool {
	for _, n := range s.Notations {
		if n.IsCritical {
			return true
		}
	}
	return false
}

// hard tells of a revocation that reaches back in time: the key may have been in other hands before.
// Only "superseded" and "retired" say that it was not (RFC 9580, section 5.2.3.31).
func hard(r *packet.Signature) bool {
	return r.RevocationReason == nil || *r.RevocationReason != packet.KeySuperseded && *r.RevocationReason != packet.KeyRetired
}

func reasonText(r *packet.Signature) string {
	if r.RevocationReasonText == "" {
		return ""
	}
	return " (" + clip(r.RevocationReasonText) + ")"
}
