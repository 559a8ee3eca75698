package trust

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/rand/v2"
	"testing"
)

// Keys and signatures of envelopes are those of crypto/ed25519, to the byte.
func TestEd25519AsStandardLibrary(t *testing.T) {
	random := rand.NewChaCha8([32]byte{})
	for i := range 50 {
		raw, err := newEd25519(random)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(raw)
		if !bytes.HasPrefix(block.Bytes, []byte(pkcs8Ed25519)) {
			t.Fatalf("a key of ours has another layout: %x", block.Bytes)
		}
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		want := parsed.(ed25519.PrivateKey)
		got, err := parseEd25519(raw)
		if err != nil || !want.Equal(got) {
			t.Fatalf("another key than crypto/x509 reads: %v", err)
		}
		message := make([]byte, i*37)
		random.Read(message)
		e, err := (&Keys{private: got}).SignStatement(context.Background(), "t", message)
		if err != nil {
			t.Fatal(err)
		}
		if sig := base64.StdEncoding.EncodeToString(ed25519.Sign(want, PAE("t", message))); e.Signatures[0].Sig != sig {
			t.Errorf("signature %s, want %s", e.Signatures[0].Sig, sig)
		}
	}
}
