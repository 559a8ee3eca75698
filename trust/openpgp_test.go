package trust

import (
	"bytes"
	"crypto"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

const signedText = "the bytes of a source archive\n"

var (
	keyMade  = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	signedAt = time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
)

// at is how a test key is made or used.
func at(t time.Time, edit ...func(*packet.Config)) *packet.Config {
	c := pgpConfig(t)
	for _, e := range edit {
		e(c)
	}
	return c
}

func lifetime(d time.Duration) func(*packet.Config) {
	return func(c *packet.Config) { c.KeyLifetimeSecs = uint32(d / time.Second) }
}

func sha1Hash(c *packet.Config) {
	c.DefaultHash = crypto.SHA1
	c.RejectHashAlgorithms, c.RejectMessageHashAlgorithms = map[crypto.Hash]bool{}, map[crypto.Hash]bool{}
}

func testKey(t *testing.T, config *packet.Config) *openpgp.Entity {
	t.Helper()
	// The library writes no SHA-1 preference, so the key is made strong and certified anew.
	hash := config.DefaultHash
	config.DefaultHash = crypto.SHA512
	e, err := openpgp.NewEntity("Test", "", "test@example.org", config)
	if err != nil {
		t.Fatal(err)
	}
	e.Subkeys = nil
	if config.DefaultHash = hash; hash != crypto.SHA512 {
		recertify(t, e, config)
	}
	return e
}

// recertify replaces the self-signature by one made with config's hash.
func recertify(t *testing.T, e *openpgp.Entity, config *packet.Config) {
	t.Helper()
	for name, identity := range e.Identities {
		s := identity.SelfCertifications[0].Packet
		s.Hash = config.DefaultHash
		if err := s.SignUserId(name, e.PrimaryKey, e.PrivateKey, config); err != nil {
			t.Fatal(err)
		}
	}
}

func publicRing(t *testing.T, keys ...*openpgp.Entity) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, k := range keys {
		if err := k.Serialize(&out); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// signWith makes a signature packet by key with everything that edit wants of it.
func signWith(t *testing.T, key *packet.PrivateKey, when time.Time, edit ...func(*packet.Signature)) []byte {
	t.Helper()
	s := &packet.Signature{
		Version: 4, SigType: packet.SigTypeBinary, PubKeyAlgo: key.PubKeyAlgo, Hash: crypto.SHA512,
		CreationTime: when, IssuerKeyId: &key.KeyId, IssuerFingerprint: key.Fingerprint, IssuerKeyVersion: uint8(key.Version),
	}
	for _, e := range edit {
		e(s)
	}
	config := at(when)
	h, err := s.PrepareSign(config)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(h, signedText)
	if err := s.Sign(h, key, config); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := s.Serialize(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func armourOf(t *testing.T, raw []byte, headers map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := armor.EncodeWithChecksumOption(&out, openpgp.SignatureType, headers, true)
	if err == nil {
		_, err = w.Write(raw)
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// pgpCase is one signature with its key and what has to be found.
type pgpCase struct {
	name    string
	sig     []byte
	ring    []byte
	pin     string
	allow   []string
	verdict string // "" is good
	says    string // in a note, an allowance or the reason
	sqv     string // what sqv says: "good", "bad" or "" where it need not agree
}

func (c pgpCase) check(t *testing.T) {
	t.Helper()
	v, err := OpenPGPChecker{}.Check(strings.NewReader(signedText), c.sig, c.ring, c.pin, c.allow, testNow)
	var refusal *Refusal
	got, text := "", strings.Join(append(v.Notes, v.Allowed...), "; ")
	if errors.As(err, &refusal) {
		got, text = refusal.Verdict, refusal.Reason
	} else if err != nil {
		t.Fatal(err)
	}
	if got != c.verdict || !strings.Contains(text, c.says) {
		t.Errorf("verdict %q (%s), want %q (%s)", got, text, c.verdict, c.says)
	}
	if got == "" && (v.Fingerprint != c.pin || !v.Signed.Equal(signedAt)) {
		t.Errorf("found %+v", v)
	}
}

func revoke(t *testing.T, e *openpgp.Entity, when time.Time, reason packet.ReasonForRevocation) *openpgp.Entity {
	t.Helper()
	if err := e.Revoke(reason, "told so", at(when)); err != nil {
		t.Fatal(err)
	}
	return e
}

func pgpCases(t *testing.T) []pgpCase {
	const year = 365 * 24 * time.Hour
	key := testKey(t, at(keyMade))
	other := testKey(t, at(keyMade))
	pin, ring := fingerprint(key.PrimaryKey), publicRing(t, key)
	sig := signWith(t, key.PrivateKey, signedAt)
	bad := bytes.Clone(sig)
	bad[len(bad)-1] ^= 1
	impostor := *other.PrivateKey // its signatures name key as their issuer
	impostor.KeyId, impostor.Fingerprint = key.PrimaryKey.KeyId, key.PrimaryKey.Fingerprint
	with := func(edit func(*packet.Signature)) []byte { return signWith(t, key.PrivateKey, signedAt, edit) }

	cases := []pgpCase{
		{name: "good", sig: sig, sqv: "good"},
		{name: "good armoured", sig: armourOf(t, sig, nil), sqv: "good"},
		{name: "armour headers say nothing", sig: armourOf(t, sig, map[string]string{"Comment": "by somebody else"}), sqv: "good"},
		{name: "one bad, one good", sig: append(bytes.Clone(bad), sig...)},
		{name: "a stranger's first", sig: append(signWith(t, other.PrivateKey, signedAt), sig...), sqv: "good"},
		{name: "two armour blocks", sig: append(armourOf(t, bad, nil), armourOf(t, sig, nil)...)},
		{name: "bad", sig: bad, verdict: BadSignature, sqv: "bad"},
		{name: "unknown key", sig: signWith(t, other.PrivateKey, signedAt), verdict: UnknownKey, sqv: "bad"},
		{name: "any key of the ring", sig: signWith(t, other.PrivateKey, signedAt), ring: publicRing(t, other, key), verdict: WrongKey, says: fingerprint(other.PrimaryKey)},
		{name: "keyring of another", sig: sig, ring: publicRing(t, other), verdict: UnknownKey, says: pin, sqv: "bad"},
		{name: "no keyring", sig: sig, ring: []byte("x"), verdict: UnknownKey},
		{name: "in the name of another", sig: signWith(t, &impostor, signedAt), verdict: BadSignature, sqv: "bad"},
		{name: "of text", sig: with(func(s *packet.Signature) { s.SigType = packet.SigTypeText }), verdict: Malformed},
		{name: "critical notation", sig: with(func(s *packet.Signature) {
			s.Notations = []*packet.Notation{{Name: "x@example.org", Value: []byte("y"), IsCritical: true, IsHumanReadable: true}}
		}), verdict: UnknownNotation, sqv: "bad"},
		{name: "future", sig: signWith(t, key.PrivateKey, testNow.Add(time.Hour)), verdict: FutureSignature},
		{name: "older than its key", sig: signWith(t, key.PrivateKey, keyMade.Add(-time.Hour)), verdict: Malformed, sqv: "bad"},
		{name: "ended", sig: with(func(s *packet.Signature) { end := uint32(60); s.SigLifetimeSecs = &end }), verdict: ExpiredSignature, sqv: "bad"},
		{name: "SHA-1", sig: with(func(s *packet.Signature) { s.Hash = crypto.SHA1 }), verdict: WeakHash, sqv: "bad"},
		{name: "SHA-1 allowed", sig: with(func(s *packet.Signature) { s.Hash = crypto.SHA1 }), allow: []string{AllowSHA1}, says: "made with SHA-1"},
		{name: "MD5", sig: hashByte(sig, 1), verdict: WeakHash, says: "MD5", sqv: "bad"},
		{name: "MD5 is never allowed", sig: hashByte(sig, 1), allow: []string{AllowSHA1}, verdict: WeakHash, says: "MD5"},
		{name: "empty", sig: []byte(" "), verdict: Malformed, sqv: "bad"},
		{name: "garbage after", sig: append(bytes.Clone(sig), "garbage"...), verdict: Malformed},
		{name: "a key packet after", sig: append(bytes.Clone(sig), ring...), verdict: Malformed},
		{name: "text before the armour", sig: append([]byte("hello\n"), armourOf(t, sig, nil)...), verdict: Malformed},
		{name: "text after the armour", sig: append(armourOf(t, sig, nil), "\nhello\n"...), verdict: Malformed},
		{name: "clear-signed", sig: []byte("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + signedText + string(armourOf(t, sig, nil))), verdict: Malformed},
		{name: "too many", sig: bytes.Repeat(sig, maxSignatures+1), verdict: Malformed},
	}
	for i := range cases {
		c := &cases[i]
		c.pin = pin
		if c.ring == nil {
			c.ring = ring
		}
	}
	add := func(c pgpCase, e *openpgp.Entity) {
		if c.pin == "" {
			c.pin = fingerprint(e.PrimaryKey)
		}
		if c.sig == nil {
			c.sig = signWith(t, e.PrivateKey, signedAt)
		}
		if c.ring == nil {
			c.ring = publicRing(t, e)
		}
		cases = append(cases, c)
	}
	add(pgpCase{name: "expired since", says: "after it signed", sqv: "good"}, testKey(t, at(keyMade, lifetime(2*year))))
	add(pgpCase{name: "expired before", verdict: ExpiredKey, sqv: "bad"}, testKey(t, at(keyMade, lifetime(year/2))))
	add(pgpCase{name: "revoked, no reason", verdict: RevokedKey, says: "told so", sqv: "bad"}, revoke(t, testKey(t, at(keyMade)), signedAt.Add(year), packet.NoReason))
	add(pgpCase{name: "compromised later", verdict: RevokedKey, sqv: "bad"}, revoke(t, testKey(t, at(keyMade)), signedAt.Add(year), packet.KeyCompromised))
	add(pgpCase{name: "retired later", says: "retired", sqv: "good"}, revoke(t, testKey(t, at(keyMade)), signedAt.Add(year), packet.KeyRetired))
	add(pgpCase{name: "superseded before", verdict: RevokedKey, sqv: "bad"}, revoke(t, testKey(t, at(keyMade)), signedAt.Add(-time.Hour), packet.KeySuperseded))

	twice := testKey(t, at(keyMade))
	clean := publicRing(t, twice)
	add(pgpCase{name: "a copy without the revocation", verdict: RevokedKey,
		ring: append(clean, publicRing(t, revoke(t, twice, signedAt.Add(year), packet.NoReason))...)}, twice)

	weakSelf := testKey(t, at(keyMade, sha1Hash)) // sqv still takes those of before 2023
	add(pgpCase{name: "SHA-1 self-signature", verdict: WeakHash, says: "self-signature"}, weakSelf)
	add(pgpCase{name: "SHA-1 self-signature allowed", allow: []string{AllowSHA1}, says: "self-signature"}, weakSelf)

	later := testKey(t, at(keyMade))
	recertify(t, later, at(keyMade))
	for name, identity := range later.Identities {
		s := identity.SelfCertifications[0].Packet
		s.CreationTime = signedAt.Add(year)
		if err := s.SignUserId(name, later.PrimaryKey, later.PrivateKey, at(signedAt.Add(year))); err != nil {
			t.Fatal(err)
		}
	}
	add(pgpCase{name: "only a later self-signature", says: "later than the signature"}, later)

	return append(cases, subkeyCases(t)...)
}

// hashByte makes the signature claim another hash.
func hashByte(sig []byte, id byte) []byte {
	out := bytes.Clone(sig)
	at := 2 // new format packet: tag, one octet length
	if out[1] >= 192 {
		at = 3
	}
	out[at+3] = id
	return out
}

func subkeyCases(t *testing.T) []pgpCase {
	var cases []pgpCase
	for _, c := range []struct {
		name, verdict, says, sqv string
		spoil                    func(e *openpgp.Entity, binding *packet.Signature) *openpgp.Entity
	}{
		{name: "signing subkey", sqv: "good"},
		{name: "subkey without back-signature", verdict: UnboundKey, sqv: "bad", spoil: func(e *openpgp.Entity, b *packet.Signature) *openpgp.Entity {
			b.EmbeddedSignature = nil
			return e
		}},
		{name: "subkey of another", verdict: UnboundKey, sqv: "bad", spoil: func(e *openpgp.Entity, b *packet.Signature) *openpgp.Entity {
			thief := testKey(t, at(keyMade))
			b.IssuerKeyId, b.IssuerFingerprint = &thief.PrimaryKey.KeyId, thief.PrimaryKey.Fingerprint
			e.Subkeys[0].Primary = thief
			thief.Subkeys = e.Subkeys
			return thief
		}},
		{name: "encryption subkey", verdict: NotSigningKey, sqv: "bad", spoil: func(e *openpgp.Entity, b *packet.Signature) *openpgp.Entity {
			b.FlagSign, b.FlagEncryptStorage = false, true
			return e
		}},
	} {
		e := testKey(t, at(keyMade))
		if err := e.AddSigningSubkey(at(keyMade)); err != nil {
			t.Fatal(err)
		}
		sub := e.Subkeys[0]
		if c.spoil != nil {
			b := sub.Bindings[0].Packet
			e = c.spoil(e, b)
			if err := b.SignKey(sub.PublicKey, e.PrivateKey, at(keyMade)); err != nil {
				t.Fatal(err)
			}
		}
		cases = append(cases, pgpCase{name: c.name, sig: signWith(t, sub.PrivateKey, signedAt), ring: publicRing(t, e),
			pin: fingerprint(e.PrimaryKey), verdict: c.verdict, says: c.says, sqv: c.sqv})
		if c.spoil == nil {
			cases = append(cases, pgpCase{name: "a subkey's fingerprint is pinned", sig: cases[0].sig, ring: cases[0].ring,
				pin: fingerprint(sub.PublicKey), verdict: UnknownKey, says: cases[0].pin})
			if err := sub.Revoke(packet.KeyRetired, "", at(signedAt.Add(-time.Hour))); err != nil {
				t.Fatal(err)
			}
			e.Subkeys[0] = sub
			cases = append(cases, pgpCase{name: "subkey retired before", sig: cases[0].sig, ring: publicRing(t, e),
				pin: cases[0].pin, verdict: RevokedKey, says: "subkey", sqv: "bad"})
		}
	}
	return cases
}

func TestOpenPGPPolicy(t *testing.T) {
	_, noSqv := exec.LookPath("sqv")
	for _, c := range pgpCases(t) {
		t.Run(c.name, func(t *testing.T) {
			c.check(t)
			if noSqv == nil && c.sqv != "" {
				c.compare(t)
			}
		})
	}
}

// compare asks sqv, which has a policy of its own.
func (c pgpCase) compare(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string][]byte{"sig": c.sig, "ring": c.ring, "data": []byte(signedText)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := run(t, "sqv", "--keyring", filepath.Join(dir, "ring"), filepath.Join(dir, "sig"), filepath.Join(dir, "data"))
	if (err == nil) != (c.sqv == "good") {
		t.Errorf("sqv: %v, want %s: %s", err, c.sqv, out)
	}
}

func TestOpenPGPCheckIsUsedRight(t *testing.T) {
	for name, c := range map[string]struct {
		pin   string
		allow []string
	}{
		"key ID":             {"0123456789ABCDEF", nil},
		"no fingerprint":     {"", nil},
		"an unknown failing": {strings.Repeat("A", 40), []string{"md5"}},
	} {
		if _, err := (OpenPGPChecker{}).Check(strings.NewReader(""), nil, nil, c.pin, c.allow, testNow); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestFloodedKey gives a key 100,000 certifications by others (CVE-2019-13050), then too many of its own.
func TestFloodedKey(t *testing.T) {
	key, other := testKey(t, at(keyMade)), testKey(t, at(keyMade))
	sig := signWith(t, key.PrivateKey, signedAt)
	for name, identity := range key.Identities {
		if err := identity.SignIdentity(other, at(signedAt)); err != nil {
			t.Fatal(err)
		}
		one := identity.OtherCertifications[0]
		for range 40000 { // 100,000 are over the limit of a keyring file already
			identity.OtherCertifications = append(identity.OtherCertifications, one)
		}
		key.Identities[name] = identity
	}
	start := time.Now()
	c := pgpCase{sig: sig, ring: publicRing(t, key), pin: fingerprint(key.PrimaryKey)}
	c.check(t)
	if took := time.Since(start); took > 30*time.Second { // a quarter of a second is usual; with a cost that grows with the square, minutes
		t.Errorf("took %s", took)
	}
	for _, identity := range key.Identities {
		identity.OtherCertifications = nil
		for range maxSelfSignatures {
			identity.SelfCertifications = append(identity.SelfCertifications, identity.SelfCertifications[0])
		}
	}
	c = pgpCase{sig: sig, ring: publicRing(t, key), pin: fingerprint(key.PrimaryKey), verdict: Malformed, says: "self-signatures"}
	c.check(t)
}

func FuzzReadSignatures(f *testing.F) {
	f.Add([]byte("-----BEGIN PGP SIGNATURE-----\n\niQ==\n=AAAA\n-----END PGP SIGNATURE-----\n"))
	f.Add([]byte{0x88, 0x75, 4, 0, 22, 10, 0, 29})
	f.Fuzz(func(t *testing.T, data []byte) {
		found, refusal := readSignatures(data)
		if len(found) == 0 && refusal == nil {
			t.Fatal("neither a signature nor a reason")
		}
	})
}
