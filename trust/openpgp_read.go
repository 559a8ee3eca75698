package trust

import (
	"bytes"
	"errors"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

const (
	armourBegin = "-----BEGIN "
	armourSig   = "-----BEGIN PGP SIGNATURE-----"
	armourEnd   = "-----END PGP SIGNATURE-----"
)

// readSignatures reads a detached signature: binary, or armoured in one block or several with nothing
// around them. Signatures that we cannot read are left out; the refusal tells of the last one.
func readSignatures(data []byte) ([]*packet.Signature, *Refusal) {
	if len(data) > maxSignature {
		return nil, refuse(Malformed, "it is larger than %d bytes", maxSignature)
	}
	raw, refusal := dearmour(data)
	if refusal != nil {
		return nil, refusal
	}
	var found []*packet.Signature
	packets := packet.NewOpaqueReader(bytes.NewReader(raw))
	for n := 0; ; n++ {
		p, err := packets.Next()
		if err == io.EOF && n > 0 {
			return found, refusal
		}
		if err != nil {
			return nil, refuse(Malformed, "it is not an OpenPGP signature")
		}
		if n == maxSignatures {
			return nil, refuse(Malformed, "it holds more than %d packets", maxSignatures)
		}
		if p.Tag != 2 {
			return nil, refuse(Malformed, "it holds a packet that is no signature (tag %d)", p.Tag)
		}
		s, r := parseSignature(p)
		if r != nil {
			refusal = r
			continue
		}
		found = append(found, s)
	}
}

func dearmour(data []byte) ([]byte, *Refusal) {
	text := bytes.TrimSpace(data)
	if !bytes.HasPrefix(text, []byte("-----")) {
		if bytes.Contains(text, []byte(armourBegin)) {
			return nil, refuse(Malformed, "text stands before the signature")
		}
		return data, nil
	}
	var raw []byte
	for len(text) > 0 {
		if !bytes.HasPrefix(text, []byte(armourSig)) {
			return nil, refuse(Malformed, "it is not a detached signature (a %s block and nothing else)", openpgp.SignatureType)
		}
		end := bytes.Index(text, []byte(armourEnd))
		if end < 0 {
			return nil, refuse(Malformed, "its armour does not end")
		}
		end += len(armourEnd)
		block, err := armor.Decode(bytes.NewReader(append(bytes.Clone(text[:end]), '\n')))
		if err != nil {
			return nil, refuse(Malformed, "its armour cannot be read")
		}
		one, err := io.ReadAll(block.Body)
		if err != nil {
			return nil, refuse(Malformed, "its armour is damaged")
		}
		raw, text = append(raw, one...), bytes.TrimSpace(text[end:])
	}
	return raw, nil
}

// parseSignature reads one packet. The library gives up on old hashes without saying so; we look first.
func parseSignature(p *packet.OpaquePacket) (*packet.Signature, *Refusal) {
	if name := weakHashOf(p.Contents); name != "" {
		return nil, refuse(WeakHash, "it is made with %s", name)
	}
	if len(p.Contents) > 0 && p.Contents[0] < 4 {
		return nil, refuse(Malformed, "it is a signature of version %d, which is obsolete (RFC 9580 wants 4 or 6)", p.Contents[0])
	}
	parsed, err := p.Parse()
	var unsupported pgperrors.UnsupportedError
	if errors.As(err, &unsupported) {
		return nil, refuse(Malformed, "it is of a kind that is not supported (%s)", string(unsupported))
	}
	s, ok := parsed.(*packet.Signature)
	if err != nil || !ok {
		return nil, refuse(Malformed, "it is not an OpenPGP signature")
	}
	return s, nil
}

// weakHashOf returns the name of the hash if it is one that no exception brings back (RFC 9580, section 9.5).
func weakHashOf(contents []byte) string {
	at := 3 // version 4 and later: version, type, key algorithm, hash algorithm
	if len(contents) > 0 && contents[0] < 4 {
		at = 16 // version 3 has a length, the time and the key ID between them
	}
	if len(contents) <= at {
		return ""
	}
	switch contents[at] {
	case 1:
		return "MD5"
	case 3:
		return "RIPEMD-160"
	}
	return ""
}
