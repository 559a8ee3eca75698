// Package sources fetches, checks and unpacks what recipes name.
package sources

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"io"
	"time"

	"forge/digest"
	"forge/recipes"
)

// SignatureChecker judges a detached OpenPGP signature; trust has the implementation.
type SignatureChecker interface {
	// Check returns the verdict on signature sig over data by the key with that full fingerprint,
	// which must be among keyring. allow lists exceptions the recipe spells out ("sha1").
	// now bounds the future only; a key is judged at the signature's own time.
	Check(data io.Reader, sig, keyring []byte, fingerprint string, allow []string, now time.Time) (SignatureVerdict, error)
}

// SignatureVerdict is what was found; it stands in the provenance.
type SignatureVerdict struct {
	Fingerprint string    `json:"fingerprint"`       // of the primary key
	Signed      time.Time `json:"signed"`            // the signature's own time
	Checked     time.Time `json:"-"`                 // when it was judged
	Notes       []string  `json:"notes,omitempty"`   // "the key expired on … , after it signed"
	Allowed     []string  `json:"allowed,omitempty"` // exceptions that were needed, with the reason
}

// AttestationChecker judges attestations of a source; trust has the implementation.
type AttestationChecker interface {
	// CheckAttestations wants each of publishers to have attested the file with those sums in one of the
	// attestations that data holds, and returns one verdict for each publisher.
	CheckAttestations(data []byte, sums FileSums, publishers []recipes.Publisher) ([]Attestation, error)
}

// FileSums are what attestations call a file by.
type FileSums struct {
	SHA256 [sha256.Size]byte
	SHA512 [sha512.Size]byte
}

// Attestation is one that was verified, as found; it stands in the provenance.
type Attestation struct {
	Publisher  string        `json:"publisher"`            // of the recipe that it stands for
	Issuer     string        `json:"issuer"`               // who vouched for the identity
	Repository string        `json:"repository"`           // whose automation signed
	Ref        string        `json:"ref,omitempty"`        // of the repository, in that run
	Commit     string        `json:"commit,omitempty"`     // the same
	Signer     string        `json:"signer"`               // the workflow, which may be of another repository
	Run        string        `json:"invocation,omitempty"` // address of the run
	Predicate  string        `json:"predicate_type"`       // what is attested
	Log        string        `json:"log"`                  // where the transparency log is
	LogIndex   int64         `json:"log_index"`            // of the entry in it
	Signed     time.Time     `json:"signed"`               // by the log's clock or a time stamping authority's
	Root       digest.Digest `json:"trusted_root"`         // sha256 of the trusted root it was verified with
	Bundle     digest.Digest `json:"bundle"`               // sha256 of what was verified
	BundleURL  string        `json:"bundle_url"`           // where that is from
}

// File is one checked file in the store.
type File struct {
	Name   string        `json:"name"`
	URL    string        `json:"url"` // the mirror that gave it, as the recipe names it
	Digest digest.Digest `json:"sha256"`
	Size   int64         `json:"size"`
}

// Fetched is one source of a recipe, checked and in the store.
type Fetched struct {
	Source     recipes.Source     `json:"-"`
	Files      []File             `json:"files"`                // the archive first, then what came with it (module closures)
	Signatures []SignatureVerdict `json:"signatures,omitempty"` // one for each the recipe asks for
	// Attestations are one for each publisher that the recipe asks for.
	Attestations []Attestation `json:"attestations,omitempty"`

	GitCommit string        `json:"git_commit,omitempty"`
	Tree      digest.Digest `json:"tree,omitzero"` // of path and git sources
	Epoch     int64         `json:"epoch"`         // newest member mtime, or the commit's time; 0 if none
	Unhashed  bool          `json:"unhashed,omitempty"`
	Stored    bool          `json:"-"` // nothing had to be downloaded for it

	keep     bool // the file goes to SRC_DIR as it is, even if it is an archive
	metaYAML bool // the recipe is conda-build's
}

// Digest names the source by content: what the build key holds of it.
func (f *Fetched) Digest() digest.Digest {
	if !f.Tree.IsZero() {
		return f.Tree
	}
	if len(f.Files) == 0 {
		return digest.Digest{}
	}
	return f.Files[0].Digest
}

// Fetcher fetches and unpacks sources.
type Fetcher interface {
	// Fetch gets all sources of an output into the store and checks them: hashes, then signatures.
	// With offline set only the store is asked. Progress may be nil.
	Fetch(ctx context.Context, out *recipes.Output, progress func(Progress)) ([]Fetched, error)
	// Unpack lays the checked sources out in dir (SRC_DIR), each in its target directory, without
	// applying patches. Registry closures go to extra, a folder mounted read-only beside it
	// (Go: extra/goproxy is a file:// GOPROXY; npm, cargo likewise), with the environment they need.
	Unpack(ctx context.Context, fetched []Fetched, dir, extra string) (env map[string]string, err error)
}

// Progress tells how far a download is. Total is -1 if not known.
type Progress struct {
	Name        string
	Done, Total int64
}
