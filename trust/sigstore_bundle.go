package trust

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// Limits of what one answer may hold.
const (
	maxBundle  = 16 << 20 // bytes
	maxBundles = 64
	maxEntries = 8 // log entries, time stamps
	maxChain   = 16
)

// sigstoreBundle is a Sigstore bundle
// (https://github.com/sigstore/protobuf-specs, sigstore_bundle.proto), read and not checked.
type sigstoreBundle struct {
	unreadable error // why it is not to be looked at
	needsProof bool  // since version 0.2 a signed promise of the log alone does not do
	leaf       *x509.Certificate
	entries    []logEntry
	stamps     [][]byte // RFC 3161

	signature []byte
	envelope  *signedEnvelope // nil where the signature is one over the file itself
	digest    []byte          // of that file, by SHA-256
}

// signedEnvelope is the content of a DSSE envelope.
type signedEnvelope struct {
	payloadType string
	payload     []byte
}

// readBundles reads what may stand behind a bundle's address: a bundle; a list of them in "attestations",
// each in "bundle", as GitHub's and npm's registries give; or the provenance object of a Python index
// (https://packaging.python.org/en/latest/specifications/index-hosted-attestations/).
func readBundles(data []byte) ([]sigstoreBundle, error) {
	if len(data) > maxBundle {
		return nil, fmt.Errorf("it is larger than %d bytes", maxBundle)
	}
	v, err := parseStrict(data)
	if err != nil {
		return nil, err
	}
	top := asObject(v)
	read, list := readBundle, []any{}
	switch {
	case top["mediaType"] != nil:
		list = []any{v}
	case top["attestations"] != nil:
		for _, one := range top.list("attestations") {
			list = append(list, asObject(one)["bundle"])
		}
	case top["attestation_bundles"] != nil:
		read = readPEP740
		for _, by := range top.list("attestation_bundles") {
			list = append(list, asObject(by).list("attestations")...)
		}
	case top["verification_material"] != nil:
		read, list = readPEP740, []any{v}
	default:
		return nil, errors.New("it is neither a Sigstore bundle nor a list of attestations")
	}
	if len(list) == 0 || len(list) > maxBundles {
		return nil, fmt.Errorf("it holds %d attestations, want 1 to %d", len(list), maxBundles)
	}
	bundles := make([]sigstoreBundle, len(list))
	for i, one := range list {
		// One that cannot be read is no reason against its neighbours: npm's registry adds one of its own to
		// the publisher's.
		if bundles[i], err = read(asObject(one)); err != nil {
			bundles[i] = sigstoreBundle{unreadable: err}
		}
	}
	return bundles, nil
}

// errOwnKey tells of a bundle without a certificate.
var errOwnKey = errors.New("it is signed with a key that no certificate ties to a publisher")

func readBundle(o object) (b sigstoreBundle, err error) {
	version := bundleVersion(o.text("mediaType"))
	if version == "" {
		return b, fmt.Errorf("its mediaType %q is not known", clip(o.text("mediaType")))
	}
	b.needsProof = version != "0.1"
	material := o.object("verificationMaterial")
	if b.leaf, err = readLeaf(material, version); err != nil {
		return b, err
	}
	if b.entries, err = readEntries(material.list("tlogEntries")); err != nil {
		return b, err
	}
	stamps := material.object("timestampVerificationData").list("rfc3161Timestamps")
	if len(stamps) > maxEntries {
		return b, fmt.Errorf("it has more than %d time stamps", maxEntries)
	}
	for _, one := range stamps {
		stamp, err := asObject(one).bytes("signedTimestamp")
		if err != nil {
			return b, err
		}
		b.stamps = append(b.stamps, stamp)
	}
	if o["dsseEnvelope"] == nil {
		message := o.object("messageSignature")
		if b.digest, err = message.object("messageDigest").bytes("digest"); err != nil {
			return b, err
		}
		b.signature, err = message.bytes("signature")
		return b, err
	}
	if o["messageSignature"] != nil {
		return b, errors.New("it holds both an envelope and a plain signature")
	}
	b.envelope, b.signature, err = readEnvelope(o.object("dsseEnvelope"))
	return b, err
}

func bundleVersion(mediaType string) string {
	switch mediaType {
	case "application/vnd.dev.sigstore.bundle+json;version=0.1":
		return "0.1"
	case "application/vnd.dev.sigstore.bundle+json;version=0.2":
		return "0.2"
	case "application/vnd.dev.sigstore.bundle+json;version=0.3", "application/vnd.dev.sigstore.bundle.v0.3+json":
		return "0.3"
	}
	return ""
}

