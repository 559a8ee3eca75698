package trust

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Limits on what is read of a stranger, in bytes.
const (
	maxKeyFile   = 8 << 20
	maxSignature = 256 << 10
	maxEnvelopes = 64 << 20
)

// KeySet holds the public keys that a verification trusts. The zero value trusts nobody.
type KeySet struct {
	statement []statementKey
	pgp       openpgp.EntityList
	origins   []string // of the entries of pgp
}

// statementKey checks envelopes.
type statementKey struct {
	id     string
	key    crypto.PublicKey // ed25519.PublicKey or *ecdsa.PublicKey
	origin string
}

// PublicKey describes one key of a set.
type PublicKey struct {
	Kind   string `json:"kind"` // "ed25519", "ecdsa" or "openpgp"
	ID     string `json:"id"`   // KeyID, or the fingerprint of an OpenPGP key
	Origin string `json:"origin,omitempty"`
}

// ChecksStatements reports whether the set has a key that envelopes can be checked with.
func (s *KeySet) ChecksStatements() bool { return s != nil && len(s.statement) > 0 }

// ChecksOpenPGP reports whether the set has an OpenPGP key.
func (s *KeySet) ChecksOpenPGP() bool { return s != nil && len(s.pgp) > 0 }

// Keys lists the set.
func (s *KeySet) Keys() []PublicKey {
	var list []PublicKey
	for _, k := range s.statement {
		kind := "ed25519"
		if _, ok := k.key.(*ecdsa.PublicKey); ok {
			kind = "ecdsa"
		}
		list = append(list, PublicKey{Kind: kind, ID: k.id, Origin: k.origin})
	}
	for i, e := range s.pgp {
		list = append(list, PublicKey{Kind: "openpgp", ID: fingerprint(e.PrimaryKey), Origin: s.origins[i]})
	}
	return list
}

// Merge adds the keys of other.
func (s *KeySet) Merge(other *KeySet) {
	if other == nil {
		return
	}
	for _, k := range other.statement {
		s.addStatementKey(k)
	}
	s.pgp = append(s.pgp, other.pgp...)
	s.origins = append(s.origins, other.origins...)
}

// Add reads public keys: PEM blocks PUBLIC KEY (Ed25519, or ECDSA on P-256), or an OpenPGP keyring,
// armoured or not. origin names where they came from. Private keys, and kinds we cannot check, are errors.
func (s *KeySet) Add(origin string, data []byte) error {
	if len(data) > maxKeyFile {
		return fmt.Errorf("read keys from %s: it is larger than %d bytes", origin, maxKeyFile)
	}
	var err error
	if bytes.Contains(data, []byte("-----BEGIN PGP")) || len(data) > 0 && data[0]&0x80 != 0 {
		err = s.addOpenPGP(origin, data)
	} else {
		err = s.addPEM(origin, data)
	}
	if err != nil {
		return fmt.Errorf("read keys from %s: %w", origin, err)
	}
	return nil
}

// AddFile reads the public keys in the file at path.
func (s *KeySet) AddFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	return s.Add(path, data)
}

// AddFolder reads every .pem, .pub, .asc, .gpg and .pgp file in dir; a folder that is missing adds nothing.
func (s *KeySet) AddFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".pem", ".pub", ".asc", ".gpg", ".pgp":
			if err := s.AddFile(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *KeySet) addPEM(origin string, data []byte) error {
	found := false
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return errors.New("it holds a private key: give the public half (forge keys export --format pem)")
		}
		if block.Type != "PUBLIC KEY" {
			return fmt.Errorf("PEM block %q is not a PUBLIC KEY", block.Type)
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return err
		}
		if err := usable(key); err != nil {
			return err
		}
		s.addStatementKey(statementKey{id: keyID(key), key: key, origin: origin})
		found, data = true, rest
	}
	if !found {
		return errors.New("there is no key in it: want PEM (PUBLIC KEY) or an OpenPGP public key")
	}
	return nil
}

func usable(key crypto.PublicKey) error {
	switch k := key.(type) {
	case ed25519.PublicKey:
		return nil
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return nil
		}
		return fmt.Errorf("ECDSA on %s is not supported: want P-256 or Ed25519", k.Curve.Params().Name)
	}
	return fmt.Errorf("keys of kind %T are not supported: want Ed25519, or ECDSA on P-256", key)
}

func (s *KeySet) addStatementKey(k statementKey) {
	for _, have := range s.statement {
		if have.id == k.id {
			return
		}
	}
	s.statement = append(s.statement, k)
}

func (s *KeySet) addOpenPGP(origin string, data []byte) error {
	ring, err := readKeyring(data)
	if err != nil {
		return err
	}
	for _, e := range ring {
		s.pgp, s.origins = append(s.pgp, e), append(s.origins, origin)
	}
	return nil
}

// readKeyring reads OpenPGP public keys: armoured, in one block or several (as keys.asc files are often
// put together), or binary. Versions and algorithms we do not know are left out.
func readKeyring(data []byte) (openpgp.EntityList, error) {
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("the keyring is larger than %d bytes", maxKeyFile)
	}
	var ring openpgp.EntityList
	var err error
	if !bytes.Contains(data, []byte("-----BEGIN PGP")) {
		ring, err = openpgp.ReadKeyRing(bytes.NewReader(data))
	} else {
		ring, err = readArmouredKeyring(data)
	}
	if err != nil {
		return nil, err
	}
	if len(ring) == 0 {
		return nil, errors.New("there is no OpenPGP key in it")
	}
	for _, e := range ring {
		if e.PrivateKey != nil {
			return nil, errors.New("it holds a private key: give the public half (forge keys export --format openpgp)")
		}
	}
	return ring, nil
}

func readArmouredKeyring(data []byte) (openpgp.EntityList, error) {
	var ring openpgp.EntityList
	in := bufio.NewReader(bytes.NewReader(data)) // shared, so that Decode goes on where it stopped
	for {
		block, err := armor.Decode(in)
		if err == io.EOF {
			return ring, nil
		}
		if err != nil {
			return nil, err
		}
		if block.Type != openpgp.PublicKeyType && block.Type != openpgp.PrivateKeyType {
			return nil, fmt.Errorf("it holds a %q, want a public key", block.Type)
		}
		some, err := openpgp.ReadKeyRing(block.Body)
		if err != nil {
			return nil, err
		}
		if _, err := io.Copy(io.Discard, block.Body); err != nil {
			return nil, err
		}
		ring = append(ring, some...)
	}
}

// verify checks an envelope's signature with one key.
func (k statementKey) verify(message, sig []byte) bool {
	switch key := k.key.(type) {
	case ed25519.PublicKey:
		return len(sig) == ed25519.SignatureSize && ed25519.Verify(key, message, sig)
	case *ecdsa.PublicKey:
		h := crypto.SHA256.New()
		h.Write(message)
		return ecdsa.VerifyASN1(key, h.Sum(nil), sig)
	}
	return false
}
