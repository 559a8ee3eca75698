package trust

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// logEntry is what a bundle says of an entry in a log of signatures
// (https://github.com/sigstore/protobuf-specs, sigstore_rekor.proto).
type logEntry struct {
	logID         []byte
	index         int64 // among all of the log's trees; the promise or the proof vouches for it
	kind, version string
	integrated    int64 // seconds; only the promise vouches for it
	promise       []byte
	proof         *inclusionProof
	body          []byte
}

// inclusionProof leads from an entry to a tree's root, which the log signed in the checkpoint.
type inclusionProof struct {
	index, size int64
	root        []byte
	hashes      tlog.RecordProof
	checkpoint  string
}

func readEntries(list []any) ([]logEntry, error) {
	if len(list) == 0 {
		return nil, errors.New("it names no entry in a log of signatures")
	}
	if len(list) > maxEntries {
		return nil, fmt.Errorf("it names more than %d log entries", maxEntries)
	}
	var entries []logEntry
	for _, one := range list {
		e, err := readEntry(asObject(one))
		if err != nil {
			return nil, fmt.Errorf("its log entry: %w", err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func readEntry(o object) (e logEntry, err error) {
	if e.logID, err = o.object("logId").bytes("keyId"); err != nil {
		return e, err
	}
	if e.index, err = o.number("logIndex"); err != nil {
		return e, err
	}
	if e.integrated, err = o.number("integratedTime"); err != nil {
		return e, err
	}
	e.kind, e.version = o.object("kindVersion").text("kind"), o.object("kindVersion").text("version")
	if e.body, err = o.bytes("canonicalizedBody"); err != nil {
		return e, err
	}
	if promise := o.object("inclusionPromise"); promise["signedEntryTimestamp"] != nil {
		if e.promise, err = promise.bytes("signedEntryTimestamp"); err != nil {
			return e, err
		}
	}
	if o["inclusionProof"] != nil {
		e.proof, err = readProof(o.object("inclusionProof"))
	}
	return e, err
}

func readProof(o object) (*inclusionProof, error) {
	p := &inclusionProof{checkpoint: o.object("checkpoint").text("envelope")}
	var err error
	if p.index, err = o.number("logIndex"); err != nil {
		return nil, err
	}
	if p.size, err = o.number("treeSize"); err != nil {
		return nil, err
	}
	if p.root, err = o.bytes("rootHash"); err != nil {
		return nil, err
	}
	list := o.list("hashes")
	if len(list) > 64 {
		return nil, errors.New("its inclusion proof has more than 64 hashes")
	}
	for _, one := range list {
		raw, err := decode64(one)
		if err != nil || len(raw) != tlog.HashSize {
			return nil, errors.New("a hash of its inclusion proof is not 32 bytes of base64")
		}
		p.hashes = append(p.hashes, tlog.Hash(raw))
	}
	return p, nil
}

// verify wants the entry to be one of a log of the root, by the log's promise, by proof or both, whatever
// is there. It returns the time that the log vouches for, zero if it does not, and the log.
func (e *logEntry) verify(r *TrustedRoot, needsProof bool) (at time.Time, log transparencyLog, err error) {
	logs := logsNamed(r.logs, e.logID)
	if len(logs) == 0 {
		return at, log, fmt.Errorf("its log entry is in a log that the trusted root does not name, %x", e.logID)
	}
	log = logs[0]
	if e.proof == nil && (needsProof || e.promise == nil) {
		return at, log, errors.New("its log entry has no proof that it is in the log")
	}
	if e.promise != nil {
		if !verifySignature(log.key, e.promised(), e.promise) {
			return at, log, errors.New("the promise of its log entry is not the log's signature over that entry")
		}
		at = time.Unix(e.integrated, 0).UTC()
	}
	if e.promise == nil && e.index != e.proof.index {
		return at, log, fmt.Errorf("its log entry is said to be number %d in the log, and its proof is of number %d", e.index, e.proof.index)
	}
	if e.proof != nil {
		if err := e.proof.verify(log, e.body); err != nil {
			return at, log, fmt.Errorf("the inclusion proof of its log entry: %w", err)
		}
	}
	return at, log, nil
}

// promised is what a log signs to promise that it will include the entry: canonical JSON (RFC 8785).
func (e *logEntry) promised() []byte {
	text, err := json.Marshal(struct {
		Body       string `json:"body"`
		Integrated int64  `json:"integratedTime"`
		Log        string `json:"logID"`
		Index      int64  `json:"logIndex"`
	}{base64.StdEncoding.EncodeToString(e.body), e.integrated, hex.EncodeToString(e.logID), e.index})
	if err != nil {
		return nil
	}
	return text
}

// verify wants the checkpoint to be the log's, to be about this tree, and body to be in that.
func (p *inclusionProof) verify(log transparencyLog, body []byte) error {
	key := noteKey{log, ""}
	signed, err := note.Open([]byte(p.checkpoint), key)
	if err != nil {
		return fmt.Errorf("its checkpoint is not signed by the log %s: %w", log.url, err)
	}
	// https://github.com/C2SP/C2SP/blob/main/tlog-checkpoint.md: origin, size, hash, and lines for others.
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 || lines[0] == "" {
		return errors.New("its checkpoint has no origin, size and hash")
	}
	if lines[1] != strconv.FormatInt(p.size, 10) || lines[2] != base64.StdEncoding.EncodeToString(p.root) {
		return errors.New("its checkpoint is of another tree")
	}
	if len(p.root) != tlog.HashSize || p.index >= p.size {
		return errors.New("it is outside of its tree")
	}
	if err := tlog.CheckRecord(p.hashes, p.size, tlog.Hash(p.root), p.index, tlog.RecordHash(body)); err != nil {
		return errors.New("it does not lead from the entry to the tree's root")
	}
	return nil
}

// noteKey lets a log's key verify signed notes: the name before a signature is only a hint, as the start of
// the key's id is; who signed is decided by the key.
type noteKey struct {
	log  transparencyLog
	name string
}

func (k noteKey) Name() string                { return k.name }
func (k noteKey) KeyHash() uint32             { return binary.BigEndian.Uint32(k.log.id) }
func (k noteKey) Verify(msg, sig []byte) bool { return verifySignature(k.log.key, msg, sig) }

// Verifier implements note.Verifiers.
func (k noteKey) Verifier(name string, hash uint32) (note.Verifier, error) {
	if hash != k.KeyHash() {
		return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
	}
	return noteKey{k.log, name}, nil
}

// entryFields are what a log entry records of one signature, by its kind.
type entryFields struct {
	algorithm string // of digest
	digest    []byte // of the payload, or of what is signed
	overAll   bool   // digest is of what is signed: the encoding around the payload
	signature []byte
	signer    []byte // DER of the certificate
}

// isAbout wants the entry to record this very signature by this certificate over these bytes: that an entry
// is in the log says nothing of others (CVE-2026-22703, CVE-2022-36056).
func (e *logEntry) isAbout(b *sigstoreBundle, file Artifact) error {
	f, err := e.fields()
	if err != nil {
		return fmt.Errorf("its log entry is refused: %w", err)
	}
	var want []byte
	switch {
	case f.algorithm != "sha256" && f.algorithm != "SHA2_256":
		return fmt.Errorf("its log entry has a digest by %q, want sha256", clip(f.algorithm))
	case b.envelope == nil && !f.overAll:
		return errors.New("its log entry is about an envelope, and there is none")
	case b.envelope == nil:
		want = file.SHA256[:]
	case f.overAll && e.version == "0.0.1":
		return errors.New("its log entry is of a kind that is for plain signatures")
	case f.overAll:
		want = sha256Of(PAE(b.envelope.payloadType, b.envelope.payload))
	default:
		want = sha256Of(b.envelope.payload)
	}
	if !bytes.Equal(f.digest, want) || !bytes.Equal(f.signature, b.signature) {
		return errors.New("its log entry is about another signature")
	}
	if !bytes.Equal(f.signer, b.leaf.Raw) {
		return errors.New("its log entry is about a signature by another certificate")
	}
	return nil
}

// fields reads the body of an entry of a known kind.
func (e *logEntry) fields() (f entryFields, err error) {
	v, err := parseStrict(e.body)
	if err != nil {
		return f, err
	}
	o := asObject(v)
	if o.text("kind") != e.kind || o.text("apiVersion") != e.version {
		return f, fmt.Errorf("it is said to be %s %s and is %s %s", clip(e.kind), clip(e.version), clip(o.text("kind")), clip(o.text("apiVersion")))
	}
	spec := o.object("spec")
	switch e.kind + " " + e.version {
	case "hashedrekord 0.0.1":
		sig := spec.object("signature")
		f, err = entryV1(spec.object("data").object("hash"), sig, "content", sig.object("publicKey"), "content")
		f.overAll = true
	case "dsse 0.0.1":
		sig, err := single(spec.list("signatures"))
		if err != nil {
			return f, err
		}
		return entryV1(spec.object("payloadHash"), sig, "signature", sig, "verifier")
	case "intoto 0.0.2":
		sig, err := single(spec.object("content").object("envelope").list("signatures"))
		if err != nil {
			return f, err
		}
		if f, err = entryV1(spec.object("content").object("payloadHash"), sig, "sig", sig, "publicKey"); err != nil {
			return f, err
		}
		f.signature, err = decode64(string(f.signature)) // this kind encodes it twice
		return f, err
	case "hashedrekord 0.0.2":
		spec = spec.object("hashedRekordV002")
		f, err = entryV2(spec.object("data"), spec.object("signature"))
		f.overAll = true
	default:
		return f, fmt.Errorf("its kind %s %s is not known", clip(e.kind), clip(e.version))
	}
	return f, err
}

func single(list []any) (object, error) {
	if len(list) != 1 {
		return nil, fmt.Errorf("it records %d signatures, want one", len(list))
	}
	return asObject(list[0]), nil
}

// entryV1 reads the parts of an entry of Rekor 1: a hash in hex, the certificate in PEM.
func entryV1(hash, sig object, sigKey string, signer object, signerKey string) (f entryFields, err error) {
	f.algorithm = hash.text("algorithm")
	if f.digest, err = hex.DecodeString(hash.text("value")); err != nil {
		return f, errors.New("its digest is not in hex")
	}
	if f.signature, err = sig.bytes(sigKey); err != nil {
		return f, err
	}
	text, err := signer.bytes(signerKey)
	if err != nil {
		return f, err
	}
	f.signer, err = onePEM(text)
	return f, err
}

// entryV2 reads the parts of an entry of Rekor 2.
func entryV2(hash, sig object) (f entryFields, err error) {
	f.algorithm = hash.text("algorithm")
	if f.digest, err = hash.bytes("digest"); err != nil {
		return f, err
	}
	if f.signature, err = sig.bytes("content"); err != nil {
		return f, err
	}
	f.signer, err = sig.object("verifier").object("x509Certificate").bytes("rawBytes")
	return f, err
}
