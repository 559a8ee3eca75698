package trust

import (
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Provider is a service whose automation signs with Sigstore, as certificates name it.
type Provider struct {
	Issuer string // of the identity token, which Fulcio's certificate repeats
	Base   string // what the address of each of its repositories begins with
}

// ProviderOf knows GitHub Actions and GitLab's CI by the names that recipes have for them.
func ProviderOf(name string) (Provider, bool) {
	switch name {
	case "github":
		return Provider{"https://token.actions.githubusercontent.com", "https://github.com/"}, true
	case "gitlab":
		return Provider{"https://gitlab.com", "https://gitlab.com/"}, true
	}
	return Provider{}, false
}

// Publisher is a repository whose automation must have attested a file.
type Publisher struct {
	Provider   string // "github" or "gitlab"
	Repository string // OWNER/NAME, in the spelling of the certificate
	Ref        string // a full ref, or a branch's or tag's name; empty for any
}

func (p Publisher) String() string {
	if p.Ref != "" {
		return p.Provider + ":" + p.Repository + "@" + p.Ref
	}
	return p.Provider + ":" + p.Repository
}

// wants reports whether a certificate's identity is the publisher's. Nothing is folded and no beginning
// will do: the address of the repository is compared whole.
func (p Publisher) wants(id Identity) bool {
	from, ok := ProviderOf(p.Provider)
	if !ok || id.Issuer != from.Issuer || id.Repository != from.Base+p.Repository {
		return false
	}
	return p.Ref == "" || id.Ref == p.Ref || id.Ref == "refs/tags/"+p.Ref || id.Ref == "refs/heads/"+p.Ref
}

// The predicates of attestations that vouch for a source.
const (
	// PredicatePyPIPublish is PEP 740's: an index took this file from a trusted publisher. It is a name, and
	// written so that no search for addresses takes it for one.
	PredicatePyPIPublish = "https://docs.pypi" + ".org/attestations/publish/v1"
)

// Artifact names the file that must be attested by all that an attestation may name it with.
type Artifact struct {
	SHA256 [sha256.Size]byte
	SHA512 [sha512.Size]byte
}

// Attested is one attestation that was verified, as found.
type Attested struct {
	Identity
	Publisher string    `json:"publisher"` // that of the recipe it stands for
	Predicate string    `json:"predicate_type"`
	Log       string    `json:"log"`       // where the log is
	LogIndex  int64     `json:"log_index"` // of the entry in it
	Signed    time.Time `json:"signed"`    // by the log's clock, or a time stamping authority's
}

// CheckAttestations wants every publisher to have attested the file with one of the attestations in data: a
// Sigstore bundle, the provenance object of a Python index (PEP 740), or a list as GitHub's and npm's
// registries give. Each is verified against the root alone, without a network: certificate, its entry in
// the certificate log, signature, entry in the signature log, time, and what the statement is about.
// The error names who was expected and who has signed.
func (r *TrustedRoot) CheckAttestations(data []byte, file Artifact, publishers []Publisher) ([]Attested, error) {
	if len(publishers) == 0 {
		return nil, errors.New("no publisher is named: anybody may attest any file")
	}
	bundles, err := readBundles(data)
	if err != nil {
		return nil, fmt.Errorf("what is there is refused: %w", err)
	}
	found := make([]judged, len(bundles))
	for i, b := range bundles {
		found[i] = r.judge(b, file)
	}
	var good []Attested
	for _, p := range publishers {
		a, err := attestedBy(p, found)
		if err != nil {
			return nil, err
		}
		good = append(good, a)
	}
	return good, nil
}

// judged is one bundle with its verdict.
type judged struct {
	who Attested
	err error // why it does not count
}

func attestedBy(p Publisher, found []judged) (Attested, error) {
	if _, ok := ProviderOf(p.Provider); !ok {
		return Attested{}, fmt.Errorf("the publisher %s: %q is not known; github and gitlab are", p, p.Provider)
	}
	var others []string
	for _, j := range found {
		if j.err == nil && p.wants(j.who.Identity) {
			j.who.Publisher = p.String()
			return j.who, nil
		}
		if j.err != nil {
			others = append(others, j.err.Error())
			continue
		}
		others = append(others, "it is attested by "+j.who.Identity.String())
	}
	return Attested{}, fmt.Errorf("%s has not attested it: %s", p, strings.Join(others, "; "))
}

// judge verifies a bundle, and that it is an attestation of the kinds that count about file.
func (r *TrustedRoot) judge(b sigstoreBundle, file Artifact) (j judged) {
	signed, err := r.verify(b, file)
	if err != nil {
		return judged{err: fmt.Errorf("an attestation is refused: %w", err)}
	}
	if b.envelope == nil {
		return judged{err: fmt.Errorf("there is a plain signature by %s, which says nothing of where the file is from", signed.Identity)}
	}
	if signed.Predicate, err = attestsTo(b.envelope.payload, file); err != nil {
		return judged{err: fmt.Errorf("the attestation by %s is refused: %w", signed.Identity, err)}
	}
	return judged{who: signed}
}
