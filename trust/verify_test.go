package trust

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"forge/digest"
)

// signed is an artifact with its sidecars in a folder of its own.
type signed struct {
	t    *testing.T
	path string
	keys *Keys
	set  *KeySet
}

func statementFor(name, text string) string {
	return fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":%q,"digest":{"sha256":%q}}],`+
		`"predicateType":"https://slsa.dev/provenance/v1","predicate":{"buildDefinition":{}}}`, name, digest.Of([]byte(text)).Hex())
}

func newSigned(t *testing.T, name, text string) *signed {
	t.Helper()
	keys := newKeys(t)
	set, err := keys.Public()
	if err != nil {
		t.Fatal(err)
	}
	s := &signed{t, writeFile(t, name, text), keys, set}
	asc, err := keys.SignDetached(context.Background(), s.path)
	if err != nil {
		t.Fatal(err)
	}
	s.write(SuffixOpenPGP, asc)
	s.lines(s.envelope(statementFor(name, text)))
	return s
}

func (s *signed) write(suffix string, data []byte) {
	s.t.Helper()
	if err := os.WriteFile(s.path+suffix, data, 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *signed) lines(lines ...string) {
	s.t.Helper()
	s.write(SuffixStatements, []byte(strings.Join(lines, "\n")+"\n"))
}

// envelope signs a payload, whatever it says.
func (s *signed) envelope(payload string, edit ...func(*Envelope)) string {
	s.t.Helper()
	e, err := s.keys.SignStatement(context.Background(), PayloadInToto, []byte(payload))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range edit {
		f(&e)
	}
	line, err := json.Marshal(e)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(line)
}

func (s *signed) verify() Verdict {
	return VerifyArtifact(context.Background(), s.path, s.set, testNow)
}

// resign signs by another rule than the envelope's.
func (s *signed) resign(message []byte) func(*Envelope) {
	return func(e *Envelope) {
		e.Signatures[0].Sig = base64.StdEncoding.EncodeToString(ed25519.Sign(s.keys.private, message))
	}
}

const artifactName, artifactText = "a-1-0.conda", "the bytes of a package"

func TestVerifyArtifact(t *testing.T) {
	s := newSigned(t, artifactName, artifactText)
	v := s.verify()
	if !v.Good || !v.Signed || v.OpenPGP != s.keys.Fingerprint() || len(v.KeyIDs) != 1 || v.KeyIDs[0] != s.keys.KeyID() ||
		string(v.Statement) != statementFor(artifactName, artifactText) || v.SHA256 != digest.Of([]byte(artifactText)) {
		t.Errorf("%+v", v)
	}
	publish := strings.NewReplacer("https://slsa.dev/provenance/v1", PredicatePublish).Replace(statementFor(artifactName, artifactText))
	s.lines(s.envelope(statementFor(artifactName, artifactText)), "", s.envelope(publish))
	if v := s.verify(); !v.Good || len(v.KeyIDs) != 1 {
		t.Errorf("%+v", v)
	}
	tests := strings.NewReplacer("https://slsa.dev/provenance/v1", PredicateTests).Replace(statementFor(artifactName, artifactText))
	s.lines(s.envelope(statementFor(artifactName, artifactText)), s.envelope(tests))
	if v := s.verify(); !v.Good || len(v.Tests) != 1 || string(v.Tests[0]) != tests {
		t.Errorf("%+v", v)
	}
	// Signatures by others beside ours, unknown fields and a wrong key ID are no harm (DSSE).
	s.lines(s.envelope(statementFor(artifactName, artifactText), func(e *Envelope) {
		e.Signatures[0].KeyID = "whatever"
		e.Signatures = append([]EnvelopeSignature{{Sig: "AAAA"}}, e.Signatures...)
	}))
	if v := s.verify(); !v.Good {
		t.Errorf("%+v", v)
	}
}

// TestVerifyRefuses goes through what an attacker may do to an artifact and its sidecars.
func TestVerifyRefuses(t *testing.T) {
	good := statementFor(artifactName, artifactText)
	edit := func(old, new string) func(*signed) {
		return func(s *signed) {
			if !strings.Contains(good, old) {
				t.Fatalf("%q is not in the statement", old)
			}
			s.lines(s.envelope(strings.Replace(good, old, new, 1)))
		}
	}
	envelope := func(f func(*Envelope)) func(*signed) {
		return func(s *signed) { s.lines(s.envelope(good, f)) }
	}
	raw := func(old, new string) func(*signed) {
		return func(s *signed) { s.lines(strings.Replace(s.envelope(good), old, new, 1)) }
	}
	sum := digest.Of([]byte(artifactText)).Hex()
	for name, c := range map[string]struct {
		spoil func(*signed)
		says  string
	}{
		"flipped bit":               {func(s *signed) { s.write("", []byte("The bytes of a package")) }, BadSignature},
		"empty file":                {func(s *signed) { s.write("", nil) }, BadSignature},
		"no .asc":                   {func(s *signed) { os.Remove(s.path + SuffixOpenPGP) }, "no .asc"},
		"empty .asc":                {func(s *signed) { s.write(SuffixOpenPGP, nil) }, Malformed},
		"endless .asc":              {func(s *signed) { s.write(SuffixOpenPGP, make([]byte, maxSignature+1)) }, "more than the 262144 bytes"},
		"no statement":              {func(s *signed) { os.Remove(s.path + SuffixStatements) }, "no .intoto.jsonl"},
		"empty statements":          {func(s *signed) { s.lines("", "  ") }, "no statement of its provenance"},
		"not JSON":                  {func(s *signed) { s.lines("x") }, "envelope is refused"},
		"a list":                    {func(s *signed) { s.lines("[]") }, "payloadType"},
		"half a line":               {func(s *signed) { s.lines(s.envelope(good)[:100]) }, "unexpected EOF"},
		"stripped signature":        {envelope(func(e *Envelope) { e.Signatures = nil }), "no signature"},
		"empty signatures":          {raw(`"signatures":[`, `"signatures":[],"x":[`), "no signature"},
		"signature without sig":     {raw(`"sig":`, `"gis":`), "is missing"},
		"too many signatures":       {envelope(func(e *Envelope) { e.Signatures = make([]EnvelopeSignature, maxSignatures+1) }), "more than"},
		"changed payload":           {envelope(func(e *Envelope) { e.Payload = base64.StdEncoding.EncodeToString([]byte(good + " ")) }), "none of the envelope's signatures"},
		"payload type swapped":      {envelope(func(e *Envelope) { e.PayloadType = "text/plain" }), "payloadType"},
		"payload type in the PAE":   {func(s *signed) { s.lines(s.envelope(good, s.resign(PAE("text/plain", []byte(good))))) }, "none of"},
		"bare payload signed":       {func(s *signed) { s.lines(s.envelope(good, s.resign([]byte(good)))) }, "none of"},
		"PAE without lengths":       {func(s *signed) { s.lines(s.envelope(good, s.resign([]byte("DSSEv1 "+PayloadInToto+" "+good)))) }, "none of"},
		"base64url":                 {envelope(func(e *Envelope) { e.Signatures[0].Sig = "-_-_" }), "not standard base64"},
		"line ends in base64":       {raw(`"payload":"`, `"payload":"\n`), "not standard base64"},
		"payload twice":             {raw(`{"payloadType"`, `{"payload":"AAAA","payloadType"`), "given twice"},
		"payload in another case":   {raw(`"payload":`, `"Payload":`), "is missing"},
		"data after the envelope":   {func(s *signed) { s.lines(s.envelope(good) + "{}") }, "follows"},
		"NUL after the envelope":    {func(s *signed) { s.lines(s.envelope(good) + "\x00") }, "envelope is refused"},
		"a second, unsigned line":   {func(s *signed) { s.lines(s.envelope(good), s.envelope(good, func(e *Envelope) { e.Signatures = nil })) }, "line 2"},
		"provenance twice":          {func(s *signed) { s.lines(s.envelope(good), s.envelope(good)) }, "second time"},
		"swapped subject":           {edit(artifactName, "b-1-0.conda"), "about \"b-1-0.conda\""},
		"path for a subject":        {edit(artifactName, "x/"+artifactName), "is about"},
		"replayed statement":        {edit(sum, digest.Of([]byte("older")).Hex()), "other bytes"},
		"no subject":                {edit(`"subject":[`, `"subject":[],"x":[`), "0 subjects"},
		"two subjects":              {edit(`"subject":[`, `"subject":[{"name":"z","digest":{"sha256":"`+sum+`"}},`), "2 subjects"},
		"nameless subject":          {edit(`"name":"a-1-0.conda"`, `"name":""`), "no name"},
		"weak digest":               {edit(`"sha256":"`+sum, `"md5":"d41d8cd98f00b204e9800998ecf8427e`), "exactly one sha256"},
		"two digests":               {edit(`{"sha256"`, `{"md5":"d41d8cd98f00b204e9800998ecf8427e","sha256"`), "exactly one sha256"},
		"cut digest":                {edit(sum, sum[:32]), "64 lower case"},
		"upper case digest":         {edit(sum, strings.ToUpper(sum)), "64 lower case"},
		"digest with prefix":        {edit(sum, "sha256:"+sum), "64 lower case"},
		"digest a number":           {edit(`"`+sum+`"`, `1`), "exactly one sha256"},
		"subject twice":             {edit(`"subject"`, `"subject":[],"subject"`), "given twice"},
		"subject in another case":   {edit(`"subject"`, `"Subject"`), "0 subjects"},
		"statement v0.1":            {edit("Statement/v1", "Statement/v0.1"), "_type"},
		"unknown predicate":         {edit("slsa.dev/provenance/v1", "slsa.dev/provenance/v9"), "not known"},
		"no predicate":              {edit(`"predicate":{"buildDefinition":{}}`, `"predicate":null`), "no predicate"},
		"publication only":          {edit("https://slsa.dev/provenance/v1", PredicatePublish), "no statement of its provenance"},
		"huge number":               {edit(`{"buildDefinition":{}}`, `{"n":1`+strings.Repeat("0", 100)+`}`), "too long"},
		"deep nesting":              {edit(`{"buildDefinition":{}}`, `{"n":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+`}`), "too deeply"},
		"not UTF-8":                 {edit("buildDefinition", "\xff"), "UTF-8"},
		"data after the statement":  {edit(`{}}}`, `{}}}{}`), "follows"},
		"statement not an object":   {func(s *signed) { s.lines(s.envelope(`"x"`)) }, "_type"},
		"folder in place of a file": {func(s *signed) { os.Remove(s.path); os.Mkdir(s.path, 0o755) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSigned(t, artifactName, artifactText)
			c.spoil(s)
			v := s.verify()
			if v.Good || v.Reason == "" || !strings.Contains(v.Reason, c.says) {
				t.Errorf("good %v, %q, want %q", v.Good, v.Reason, c.says)
			}
		})
	}
}

func TestVerifyRefusesForeignKeys(t *testing.T) {
	s, foreign := newSigned(t, artifactName, artifactText), newKeys(t)
	asc, err := foreign.SignDetached(context.Background(), s.path)
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile(s.path + SuffixOpenPGP)
	if err != nil {
		t.Fatal(err)
	}
	s.write(SuffixOpenPGP, asc)
	if v := s.verify(); v.Good || !strings.Contains(v.Reason, UnknownKey) {
		t.Errorf("%+v", v)
	}
	s.write(SuffixOpenPGP, own)
	// A stranger's signature under our key ID.
	mine := s.keys
	s.keys = foreign
	line := s.envelope(statementFor(artifactName, artifactText), func(e *Envelope) { e.Signatures[0].KeyID = mine.KeyID() })
	s.lines(line)
	if v := s.verify(); v.Good || !strings.Contains(v.Reason, "trusted key") {
		t.Errorf("%+v", v)
	}
	s.set = &KeySet{}
	if v := s.verify(); v.Good || !strings.Contains(v.Reason, "no key to check it with") {
		t.Errorf("%+v", v)
	}
	if v := VerifyArtifact(context.Background(), s.path, nil, testNow); v.Good {
		t.Errorf("%+v", v)
	}
}

func TestVerifyWithOneKindOfKey(t *testing.T) {
	s := newSigned(t, artifactName, artifactText)
	only := func(export func() ([]byte, error)) *KeySet {
		data, err := export()
		set := &KeySet{}
		if err == nil {
			err = set.Add("k", data)
		}
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	s.set = only(s.keys.ExportPEM)
	if v := s.verify(); !v.Good || !v.Signed || v.OpenPGP != "" || len(v.Notes) != 1 {
		t.Errorf("%+v", v)
	}
	os.Remove(s.path + SuffixOpenPGP)
	if v := s.verify(); !v.Good || len(v.Notes) != 0 {
		t.Errorf("%+v", v)
	}
	s = newSigned(t, artifactName, artifactText)
	s.set = only(s.keys.ExportOpenPGP)
	if v := s.verify(); !v.Good || v.Signed || v.OpenPGP == "" || len(v.Notes) != 1 {
		t.Errorf("%+v", v)
	}
	// Even a statement that nobody vouches for must be about the file.
	s.lines(s.envelope(statementFor("b", artifactText)))
	if v := s.verify(); v.Good {
		t.Errorf("%+v", v)
	}
}

// TestKeysCountForTheirPackage has a key that is trusted for one package sign another.
func TestKeysCountForTheirPackage(t *testing.T) {
	for name, good := range map[string]bool{"zlib": true, "zlib-ng": false, "zli": false, "": true, "1.3": false} {
		s, folder := newSigned(t, "zlib-1.3-h1_0.conda", artifactText), filepath.Join(t.TempDir(), "keys")
		if err := os.MkdirAll(filepath.Join(folder, name), 0o755); err != nil {
			t.Fatal(err)
		}
		for file, export := range map[string]func() ([]byte, error){"k.pem": s.keys.ExportPEM, "k.asc": s.keys.ExportOpenPGP} {
			data, err := export()
			if err == nil {
				err = os.WriteFile(filepath.Join(folder, name, file), data, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		s.set = &KeySet{}
		if err := s.set.AddFolder(folder); err != nil {
			t.Fatal(err)
		}
		if len(s.set.Keys()) != 2 || s.set.Keys()[0].Scope != name {
			t.Errorf("%+v", s.set.Keys())
		}
		if v := s.verify(); v.Good != good {
			t.Errorf("%q: %+v", name, v)
		}
	}
}

func pemOf(t *testing.T, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func TestECDSAStatements(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := newSigned(t, artifactName, artifactText)
	s.set = &KeySet{}
	if err := s.set.Add("k", pemOf(t, &key.PublicKey)); err != nil {
		t.Fatal(err)
	}
	payload := statementFor(artifactName, artifactText)
	sign := func(message []byte) func(*Envelope) {
		return func(e *Envelope) {
			h := sha256.Sum256(message)
			sig, err := ecdsa.SignASN1(rand.Reader, key, h[:])
			if err != nil {
				t.Fatal(err)
			}
			e.Signatures[0].Sig = base64.StdEncoding.EncodeToString(sig)
		}
	}
	s.lines(s.envelope(payload, sign(PAE(PayloadInToto, []byte(payload)))))
	if v := s.verify(); !v.Good {
		t.Errorf("%+v", v)
	}
	s.lines(s.envelope(payload, sign([]byte(payload))))
	if v := s.verify(); v.Good {
		t.Errorf("%+v", v)
	}
}

func TestKeySetRefuses(t *testing.T) {
	keys := newKeys(t)
	secret := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(keys.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := keys.ExportPEM()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(public)
	for name, data := range map[string][]byte{
		"nothing":                 nil,
		"text":                    []byte("ssh-ed25519 AAAA"),
		"private PEM":             secret(ed25519File),
		"private OpenPGP":         secret(openpgpFile),
		"RSA":                     pemOf(t, &rsaKey.PublicKey),
		"P-384":                   pemOf(t, &p384.PublicKey),
		"certificate":             pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes}),
		"Ed25519 in an RSA block": pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: block.Bytes}),
		"good, then private":      append(bytes.Clone(public), secret(ed25519File)...),
		"OpenPGP signature":       armourOf(t, []byte{0x88, 0}, nil),
		"OpenPGP garbage":         []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"),
		"binary garbage":          {0x99, 0, 1, 2},
		"endless":                 make([]byte, maxKeyFile+1),
	} {
		set := &KeySet{}
		if err := set.Add("there", data); err == nil || !strings.Contains(err.Error(), "there") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseStrict(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":null}]}`, `{"a":1,"a":2}`, `1e999`, `"\ud800"`, `[[[`, " {\"a\\\"\\u0041\" : [ -1.5e+3 , true,false ,null,[],{} ] }\n", "\"\x7f\u2028\"", `{"a":1,"\u0061":2}`, `1 2`, `123456789012345678901`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := parseStrict(data)
		if err != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatal("it is not JSON")
		}
		var want any
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		if err := dec.Decode(&want); err != nil || !reflect.DeepEqual(v, want) {
			t.Fatalf("%v, encoding/json has %v %v", v, want, err)
		}
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if w, err := parseStrict(again); err != nil || fmt.Sprint(v) != fmt.Sprint(w) {
			t.Fatal(err, v, w)
		}
	})
}
