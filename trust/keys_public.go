package trust

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// KeyID is the SHA-256 of the Ed25519 key's SubjectPublicKeyInfo, in hex.
func (k *Keys) KeyID() string { return keyID(k.private.Public()) }

// Fingerprint is the OpenPGP key's, in upper case hex.
func (k *Keys) Fingerprint() string { return fingerprint(k.pgp.PrimaryKey) }

// Created is when the OpenPGP key was made.
func (k *Keys) Created() time.Time { return k.pgp.PrimaryKey.CreationTime.UTC() }

// ExportPEM is the public Ed25519 key as PEM (SubjectPublicKeyInfo, RFC 8410).
func (k *Keys) ExportPEM() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// ExportOpenPGP is the public OpenPGP key, armoured.
func (k *Keys) ExportOpenPGP() ([]byte, error) {
	return armoured(openpgp.PublicKeyType, k.pgp.Serialize)
}

// Public is the set of the two public keys.
func (k *Keys) Public() (*KeySet, error) {
	set := &KeySet{}
	for _, export := range []func() ([]byte, error){k.ExportPEM, k.ExportOpenPGP} {
		data, err := export()
		if err != nil {
			return nil, err
		}
		if err := set.Add("your own key", data); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// keyID names a public key by its SubjectPublicKeyInfo.
func keyID(key crypto.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

func fingerprint(key *packet.PublicKey) string {
	return strings.ToUpper(hex.EncodeToString(key.Fingerprint))
}
