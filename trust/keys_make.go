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
	circl "github.com/cloudflare/circl/sign/ed25519"
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

// pkcs8Ed25519 is what comes before the seed in a key as newEd25519 writes it (RFC 8410, section 7). Other layouts are
// read by crypto/x509. The first use of a key by crypto/ed25519 fills its table of multiples of the base point, for
// 0.7 ms; circl, which makes the OpenPGP signature, has that table in the program. Both keep to RFC 8032, by which a
// key and a message have one signature.
const pkcs8Ed25519 = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"

func parseEd25519(raw []byte) (ed25519.PrivateKey, error) {
	block, rest := pem.Decode(raw)
	if block == nil || block.Type != "PRIVATE KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("want one PEM block PRIVATE KEY and nothing else")
	}
	if seed, ok := bytes.CutPrefix(block.Bytes, []byte(pkcs8Ed25519)); ok && len(seed) == ed25519.SeedSize {
		return ed25519.PrivateKey(circl.NewKeyFromSeed(seed)), nil
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
