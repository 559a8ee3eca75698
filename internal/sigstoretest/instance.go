// Package sigstoretest is a Sigstore instance for tests: it signs what it is told to, wrong things included.
package sigstoretest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"math/big"
	"net/url"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
)

// Object is a JSON object that a test may change before it is written.
type Object = map[string]any

// Instance holds the keys of an authority for certificates, one for time stamps, a log of each kind.
type Instance struct {
	Start time.Time // since when the root believes in all of it

	root, issuer    *x509.Certificate
	rootKey         *ecdsa.PrivateKey
	issuerKey       *ecdsa.PrivateKey
	ctKey, logKey   *ecdsa.PrivateKey
	stamper         *x509.Certificate
	stamperKey      *ecdsa.PrivateKey
	serial          int64
	logURL, logName string
}

// New makes an instance with new keys.
func New(start time.Time) (*Instance, error) {
	i := &Instance{Start: start, logURL: "https://log.example", logName: "log.example"}
	for _, key := range []**ecdsa.PrivateKey{&i.rootKey, &i.issuerKey, &i.ctKey, &i.logKey, &i.stamperKey} {
		var err error
		if *key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, err
		}
	}
	var err error
	authority := func(name string) *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
			NotBefore: start, NotAfter: start.AddDate(20, 0, 0)}
	}
	if i.root, err = i.certify(authority("root"), nil, &i.rootKey.PublicKey, i.rootKey); err != nil {
		return nil, err
	}
	if i.issuer, err = i.certify(authority("issuer"), i.root, &i.issuerKey.PublicKey, i.rootKey); err != nil {
		return nil, err
	}
	purpose, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		return nil, err
	}
	stamper := &x509.Certificate{Subject: pkix.Name{CommonName: "stamper"}, KeyUsage: x509.KeyUsageDigitalSignature, NotBefore: start, NotAfter: start.AddDate(20, 0, 0),
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: purpose}}} // RFC 3161, 2.3
	i.stamper, err = i.certify(stamper, i.root, &i.stamperKey.PublicKey, i.rootKey)
	return i, err
}

// certify signs a certificate; parent is nil for one that signs itself.
func (i *Instance) certify(c, parent *x509.Certificate, public crypto.PublicKey, by crypto.Signer) (*x509.Certificate, error) {
	i.serial++
	c.SerialNumber = big.NewInt(i.serial)
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, public, by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// TrustedRoot is the instance's trusted_root.json.
func (i *Instance) TrustedRoot() Object {
	valid := Object{"start": i.Start.Format(time.RFC3339)}
	log := func(url string, key *ecdsa.PrivateKey) Object {
		der, id := public(key)
		return Object{"baseUrl": url, "hashAlgorithm": "SHA2_256", "logId": Object{"keyId": id},
			"publicKey": Object{"rawBytes": der, "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": valid}}
	}
	chain := func(list ...*x509.Certificate) Object {
		certificates := []any{}
		for _, c := range list {
			certificates = append(certificates, Object{"rawBytes": c.Raw})
		}
		return Object{"uri": "https://authority.example", "certChain": Object{"certificates": certificates}, "validFor": valid}
	}
	return Object{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
		"tlogs": []any{log(i.logURL, i.logKey)}, "ctlogs": []any{log("https://ct.example", i.ctKey)},
		"certificateAuthorities": []any{chain(i.issuer, i.root)}, "timestampAuthorities": []any{chain(i.stamper, i.root)}}
}

// public is a key's DER and the id that logs have by it.
func public(key *ecdsa.PrivateKey) (der, id []byte) {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err) // no key of this kind can fail
	}
	sum := sha256.Sum256(der)
	return der, sum[:]
}

