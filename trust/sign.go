package trust

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	circl "github.com/cloudflare/circl/sign/ed25519"
)

// PAE is DSSE's pre-authentication encoding: the bytes that are signed.
func PAE(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// SignStatement wraps payload into an envelope with one Ed25519 signature over its PAE.
func (k *Keys) SignStatement(_ context.Context, payloadType string, payload []byte) (Envelope, error) {
	sig := circl.Sign(circl.PrivateKey(k.private), PAE(payloadType, payload))
	return Envelope{
		PayloadType: payloadType,
		Payload:     base64.StdEncoding.EncodeToString(payload),
		Signatures:  []EnvelopeSignature{{KeyID: k.KeyID(), Sig: base64.StdEncoding.EncodeToString(sig)}},
	}, nil
}

// SignDetached returns the armoured OpenPGP signature over the bytes of the file at path, made at the
// time of k.Clock. It fails where that is before the key was made: verifiers would refuse it.
func (k *Keys) SignDetached(ctx context.Context, path string) ([]byte, error) {
	now := k.Clock()
	if now.Before(k.Created()) {
		return nil, fmt.Errorf("sign %s: the clock says %s, but the key was made at %s: set the clock", path, stamp(now), stamp(k.Created()))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	defer f.Close()
	var raw bytes.Buffer
	// DetachSign and our own armour: ArmoredDetachSign leaves out the checksum that gpg 2.2 needs.
	if err := openpgp.DetachSign(&raw, []*openpgp.Entity{k.pgp}, reader{ctx, f}, pgpConfig(now)); err != nil {
		return nil, fmt.Errorf("sign %s: %w", path, err)
	}
	return armoured(openpgp.SignatureType, func(w io.Writer) error {
		_, err := w.Write(raw.Bytes())
		return err
	})
}

// reader stops reading when ctx ends.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
