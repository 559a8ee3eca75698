package trust

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/sigstore/timestamp-authority/v2/pkg/verification"
)

// verify makes all checks of a bundle but what its statement says: the signature by the certificate's key,
// the entries of that signature in logs, at least one time that somebody vouches for, and at all such times
// a certificate of an authority of the root, which is itself in a log of certificates.
func (r *TrustedRoot) verify(b sigstoreBundle, file Artifact) (Attested, error) {
	if b.unreadable != nil {
		return Attested{}, b.unreadable
	}
	if !b.signed(file) {
		return Attested{}, errors.New("its signature is not by the key of its certificate over what it holds")
	}
	var a Attested
	var times []time.Time
	var logs []transparencyLog
	for i := range b.entries {
		e := &b.entries[i]
		at, log, err := e.verify(r, b.needsProof)
		if err != nil {
			return a, err
		}
		if err := e.isAbout(&b, file); err != nil {
			return a, err
		}
		if !at.IsZero() {
			times = append(times, at)
		}
		logs = append(logs, log)
	}
	for _, s := range b.stamps {
		at, err := r.stamped(s, b.signature)
		if err != nil {
			return a, err
		}
		times = append(times, at)
	}
	if len(times) == 0 {
		return a, errors.New("nothing vouches for the time of its signature: neither a promise of the log nor a time stamp")
	}
	for _, at := range times {
		for _, l := range logs {
			if !l.valid.covers(at) {
				return a, fmt.Errorf("its log entry is in %s, which the trusted root does not believe at %s", l.url, at.Format(time.RFC3339))
			}
		}
		issuer, err := r.issuedBy(b.leaf, at)
		if err != nil {
			return a, err
		}
		if err := r.certificateLogged(b.leaf, issuer); err != nil {
			return a, err
		}
	}
	id, err := identityOf(b.leaf)
	a.Identity, a.Log, a.LogIndex, a.Signed = id, logs[0].url, b.entries[0].index, times[0]
	return a, err
}

// signed checks the signature over the envelope, or over the file itself.
func (b *sigstoreBundle) signed(file Artifact) bool {
	if b.envelope != nil {
		return verifySignature(b.leaf.PublicKey, PAE(b.envelope.payloadType, b.envelope.payload), b.signature)
	}
	key, ok := b.leaf.PublicKey.(*ecdsa.PublicKey)
	return ok && bytes.Equal(b.digest, file.SHA256[:]) && key.Curve == elliptic.P256() && ecdsa.VerifyASN1(key, file.SHA256[:], b.signature)
}

// verifySignature checks sig over message with the one hash that goes with the key.
func verifySignature(key crypto.PublicKey, message, sig []byte) bool {
	switch k := key.(type) {
	case ed25519.PublicKey:
		return len(sig) == ed25519.SignatureSize && ed25519.Verify(k, message, sig)
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return ecdsa.VerifyASN1(k, sha256Of(message), sig)
		case elliptic.P384():
			sum := sha512.Sum384(message)
			return ecdsa.VerifyASN1(k, sum[:], sig)
		case elliptic.P521():
			sum := sha512.Sum512(message)
			return ecdsa.VerifyASN1(k, sum[:], sig)
		}
	case *rsa.PublicKey:
		return k.Size() >= 2048/8 && rsa.VerifyPKCS1v15(k, crypto.SHA256, sha256Of(message), sig) == nil
	}
	return false
}

func sha256Of(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

// onePEM is the one certificate in text.
func onePEM(text []byte) ([]byte, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("it does not record a certificate")
	}
	return block.Bytes, nil
}

// stamped checks an RFC 3161 time stamp over the signature and returns its time.
func (r *TrustedRoot) stamped(stamp, signature []byte) (at time.Time, err error) {
	err = errors.New("the trusted root names no authority for them")
	for _, a := range r.stampers {
		if at, err = a.stamped(stamp, signature); err != nil {
			continue
		}
		if a.valid.covers(at) {
			return at, nil
		}
		err = fmt.Errorf("the trusted root does not believe its authority at %s", at.Format(time.RFC3339))
	}
	return time.Time{}, fmt.Errorf("its time stamp is refused: %w", err)
}

// stamped checks a time stamp by one authority. The reader of CMS is old and lenient code: should a hostile
// stamp make it panic, that is a refusal.
func (a authority) stamped(stamp, signature []byte) (at time.Time, err error) {
	defer func() {
		if p := recover(); p != nil {
			at, err = time.Time{}, fmt.Errorf("it cannot be read: %v", p)
		}
	}()
	last := len(a.chain) - 1
	opts := verification.VerifyOpts{Roots: a.chain[last:], TSACertificate: a.chain[0]}
	if last > 0 {
		opts.Intermediates = a.chain[1:last]
	}
	ts, err := verification.VerifyTimestampResponse(stamp, bytes.NewReader(signature), opts)
	if err != nil {
		return at, err
	}
	return ts.Time.UTC(), nil
}

// issuedBy wants leaf to be for signing and valid at that time, with a chain to an authority that is valid
// then, and returns the certificate that signed it.
func (r *TrustedRoot) issuedBy(leaf *x509.Certificate, at time.Time) (*x509.Certificate, error) {
	if leaf.IsCA || leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return nil, errors.New("its certificate is not for signing")
	}
	err := fmt.Errorf("the trusted root has no authority for %s", at.Format(time.RFC3339))
	for _, a := range r.authorities {
		if !a.valid.covers(at) {
			continue
		}
		roots, between := a.parts()
		chains, bad := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}})
		if bad == nil && len(chains[0]) > 1 {
			return chains[0][1], nil
		}
		if bad != nil {
			err = bad
		}
	}
	return nil, fmt.Errorf("its certificate was not one of the trusted root's when it signed, %s: %w", at.Format(time.RFC3339), err)
}

// Identity is what a certificate says of who signed
// (https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md).
type Identity struct {
	Issuer     string `json:"issuer"`               // of the identity token
	Repository string `json:"repository"`           // its address
	Ref        string `json:"ref,omitempty"`        // the run's
	Commit     string `json:"commit,omitempty"`     // the run's
	Signer     string `json:"signer"`               // the workflow, which another repository may have written
	Run        string `json:"invocation,omitempty"` // address of the run
}

func (id Identity) String() string {
	s := id.Repository
	if s == "" {
		s = id.Signer
	}
	if id.Ref != "" {
		s += "@" + id.Ref
	}
	return s + " (identity by " + id.Issuer + ")"
}

func identityOf(c *x509.Certificate) (id Identity, err error) {
	switch {
	case len(c.URIs) == 1 && len(c.EmailAddresses) == 0:
		id.Signer = c.URIs[0].String()
	case len(c.EmailAddresses) == 1 && len(c.URIs) == 0:
		id.Signer = c.EmailAddresses[0]
	default:
		return id, errors.New("its certificate does not name one signer")
	}
	for _, want := range []struct {
		number int
		into   *string
	}{{8, &id.Issuer}, {12, &id.Repository}, {13, &id.Commit}, {14, &id.Ref}, {21, &id.Run}} {
		oid := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, want.number}
		for _, e := range c.Extensions {
			if !e.Id.Equal(oid) {
				continue
			}
			if rest, err := asn1.UnmarshalWithParams(e.Value, want.into, "utf8"); err != nil || len(rest) > 0 {
				return id, fmt.Errorf("the extension %s of its certificate is no text", oid)
			}
		}
	}
	if id.Issuer == "" {
		return id, errors.New("its certificate does not say who vouched for the signer")
	}
	return id, nil
}
