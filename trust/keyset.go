package trust

import (
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
	pathpkg "path"
	"path/filepath"
	"slices"
	"strings"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Limits on what is read of a stranger, in bytes.
const (
	maxKeyFile   = 8 << 20
	maxSignature = 256 << 10
	maxEnvelopes = 64 << 20
)

// KeySet holds the public keys that a verification trusts, each for all packages or for one. The zero value
// trusts nobody.
type KeySet struct {
	statement []statementKey
	pgp       []pgpKey
}

// entry is what is known of a key besides the key.
type entry struct {
	origin string
	scope  []string // globs of the packages it counts for; none for all
}

// counts tells whether the key is one for a package of that name.
func (e entry) counts(name string) bool {
	return len(e.scope) == 0 || slices.ContainsFunc(e.scope, func(g string) bool { ok, _ := pathpkg.Match(g, name); return ok })
}

// statementKey checks envelopes.
type statementKey struct {
	entry
	id  string
	key crypto.PublicKey // ed25519.PublicKey or *ecdsa.PublicKey
}

// pgpKey checks detached signatures.
type pgpKey struct {
	entry
	entity *openpgp.Entity
}

// PublicKey describes one key of a set.
type PublicKey struct {
	Kind   string `json:"kind"` // "ed25519", "ecdsa" or "openpgp"
	ID     string `json:"id"`   // KeyID, or the fingerprint of an OpenPGP key
	Origin string `json:"origin,omitempty"`
	Scope  string `json:"scope,omitempty"` // globs of the packages it is trusted for
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
		list = append(list, PublicKey{kind, k.id, k.origin, strings.Join(k.scope, ", ")})
	}
	for _, k := range s.pgp {
		list = append(list, PublicKey{"openpgp", fingerprint(k.entity.PrimaryKey), k.origin, strings.Join(k.scope, ", ")})
	}
	return list
}

// For is the part of the set that counts for a package of that name.
func (s *KeySet) For(name string) *KeySet {
	part := &KeySet{}
	if s == nil {
		return part
	}
	for _, k := range s.statement {
		if k.counts(name) {
			part.statement = append(part.statement, k)
		}
	}
	for _, k := range s.pgp {
		if k.counts(name) {
			part.pgp = append(part.pgp, k)
		}
	}
	return part
}

// Statements is the set without its OpenPGP keys.
func (s *KeySet) Statements() *KeySet { return &KeySet{statement: s.statement} }

// OpenPGP is the set without its keys for statements.
func (s *KeySet) OpenPGP() *KeySet { return &KeySet{pgp: s.pgp} }

// ring are the OpenPGP keys of the set.
func (s *KeySet) ring() openpgp.EntityList {
	var ring openpgp.EntityList
	for _, k := range s.pgp {
		ring = append(ring, k.entity)
	}
	return ring
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
}

// Add reads public keys: PEM blocks PUBLIC KEY (Ed25519, or ECDSA on P-256), or an OpenPGP keyring,
// armoured or not. origin names where they came from. Private keys, and kinds we cannot check, are errors.
func (s *KeySet) Add(origin string, data []byte) error {
	return s.add(entry{origin: origin}, data)
}

func (s *KeySet) add(e entry, data []byte) error {
	origin := e.origin
	if len(data) > maxKeyFile {
		return fmt.Errorf("read keys from %s: it is larger than %d bytes", origin, maxKeyFile)
	}
	var err error
	if bytes.Contains(data, []byte("-----BEGIN PGP")) || len(data) > 0 && data[0]&0x80 != 0 {
		err = s.addOpenPGP(e, data)
	} else {
		err = s.addPEM(e, data)
	}
	if err != nil {
		return fmt.Errorf("read keys from %s: %w", origin, err)
	}
	return nil
}

// AddFile reads the public keys in the file at path.
func (s *KeySet) AddFile(path string) error { return s.addFile(path, nil) }

// AddScoped reads the public keys in the file at path; they count for packages whose name one of the
// globs matches (none for all). A fingerprint, if it is given, must be that of each key in it: 40 or 64 hex
// digits of an OpenPGP key, or the SHA-256 that KeyID is of.
func (s *KeySet) AddScoped(path string, globs []string, fingerprint string) error {
	for _, g := range globs {
		if _, err := pathpkg.Match(g, ""); err != nil {
			return fmt.Errorf("read keys from %s: the pattern %q: %w", path, g, err)
		}
	}
	one := &KeySet{}
	if err := one.addFile(path, globs); err != nil {
		return err
	}
	for _, k := range one.Keys() {
		id := strings.ToUpper(k.ID[strings.LastIndexByte(k.ID, ':')+1:])
		if fingerprint != "" && id != strings.ToUpper(fingerprint) {
			return fmt.Errorf("read keys from %s: it holds the key %s, and %s is wanted", path, id, strings.ToUpper(fingerprint))
		}
	}
	s.Merge(one)
	return nil
}

func (s *KeySet) addFile(path string, scope []string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	return s.add(entry{path, scope}, data)
}

// AddFolder reads every .pem, .pub, .asc, .gpg and .pgp file in dir; those in a folder below it count for
// the package of the folder's name only. A folder that is missing adds nothing.
func (s *KeySet) AddFolder(dir string) error { return s.addFolder(dir, nil) }

func (s *KeySet) addFolder(dir string, scope []string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() && scope == nil && !strings.HasPrefix(e.Name(), ".") {
			err = s.addFolder(path, []string{globLiteral(e.Name())})
		} else if isKeyFile(e) {
			err = s.addFile(path, scope)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// globLiteral is the glob that matches just name.
func globLiteral(name string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(name)
}

func isKeyFile(e fs.DirEntry) bool {
	switch strings.ToLower(filepath.Ext(e.Name())) {
	case ".pem", ".pub", ".asc", ".gpg", ".pgp":
		return !e.IsDir()
	}
	return false
}

func (s *KeySet) addPEM(e entry, data []byte) error {
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
		s.addStatementKey(statementKey{e, keyID(key), key})
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
		if have.id == k.id && slices.Equal(have.scope, k.scope) {
			return
		}
	}
	s.statement = append(s.statement, k)
}

func (s *KeySet) addOpenPGP(e entry, data []byte) error {
	ring, err := readKeyring(data)
	if err != nil {
		return err
	}
	for _, key := range ring {
		s.pgp = append(s.pgp, pgpKey{e, key})
	}
	return nil
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
