package trust

import (
	"bytes"
	"crypto"
	"crypto/x509"
	_ "embed" // the public-good instance's root
	"errors"
	"fmt"
	"strings"

	"forge/digest"
)

// publicGood is the trusted root of Sigstore's public-good instance, data of its TUF repository
// (Apache-2.0). publicgood/README.md says where it is from and how it is renewed.
//
//go:embed publicgood/trusted_root.json
var publicGood []byte

// PublicGoodRoot is the trusted root that this program carries.
func PublicGoodRoot() []byte { return publicGood }

// maxTrustedRoot bounds a trusted root, in bytes.
const maxTrustedRoot = 1 << 20

// TrustedRoot holds whose word a Sigstore bundle is believed on: authorities for certificates and time
// stamps, logs of certificates and of signatures, each for the time it is valid.
type TrustedRoot struct {
	logs, certificateLogs []transparencyLog
	authorities, stampers []authority
	sum                   digest.Digest
}

// Digest names the root's bytes.
func (r *TrustedRoot) Digest() digest.Digest { return r.sum }

// transparencyLog is a log and the key it signs with.
type transparencyLog struct {
	url   string
	id    []byte // as entries and certificates name the log
	key   crypto.PublicKey
	valid period
}

// authority is a chain of certificates, from the one that signs up to the root.
type authority struct {
	chain []*x509.Certificate
	valid period
}

// ParseTrustedRoot reads a trusted_root.json
// (https://github.com/sigstore/protobuf-specs, sigstore_trustroot.proto, media type version 0.1 or v0.2).
func ParseTrustedRoot(data []byte) (*TrustedRoot, error) {
	if len(data) > maxTrustedRoot {
		return nil, fmt.Errorf("it is larger than %d bytes", maxTrustedRoot)
	}
	v, err := parseStrict(data)
	if err != nil {
		return nil, err
	}
	root := asObject(v)
	if kind := root.text("mediaType"); !strings.HasPrefix(kind, "application/vnd.dev.sigstore.trustedroot") {
		return nil, fmt.Errorf("its mediaType is %q; a trusted_root.json of Sigstore is wanted", clip(kind))
	}
	r := &TrustedRoot{sum: digest.Of(data)}
	for _, part := range []struct {
		key  string
		logs *[]transparencyLog
	}{{"tlogs", &r.logs}, {"ctlogs", &r.certificateLogs}} {
		for i, one := range root.list(part.key) {
			l, err := readLog(asObject(one))
			if err != nil {
				return nil, fmt.Errorf("%s[%d]: %w", part.key, i, err)
			}
			*part.logs = append(*part.logs, l)
		}
	}
	for _, part := range []struct {
		key  string
		list *[]authority
	}{{"certificateAuthorities", &r.authorities}, {"timestampAuthorities", &r.stampers}} {
		for i, one := range root.list(part.key) {
			a, err := readAuthority(asObject(one))
			if err != nil {
				return nil, fmt.Errorf("%s[%d]: %w", part.key, i, err)
			}
			*part.list = append(*part.list, a)
		}
	}
	if len(r.authorities) == 0 || len(r.logs) == 0 || len(r.certificateLogs) == 0 {
		return nil, errors.New("it names no certificate authority, no log of certificates or no log of signatures")
	}
	return r, nil
}

func readLog(o object) (l transparencyLog, err error) {
	l.url = o.text("baseUrl")
	if l.id, err = o.object("logId").bytes("keyId"); err != nil {
		return l, err
	}
	if len(l.id) < 4 {
		return l, errors.New("its keyId is too short")
	}
	key := o.object("publicKey")
	if l.valid, err = key.period("validFor"); err != nil {
		return l, err
	}
	der, err := key.bytes("rawBytes")
	if err != nil {
		return l, err
	}
	// A log whose kind of key is not known verifies nothing, and is no reason against the others.
	if l.key, err = x509.ParsePKIXPublicKey(der); err != nil {
		if key, err := x509.ParsePKCS1PublicKey(der); err == nil {
			l.key = key
		}
	}
	return l, nil
}

func readAuthority(o object) (a authority, err error) {
	if a.valid, err = o.period("validFor"); err != nil {
		return a, err
	}
	a.chain, err = readCertificates(o.object("certChain").list("certificates"))
	if err == nil && len(a.chain) == 0 {
		err = errors.New("it has no certificate")
	}
	return a, err
}

// readCertificates reads {rawBytes: DER} each.
func readCertificates(list []any) ([]*x509.Certificate, error) {
	if len(list) > maxChain {
		return nil, fmt.Errorf("more than %d certificates", maxChain)
	}
	var chain []*x509.Certificate
	for _, one := range list {
		der, err := asObject(one).bytes("rawBytes")
		if err != nil {
			return nil, err
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("a certificate: %w", err)
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// logsNamed are the logs with that id.
func logsNamed(logs []transparencyLog, id []byte) (found []transparencyLog) {
	for _, l := range logs {
		if bytes.Equal(l.id, id) {
			found = append(found, l)
		}
	}
	return found
}

// parts splits a chain for crypto/x509.
func (a authority) parts() (roots, between *x509.CertPool) {
	roots, between = x509.NewCertPool(), x509.NewCertPool()
	last := len(a.chain) - 1
	roots.AddCert(a.chain[last])
	for _, c := range a.chain[:last] {
		between.AddCert(c)
	}
	return roots, between
}