// Signer is who signs, and when.
type Signer struct {
	Issuer, Repository, Ref, Workflow string // as the certificate has them; Workflow is its subject
	At                                time.Time
	Until                             time.Time // of the certificate; ten minutes after At if zero
	Unlogged                          bool      // no log of certificates has it
	Foreign                           bool      // by an authority that the root does not name
	ForTLS                            bool      // the certificate is for servers
	Authority                         bool      // the certificate may sign certificates
}

// GitHub is a run of a workflow of a repository, OWNER/NAME.
func GitHub(repository string, at time.Time) Signer {
	base := "https://github.com/" + repository
	return Signer{Issuer: "https://token.actions.githubusercontent.com", Repository: base, Ref: "refs/tags/v1",
		Workflow: base + "/.github/workflows/release.yml@refs/tags/v1", At: at}
}

// Certificate makes a key and the certificate for it.
func (i *Instance) Certificate(s Signer) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	subject, err := url.Parse(s.Workflow)
	if err != nil {
		return nil, nil, err
	}
	until := s.Until
	if until.IsZero() {
		until = s.At.Add(10 * time.Minute)
	}
	c := &x509.Certificate{URIs: []*url.URL{subject}, NotBefore: s.At.Add(-time.Second), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}}
	if s.ForTLS {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	if s.Authority {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, c.KeyUsage|x509.KeyUsageCertSign
	}
	for number, value := range []string{8: s.Issuer, 12: s.Repository, 14: s.Ref} {
		if value == "" {
			continue
		}
		text, err := asn1.MarshalWithParams(value, "utf8")
		if err != nil {
			return nil, nil, err
		}
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, number}, Value: text})
	}
	parent, by := i.issuer, i.issuerKey
	if s.Foreign {
		other, err := New(i.Start)
		if err != nil {
			return nil, nil, err
		}
		parent, by = other.issuer, other.issuerKey
	}
	made, err := i.certify(c, parent, &key.PublicKey, by)
	if err != nil || s.Unlogged {
		return made, key, err
	}
	word, err := i.logged(made, s.At)
	if err != nil {
		return nil, nil, err
	}
	i.serial--
	c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: word})
	made, err = i.certify(c, parent, &key.PublicKey, by)
	return made, key, err
}

// logged is the extension with the word of the log of certificates for c (RFC 6962, 3.3).
func (i *Instance) logged(c *x509.Certificate, at time.Time) ([]byte, error) {
	_, id := public(i.ctKey)
	sct := ct.SignedCertificateTimestamp{SCTVersion: ct.V1, LogID: ct.LogID{KeyID: [32]byte(id)}, Timestamp: uint64(at.UnixMilli())}
	entry := ct.LogEntry{Leaf: ct.MerkleTreeLeaf{Version: ct.V1, LeafType: ct.TimestampedEntryLeafType, TimestampedEntry: &ct.TimestampedEntry{
		Timestamp: sct.Timestamp, EntryType: ct.PrecertLogEntryType,
		PrecertEntry: &ct.PreCert{IssuerKeyHash: sha256.Sum256(i.issuer.RawSubjectPublicKeyInfo), TBSCertificate: c.RawTBSCertificate}}}}
	signed, err := ct.SerializeSCTSignatureInput(sct, entry)
	if err != nil {
		return nil, err
	}
	sct.Signature = ct.DigitallySigned{Algorithm: tls.SignatureAndHashAlgorithm{Hash: tls.SHA256, Signature: tls.ECDSA}, Signature: sign(i.ctKey, signed)}
	one, err := tls.Marshal(sct)
	if err != nil {
		return nil, err
	}
	list := append([]byte{byte(len(one) >> 8), byte(len(one))}, one...)
	list = append([]byte{byte(len(list) >> 8), byte(len(list))}, list...)
	return asn1.Marshal(list)
}

func sign(key *ecdsa.PrivateKey, message []byte) []byte {
	sum := sha256.Sum256(message)
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		panic(err) // the reader of random bytes never fails
	}
	return sig
}

// JSON writes a value as it stands.
func JSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // these values are made of texts, numbers and bytes
	}
	return b
}
