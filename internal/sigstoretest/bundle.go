package sigstoretest

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"strconv"
	"time"

	"github.com/digitorus/timestamp"
	"golang.org/x/mod/sumdb/tlog"
)

// The two kinds of statement that vouch for a source.
const (
	Provenance = "https://slsa.dev/provenance/v1"
	Publish    = "https://docs.pypi" + ".org/attestations/publish/v1"
)

// Statement is an in-toto statement about one file.
func Statement(predicate, name string, file []byte) Object {
	return Object{"_type": "https://in-toto.io/Statement/v1", "predicateType": predicate, "predicate": Object{},
		"subject": []any{Object{"name": name, "digest": Object{"sha256": fmt.Sprintf("%x", sha256.Sum256(file))}}}}
}

// Entry says how a signature is recorded in the log.
type Entry struct {
	Kind, Version string    // "dsse" "0.0.1" if empty
	At            time.Time // of the log's promise; the signer's if zero
	NoPromise     bool
	NoProof       bool
	Stamped       time.Time // a time stamp of then, if not zero
}

// Bundle signs a statement and logs it. The bundle is of version 0.3; the JSON is protobuf's.
func (i *Instance) Bundle(s Signer, statement Object, e Entry) (Object, error) {
	c, key, err := i.Certificate(s)
	if err != nil {
		return nil, err
	}
	payload := JSON(statement)
	signature := sign(key, encoding(payload))
	if e.At.IsZero() {
		e.At = s.At
	}
	material := Object{"certificate": Object{"rawBytes": c.Raw}, "tlogEntries": []any{i.entry(c, payload, signature, e)}}
	if !e.Stamped.IsZero() {
		stamp, err := i.stamp(signature, e.Stamped)
		if err != nil {
			return nil, err
		}
		material["timestampVerificationData"] = Object{"rfc3161Timestamps": []any{Object{"signedTimestamp": stamp}}}
	}
	return Object{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": material,
		"dsseEnvelope": Object{"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []any{Object{"sig": signature}}}}, nil
}

// FileSignature signs a file itself, which attests nothing.
func (i *Instance) FileSignature(s Signer, file []byte) (Object, error) {
	c, key, err := i.Certificate(s)
	if err != nil {
		return nil, err
	}
	sum, signature := sha256.Sum256(file), sign(key, file)
	body := JSON(Object{"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": Object{"data": hashOf(file), "signature": Object{"content": signature, "publicKey": Object{"content": pemOf(c)}}}})
	return Object{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
		"verificationMaterial": Object{"certificate": Object{"rawBytes": c.Raw}, "tlogEntries": []any{i.logEntry("hashedrekord", "0.0.1", body, Entry{At: s.At})}},
		"messageSignature":     Object{"messageDigest": Object{"algorithm": "SHA2_256", "digest": sum[:]}, "signature": signature}}, nil
}

// PEP740 is a bundle as a Python index shows it, in a provenance object.
func PEP740(bundle Object) Object {
	material, envelope := bundle["verificationMaterial"].(Object), bundle["dsseEnvelope"].(Object)
	return Object{"version": 1, "attestation_bundles": []any{Object{"publisher": Object{"kind": "GitHub"}, "attestations": []any{Object{"version": 1,
		"verification_material": Object{"certificate": material["certificate"].(Object)["rawBytes"], "transparency_entries": material["tlogEntries"]},
		"envelope":              Object{"statement": envelope["payload"], "signature": envelope["signatures"].([]any)[0].(Object)["sig"]}}}}}}
}

// encoding is DSSE's, of an in-toto payload.
func encoding(payload []byte) []byte {
	return append([]byte("DSSEv1 28 application/vnd.in-toto+json "+strconv.Itoa(len(payload))+" "), payload...)
}

func hashOf(b []byte) Object {
	return Object{"hash": Object{"algorithm": "sha256", "value": fmt.Sprintf("%x", sha256.Sum256(b))}}
}

func pemOf(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func (i *Instance) entry(c *x509.Certificate, payload, signature []byte, e Entry) Object {
	if e.Kind == "" {
		e.Kind, e.Version = "dsse", "0.0.1"
	}
	signedHash := sha256.Sum256(encoding(payload))
	v2 := Object{"content": signature, "verifier": Object{"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": Object{"rawBytes": c.Raw}}}
	spec := Object{}
	switch e.Kind + " " + e.Version {
	case "dsse 0.0.1":
		spec = Object{"envelopeHash": hashOf(signature)["hash"], "payloadHash": hashOf(payload)["hash"], "signatures": []any{Object{"signature": signature, "verifier": pemOf(c)}}}
	case "intoto 0.0.2":
		twice := []byte(base64.StdEncoding.EncodeToString(signature))
		spec = Object{"content": Object{"hash": hashOf(signature)["hash"], "payloadHash": hashOf(payload)["hash"], "envelope": Object{"payloadType": "application/vnd.in-toto+json", "signatures": []any{Object{"sig": twice, "publicKey": pemOf(c)}}}}}
	case "hashedrekord 0.0.1":
		spec = Object{"data": hashOf(encoding(payload)), "signature": Object{"content": signature, "publicKey": Object{"content": pemOf(c)}}}
	case "hashedrekord 0.0.2":
		spec = Object{"hashedRekordV002": Object{"data": Object{"algorithm": "SHA2_256", "digest": signedHash[:]}, "signature": v2}}
	}
	return i.logEntry(e.Kind, e.Version, JSON(Object{"apiVersion": e.Version, "kind": e.Kind, "spec": spec}), e)
}

// logEntry puts body into a small log, in the middle of others.
func (i *Instance) logEntry(kind, version string, body []byte, e Entry) Object {
	_, id := public(i.logKey)
	o := Object{"logIndex": "5", "logId": Object{"keyId": id}, "kindVersion": Object{"kind": kind, "version": version}, "canonicalizedBody": body}
	if !e.NoPromise {
		o["integratedTime"] = strconv.FormatInt(e.At.Unix(), 10)
		o["inclusionPromise"] = Object{"signedEntryTimestamp": sign(i.logKey, fmt.Appendf(nil, `{"body":"%s","integratedTime":%d,"logID":"%s","logIndex":5}`,
			base64.StdEncoding.EncodeToString(body), e.At.Unix(), hex.EncodeToString(id)))}
	}
	if !e.NoProof {
		o["inclusionProof"] = i.proof(kind+" "+version, body)
	}
	return o
}

// tree holds the hashes of a log.
type tree []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (t *tree) ReadHashes(at []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(at))
	for n, i := range at {
		if i >= int64(len(*t)) {
			return nil, fmt.Errorf("no hash %d", i)
		}
		list[n] = (*t)[i]
	}
	return list, nil
}

func (i *Instance) proof(kind string, body []byte) Object {
	const size, index = 11, 5
	var log tree
	for n := range int64(size) {
		data := fmt.Appendf(nil, "entry %d", n)
		if n == index {
			data = body
		}
		hashes, err := tlog.StoredHashes(n, data, &log)
		if err != nil {
			panic(err) // the tree has all that is asked for
		}
		log = append(log, hashes...)
	}
	root, err := tlog.TreeHash(size, &log)
	if err != nil {
		panic(err)
	}
	path, err := tlog.ProveRecord(size, index, &log)
	if err != nil {
		panic(err)
	}
	hashes := []any{}
	for _, h := range path {
		hashes = append(hashes, h[:])
	}
	return Object{"logIndex": "5", "treeSize": "11", "rootHash": root[:], "hashes": hashes, "checkpoint": Object{"envelope": i.checkpoint(kind, size, root)}}
}

// checkpoint signs the head of a tree (https://github.com/C2SP/C2SP/blob/main/tlog-checkpoint.md). The first
// log's origin has the number of the tree.
func (i *Instance) checkpoint(kind string, size int64, root tlog.Hash) string {
	origin := i.logName
	if kind != "hashedrekord 0.0.2" {
		origin += " - 2605736670972794746"
	}
	_, id := public(i.logKey)
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, root)
	return text + "\n— " + i.logName + " " + base64.StdEncoding.EncodeToString(append(bytes.Clone(id[:4]), sign(i.logKey, []byte(text))...)) + "\n"
}

// stamp is an RFC 3161 time stamp over a signature.
func (i *Instance) stamp(signature []byte, at time.Time) ([]byte, error) {
	sum := sha256.Sum256(signature)
	t := timestamp.Timestamp{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Time: at, SerialNumber: big.NewInt(1), Policy: []int{1, 2, 3}, Accuracy: time.Second}
	return t.CreateResponseWithOpts(i.stamper, i.stamperKey, crypto.SHA256)
}
