package trust

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	ctx509 "github.com/google/certificate-transparency-go/x509"
)

// certificateLogged wants the certificate to carry the word of a log of the root that it was logged (a
// signed certificate timestamp, RFC 6962, 3.2 and 3.3). Words of other logs do not count for or against it.
func (r *TrustedRoot) certificateLogged(leaf, issuer *x509.Certificate) error {
	c, err := ctx509.ParseCertificate(leaf.Raw)
	if ctx509.IsFatal(err) {
		return fmt.Errorf("its certificate: %w", err)
	}
	by, err := ctx509.ParseCertificate(issuer.Raw)
	if ctx509.IsFatal(err) {
		return fmt.Errorf("its certificate's issuer: %w", err)
	}
	if len(c.SCTList.SCTList) > maxEntries {
		return fmt.Errorf("its certificate is in more than %d logs", maxEntries)
	}
	for _, one := range c.SCTList.SCTList {
		var sct ct.SignedCertificateTimestamp
		if rest, err := tls.Unmarshal(one.Val, &sct); err != nil || len(rest) > 0 {
			return errors.New("its certificate's entry in a log of certificates cannot be read")
		}
		if r.wordOfLog(&sct, []*ctx509.Certificate{c, by}) {
			return nil
		}
	}
	return errors.New("its certificate is in no log of certificates that the trusted root names")
}

func (r *TrustedRoot) wordOfLog(sct *ct.SignedCertificateTimestamp, chain []*ctx509.Certificate) bool {
	leaf, err := ct.MerkleTreeLeafForEmbeddedSCT(chain, sct.Timestamp)
	if err != nil {
		return false
	}
	at := time.UnixMilli(int64(sct.Timestamp))
	for _, l := range r.certificateLogs {
		if !bytes.Equal(l.id, sct.LogID.KeyID[:]) || !l.valid.covers(at) {
			continue
		}
		key, err := ct.NewSignatureVerifier(l.key)
		if err == nil && key.VerifySCTSignature(*sct, ct.LogEntry{Leaf: *leaf}) == nil {
			return true
		}
	}
	return false
}
