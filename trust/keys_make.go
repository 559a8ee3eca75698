package trust

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

func newEd25519(random io.Reader) ([]byte, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func parseEd25519(raw []byte) (ed25519.PrivateKey, error) {
	block, rest := pem.Decode(raw)
	if block == nil || block.Type != "PRIVATE KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("want one PEM block PRIVATE KEY and nothing else")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("it is a %T, want an Ed25519 key", key)
	}
	return private, nil
}

// newOpenPGP makes a version 4 key with algorithm 22 (EdDSA): what gpg 2.2 reads. Its one self-signature
// is SHA-512.
func newOpenPGP(now time.Time, random io.Reader) ([]byte, error) {
	config := pgpConfig(now)
	config.Rand = random
	entity, err := openpgp.NewEntity("Forge signing key", "", "", config)
	if err != nil {
		return nil, err
	}
	entity.Subkeys = nil // it signs; nothing is ever encrypted to it
	return armoured(openpgp.PrivateKeyType, func(w io.Writer) error {
		return entity.SerializePrivateWithoutSigning(w, config)
	})
}

func parseOpenPGP(raw []byte) (*openpgp.Entity, error) {
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	if len(ring) != 1 || ring[0].PrivateKey == nil {
		return nil, errors.New("want one private key")
	}
	if ring[0].PrivateKey.Encrypted {
		return nil, errors.New("it is locked with a passphrase, which is not supported yet")
	}
	return ring[0], nil
}

// pgpConfig is how we sign: SHA-512, at that time, with nothing random in the signature.
func pgpConfig(now time.Time) *packet.Config {
	no := false
	return &packet.Config{
		DefaultHash:                           crypto.SHA512,
		Algorithm:                             packet.PubKeyAlgoEdDSA,
		Curve:                                 packet.Curve25519,
		Time:                                  func() time.Time { return now.UTC().Truncate(time.Second) },
		NonDeterministicSignaturesViaNotation: &no,
	}
}

// armoured wraps what fill writes, with the CRC-24 that gpg 2.2 insists on.
func armoured(kind string, fill func(io.Writer) error) ([]byte, error) {
	var out bytes.Buffer
	w, err := armor.EncodeWithChecksumOption(&out, kind, nil, true)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(fill(w), w.Close()); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