// readLeaf reads the signer's certificate. What else a chain of old bundles holds is not needed: the
// trusted root has the authorities.
func readLeaf(material object, version string) (*x509.Certificate, error) {
	list := material.object("x509CertificateChain").list("certificates")
	if material["certificate"] != nil {
		list = []any{material["certificate"]}
	} else if version == "0.3" && list != nil {
		return nil, errors.New("it holds a chain of certificates, where its version has one certificate")
	}
	if len(list) == 0 && material["publicKey"] != nil {
		return nil, errOwnKey
	}
	chain, err := readCertificates(list)
	if err != nil {
		return nil, err
	}
	if len(chain) == 0 {
		return nil, errors.New("it has no certificate")
	}
	for _, c := range chain {
		if c.CheckSignatureFrom(c) == nil {
			return nil, errors.New("it brings a root certificate of its own")
		}
	}
	return chain[0], nil
}

// readEnvelope reads a DSSE envelope with an in-toto statement and exactly one signature.
func readEnvelope(o object) (*signedEnvelope, []byte, error) {
	e := &signedEnvelope{payloadType: o.text("payloadType")}
	if e.payloadType != PayloadInToto {
		return nil, nil, fmt.Errorf("its payloadType is %q, want %q", clip(e.payloadType), PayloadInToto)
	}
	var err error
	if e.payload, err = o.bytes("payload"); err != nil {
		return nil, nil, err
	}
	sigs := o.list("signatures")
	if len(sigs) != 1 {
		return nil, nil, fmt.Errorf("it has %d signatures, want exactly one", len(sigs))
	}
	sig, err := asObject(sigs[0]).bytes("sig")
	return e, sig, err
}

// readPEP740 reads an attestation object of version 1 (PEP 740).
func readPEP740(o object) (b sigstoreBundle, err error) {
	if v, err := o.number("version"); err != nil || v != 1 {
		return b, errors.New("its version is not 1")
	}
	b.needsProof = true
	material, envelope := o.object("verification_material"), o.object("envelope")
	chain, err := readCertificates([]any{map[string]any{"rawBytes": material["certificate"]}})
	if err != nil {
		return b, err
	}
	b.leaf = chain[0]
	if b.entries, err = readEntries(material.list("transparency_entries")); err != nil {
		return b, err
	}
	b.envelope = &signedEnvelope{payloadType: PayloadInToto}
	if b.envelope.payload, err = envelope.bytes("statement"); err != nil {
		return b, err
	}
	b.signature, err = envelope.bytes("signature")
	return b, err
}

// attestsTo wants a payload to be a statement of a kind that vouches for a source, about file, and returns
// its predicate type.
func attestsTo(payload []byte, file Artifact) (predicate string, err error) {
	v, err := parseStrict(payload)
	if err != nil {
		return "", fmt.Errorf("its statement: %w", err)
	}
	o := asObject(v)
	if kind := o.text("_type"); kind != StatementType {
		return "", fmt.Errorf("the _type of its statement is %q, want %q", clip(kind), StatementType)
	}
	predicate = o.text("predicateType")
	subjects := o.list("subject")
	switch predicate {
	case PredicatePyPIPublish:
		if len(subjects) != 1 {
			return "", fmt.Errorf("it has %d subjects, and of its kind has one", len(subjects))
		}
	case PredicateSLSA:
		if o["predicate"] == nil {
			return "", errors.New("it has no predicate")
		}
	default:
		return "", fmt.Errorf("its predicateType is %q, which does not say where the file is from; wanted are %s and %s", clip(predicate), PredicateSLSA, PredicatePyPIPublish)
	}
	var others []string
	for _, s := range subjects {
		about, err := file.isNamed(asObject(s).object("digest"))
		if err != nil {
			return "", fmt.Errorf("its subject %q: %w", clip(asObject(s).text("name")), err)
		}
		if about {
			return predicate, nil
		}
		if len(others) < 3 {
			others = append(others, clip(asObject(s).text("name")))
		}
	}
	return "", fmt.Errorf("it is about other bytes, sha256 %x is not among its subjects: %s", file.SHA256, strings.Join(others, ", "))
}

// isNamed reports whether digests, by algorithm, are the file's. One that is known has to be there, and all
// that are known must agree.
func (f Artifact) isNamed(digests object) (bool, error) {
	known, agreed := 0, 0
	for name, want := range map[string]string{"sha256": fmt.Sprintf("%x", f.SHA256), "sha512": fmt.Sprintf("%x", f.SHA512)} {
		v, there := digests[name]
		if !there {
			continue
		}
		text, _ := v.(string)
		if len(text) != len(want) || strings.Trim(text, "0123456789abcdef") != "" {
			return false, fmt.Errorf("its %s is not %d lower case hex digits", name, len(want))
		}
		known++
		if text == want {
			agreed++
		}
	}
	if agreed > 0 && agreed < known {
		return false, errors.New("one of its digests is the file's and another is not")
	}
	return agreed > 0, nil
}
