package trust

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"forge/digest"
)

// The statement and predicate types we know.
const (
	// StatementType is in-toto's attestation framework, version 1 (https://in-toto.io/Statement/v1).
	StatementType = "https://in-toto.io/Statement/v1"
	// PredicateSLSA is SLSA provenance, version 1 (https://slsa.dev/spec/v1.0/provenance).
	PredicateSLSA = "https://slsa.dev/provenance/v1"
	// PredicatePublish is CEP 27's publish attestation.
	PredicatePublish = "https://schemas.conda.org/attestations-publish-1.schema.json"
	// PredicateTests is in-toto's test result (https://in-toto.io/attestation/test-result/v0.1).
	PredicateTests = "https://in-toto.io/attestation/test-result/v0.1"
)

// statement is what every statement says, whatever its predicate.
type statement struct {
	predicate string
	subject   string
	sha256    digest.Digest
}

// CheckStatement wants payload to be an in-toto Statement v1 of a known kind about the file of that name
// with that sha256 and about nothing else, and returns its predicate type.
func CheckStatement(payload []byte, name string, sha256 digest.Digest) (predicate string, err error) {
	s, err := readStatement(payload)
	if err != nil {
		return "", fmt.Errorf("the statement is refused: %w", err)
	}
	if s.subject != name {
		return "", fmt.Errorf("the statement is about %q, not about %s", clip(s.subject), name)
	}
	if s.sha256 != sha256 {
		return "", fmt.Errorf("the statement is about other bytes: it says sha256 %s, the file has %s", s.sha256.Hex(), sha256.Hex())
	}
	return s.predicate, nil
}

// PredicateOf is the predicate type of the statement in an envelope that names a key as its signer's; empty
// where that cannot be told. Nothing is checked by it.
func PredicateOf(envelope []byte, keyID string) string {
	var e Envelope
	if json.Unmarshal(envelope, &e) != nil || !slices.ContainsFunc(e.Signatures, func(s EnvelopeSignature) bool { return s.KeyID == keyID }) {
		return ""
	}
	_, payload, _, err := openEnvelope(envelope)
	if err != nil {
		return ""
	}
	s, err := readStatement(payload)
	if err != nil {
		return ""
	}
	return s.predicate
}

// openEnvelope reads one line of an .intoto.jsonl file strictly and returns its parts, decoded.
func openEnvelope(line []byte) (payloadType string, payload []byte, sigs [][]byte, err error) {
	v, err := parseStrict(line)
	if err != nil {
		return "", nil, nil, err
	}
	object, _ := v.(map[string]any)
	payloadType, _ = object["payloadType"].(string)
	if payloadType != PayloadInToto {
		return "", nil, nil, fmt.Errorf("its payloadType is %q, want %q", payloadType, PayloadInToto)
	}
	if payload, err = decode64(object["payload"]); err != nil {
		return "", nil, nil, fmt.Errorf("its payload %w", err)
	}
	list, _ := object["signatures"].([]any)
	if len(list) == 0 {
		return "", nil, nil, errors.New("it has no signature")
	}
	if len(list) > maxSignatures {
		return "", nil, nil, fmt.Errorf("it has more than %d signatures", maxSignatures)
	}
	for _, item := range list {
		one, _ := item.(map[string]any)
		sig, err := decode64(one["sig"])
		if err != nil {
			return "", nil, nil, fmt.Errorf("a signature of it %w", err)
		}
		sigs = append(sigs, sig)
	}
	return payloadType, payload, sigs, nil
}

// maxSignatures bounds the work one envelope or .asc asks for.
const maxSignatures = 32

// decode64 reads standard base64 in its one canonical spelling: the decoder alone skips line ends.
func decode64(v any) ([]byte, error) {
	text, ok := v.(string)
	if !ok || text == "" {
		return nil, errors.New("is missing")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(raw) != text {
		return nil, errors.New("is not standard base64")
	}
	return raw, nil
}

// readStatement reads what is common to all in-toto statements. One subject, by one sha256 (CEP 27).
func readStatement(payload []byte) (statement, error) {
	var s statement
	v, err := parseStrict(payload)
	if err != nil {
		return s, err
	}
	object, _ := v.(map[string]any)
	if kind, _ := object["_type"].(string); kind != StatementType {
		return s, fmt.Errorf("its _type is %q, want %q", kind, StatementType)
	}
	s.predicate, _ = object["predicateType"].(string)
	if s.predicate != PredicateSLSA && s.predicate != PredicatePublish && s.predicate != PredicateTests {
		return s, fmt.Errorf("its predicateType %q is not known", s.predicate)
	}
	if _, ok := object["predicate"].(map[string]any); !ok {
		return s, errors.New("it has no predicate")
	}
	subjects, _ := object["subject"].([]any)
	if len(subjects) != 1 {
		return s, fmt.Errorf("it has %d subjects, want exactly one", len(subjects))
	}
	subject, _ := subjects[0].(map[string]any)
	if s.subject, _ = subject["name"].(string); s.subject == "" {
		return s, errors.New("its subject has no name")
	}
	s.sha256, err = subjectDigest(subject["digest"])
	return s, err
}

func subjectDigest(v any) (digest.Digest, error) {
	digests, _ := v.(map[string]any)
	hex, ok := digests["sha256"].(string)
	if !ok || len(digests) != 1 {
		return digest.Digest{}, errors.New("its subject is not named by exactly one sha256")
	}
	d, err := digest.Parse(hex)
	if err != nil || d.Hex() != hex {
		return digest.Digest{}, fmt.Errorf("its subject's sha256 %q is not 64 lower case hex digits", clip(hex))
	}
	return d, nil
}

// clip shortens a stranger's text for a message.
func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
