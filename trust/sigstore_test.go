package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forge/internal/sigstoretest"
)

var (
	attestedFile = []byte("the source")
	attestedAt   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	theirs       = []Publisher{{Provider: "github", Repository: "owner/repo"}}
)

func artifactOf(b []byte) Artifact { return Artifact{sha256.Sum256(b), sha512.Sum512(b)} }

// instance is a Sigstore of the test's own, with its root.
func instance(t *testing.T) (*sigstoretest.Instance, *TrustedRoot) {
	t.Helper()
	i, err := sigstoretest.New(attestedAt.AddDate(-1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	root, err := ParseTrustedRoot(sigstoretest.JSON(i.TrustedRoot()))
	if err != nil {
		t.Fatal(err)
	}
	return i, root
}

// forgery is one thing to sign and what is done to it afterwards.
type forgery struct {
	signer    sigstoretest.Signer
	statement sigstoretest.Object
	entry     sigstoretest.Entry
	change    func(i *sigstoretest.Instance, b sigstoretest.Object)
	publisher Publisher
	file      []byte
	trailing  string
}

func saying(predicate string) sigstoretest.Object {
	return sigstoretest.Statement(predicate, "a.tar.gz", attestedFile)
}

func material(b sigstoretest.Object) sigstoretest.Object {
	return b["verificationMaterial"].(sigstoretest.Object)
}

func entryOf(b sigstoretest.Object) sigstoretest.Object {
	return material(b)["tlogEntries"].([]any)[0].(sigstoretest.Object)
}

// another is a good bundle of the same instance, about another statement and by another signer.
func another(i *sigstoretest.Instance) sigstoretest.Object {
	b, err := i.Bundle(sigstoretest.GitHub("evil/repo", attestedAt), saying(sigstoretest.Publish), sigstoretest.Entry{})
	if err != nil {
		panic(err)
	}
	return b
}

// TestAttestations has a good attestation of each form and every way to forge one that is known to have
// worked somewhere; a case without words is good.
func TestAttestations(t *testing.T) {
	i, root := instance(t)
	for _, c := range []struct {
		name  string
		make  func(*forgery)
		words string
	}{
		{"provenance", func(f *forgery) {}, ""},
		{"publish", func(f *forgery) { f.statement = saying(sigstoretest.Publish) }, ""},
		{"in-toto entry", func(f *forgery) { f.entry = sigstoretest.Entry{Kind: "intoto", Version: "0.0.2"} }, ""},
		{"second log, time stamp", func(f *forgery) {
			f.entry = sigstoretest.Entry{Kind: "hashedrekord", Version: "0.0.2", NoPromise: true, Stamped: attestedAt}
		}, ""},
		{"first version, promise alone", func(f *forgery) {
			f.entry.NoProof = true
			f.change = func(_ *sigstoretest.Instance, b sigstoretest.Object) {
				b["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1"
			}
		}, ""},
		{"one of several subjects", func(f *forgery) {
			f.statement["subject"] = append([]any{sigstoretest.Object{"name": "b", "digest": sigstoretest.Object{"sha256": strings.Repeat("0", 64)}}}, f.statement["subject"].([]any)...)
		}, ""},
		{"sha512 alone", func(f *forgery) {
			f.statement["subject"] = []any{sigstoretest.Object{"name": "a", "digest": sigstoretest.Object{"sha512": fmt.Sprintf("%x", sha512.Sum512(attestedFile))}}}
		}, ""},
		{"workflow of another repository", func(f *forgery) {
			f.signer.Workflow = "https://github.com/builders/generic/.github/workflows/x.yml@refs/tags/v2"
		}, ""},
		{"ref", func(f *forgery) { f.publisher.Ref = "v1" }, ""},
		{"full ref", func(f *forgery) { f.publisher.Ref = "refs/tags/v1" }, ""},
		{"gitlab", func(f *forgery) {
			f.publisher.Provider, f.signer.Issuer, f.signer.Repository = "gitlab", "https://gitlab.com", "https://gitlab.com/owner/repo"
		}, ""},

		{"other ref", func(f *forgery) { f.publisher.Ref = "v2" }, "github:owner/repo@v2 has not attested it: it is attested by https://github.com/owner/repo@refs/tags/v1"},
		{"other repository", func(f *forgery) { f.signer = sigstoretest.GitHub("owner/other", attestedAt) }, "github:owner/repo has not attested it: it is attested by https://github.com/owner/other@refs/tags/v1 (identity by https://token.actions.githubusercontent.com)"},
		{"longer name", func(f *forgery) { f.signer = sigstoretest.GitHub("owner/repo.evil", attestedAt) }, "attested by https://github.com/owner/repo.evil"},
		{"longer path", func(f *forgery) { f.signer.Repository += "/evil" }, "attested by https://github.com/owner/repo/evil"},
		{"other case", func(f *forgery) { f.signer = sigstoretest.GitHub("Owner/repo", attestedAt) }, "attested by https://github.com/Owner/repo"},
		{"other host", func(f *forgery) { f.signer.Repository = "https://github.com.evil.example/owner/repo" }, "attested by https://github.com.evil.example/owner/repo"},
		{"host without tls", func(f *forgery) { f.signer.Repository = "http://github.com/owner/repo" }, "attested by http://github.com"},
		{"called workflow only", func(f *forgery) { f.signer.Repository = "https://github.com/evil/repo" }, "attested by https://github.com/evil/repo"},
		{"no repository", func(f *forgery) { f.signer.Repository = "" }, "attested by https://github.com/owner/repo/.github/workflows/release.yml"},
		{"other issuer", func(f *forgery) { f.signer.Issuer = "https://accounts.example" }, "(identity by https://accounts.example)"},
		{"issuer with a suffix", func(f *forgery) { f.signer.Issuer += "/enterprise" }, "githubusercontent.com/enterprise)"},
		{"no issuer", func(f *forgery) { f.signer.Issuer = "" }, "does not say who vouched for the signer"},
		{"unknown provider", func(f *forgery) { f.publisher.Provider = "bitbucket" }, `"bitbucket" is not known`},

		{"other file", func(f *forgery) { f.file = []byte("another source") }, "it is about other bytes"},
		{"no subject", func(f *forgery) { f.statement["subject"] = []any{} }, "it is about other bytes"},
		{"two subjects of a publish attestation", func(f *forgery) {
			f.statement = saying(sigstoretest.Publish)
			f.statement["subject"] = append(f.statement["subject"].([]any), sigstoretest.Object{"name": "b", "digest": sigstoretest.Object{}})
		}, "it has 2 subjects, and of its kind has one"},
		{"weak digest alone", func(f *forgery) {
			f.statement["subject"] = []any{sigstoretest.Object{"name": "a", "digest": sigstoretest.Object{"sha1": "0"}}}
		}, "it is about other bytes"},
		{"short digest", func(f *forgery) {
			f.statement["subject"] = []any{sigstoretest.Object{"name": "a", "digest": sigstoretest.Object{"sha256": fmt.Sprintf("%x", sha256.Sum256(attestedFile))[:32]}}}
		}, "its sha256 is not 64 lower case hex digits"},
		{"upper case digest", func(f *forgery) {
			f.statement["subject"] = []any{sigstoretest.Object{"name": "a", "digest": sigstoretest.Object{"sha256": fmt.Sprintf("%X", sha256.Sum256(attestedFile))}}}
		}, "its sha256 is not 64 lower case hex digits"},
		{"digests that disagree", func(f *forgery) {
			f.statement["subject"] = []any{sigstoretest.Object{"name": "a", "digest": sigstoretest.Object{"sha256": fmt.Sprintf("%x", sha256.Sum256(attestedFile)), "sha512": strings.Repeat("0", 128)}}}
		}, "one of its digests is the file's and another is not"},
		{"other predicate", func(f *forgery) { f.statement = saying("https://in-toto.io/attestation/vulns/v0.1") }, "which does not say where the file is from"},
		{"old provenance", func(f *forgery) { f.statement = saying("https://slsa.dev/provenance/v0.2") }, "which does not say where the file is from"},
		{"no predicate", func(f *forgery) { delete(f.statement, "predicate") }, "it has no predicate"},
		{"other statement type", func(f *forgery) { f.statement["_type"] = "https://in-toto.io/Statement/v0.1" }, "the _type of its statement"},

		{"statement exchanged", func(f *forgery) {
			f.change = func(_ *sigstoretest.Instance, b sigstoretest.Object) {
				b["dsseEnvelope"].(sigstoretest.Object)["payload"] = sigstoretest.JSON(saying(sigstoretest.Publish))
			}
		}, "its signature is not by the key of its certificate"},
		{"payload type exchanged", func(f *forgery) {
			f.change = func(_ *sigstoretest.Instance, b sigstoretest.Object) {
				b["dsseEnvelope"].(sigstoretest.Object)["payloadType"] = "text/plain"
			}
		}, `its payloadType is "text/plain"`},
		{"certificate exchanged", func(f *forgery) {
			f.signer = sigstoretest.GitHub("evil/repo", attestedAt)
			f.change = func(i *sigstoretest.Instance, b sigstoretest.Object) {
				c, _, err := i.Certificate(sigstoretest.GitHub("owner/repo", attestedAt))
				if err != nil {
					panic(err)
				}
				material(b)["certificate"] = sigstoretest.Object{"rawBytes": c.Raw}
			}
		}, "its signature is not by the key of its certificate"},
		{"no signatures", func(f *forgery) {
			f.change = func(_ *sigstoretest.Instance, b sigstoretest.Object) {
				b["dsseEnvelope"].(sigstoretest.Object)["signatures"] = []any{}
			}
		}, "it has 0 signatures, want exactly one"},
		{"two signatures", func(f *forgery) {
			f.change = func(i *sigstoretest.Instance, b sigstoretest.Object) {
				e, o := b["dsseEnvelope"].(sigstoretest.Object), another(i)["dsseEnvelope"].(sigstoretest.Object)
				e["signatures"] = append(e["signatures"].([]any), o["signatures"].([]any)...)
			}
		}, "it has 2 signatures, want exactly one"},
		{"empty signature", func(f *forgery) {
			f.change = func(_ *sigstoretest.Instance, b sigstoretest.Object) {
				b["dsseEnvelope"].(sigstoretest.Object)["signatures"] = []any{sigstoretest.Object{"sig": ""}}
			}
		}, "its sig is missing"},

		{"entry of a plain signature", func(f *forgery) { f.entry = sigstoretest.Entry{Kind: "hashedrekord", Version: "0.0.1"} }, "of a kind that is for plain signatures"},
		{"unrelated entry", func(f *forgery) { // CVE-2026-22703
			f.change = func(i *sigstoretest.Instance, b sigstoretest.Object) {
				material(b)["tlogEntries"] = material(another(i))["tlogEntries"]
			}
		}, "its log entry is about another signature"},
		{"a second, unrelated entry", func(f *forgery) {
			f.change = func(i *sigstoretest.Instance, b sigstoretest.Object) {
				m := material(b)
				m["tlogEntries"] = append(m["tlogEntries"].([]any), material(another(i))["tlogEntries"].([]any)...)
			}
		}, "its log entry is about another signature"},
		{"body of another entry", func(f *forgery) {
			f.change = func(i *sigstoretest.Instance, b sigstoretest.Object) {
				entryOf(b)["canonicalizedBody"] = entryOf(another(i))["canonicalizedBody"]
			}
		}, "the promise of its log entry is not the log's signature over that entry"},
		{"proof of another entry", func(f *forgery) {
			f.change = func(i *sigstoretest.Instance, b sigstoretest.Object) {
				entryOf(b)["inclusionProof"] = entryOf(another(i))["inclusionProof"]
			}
		}, "does not lead from the entry to the tree's root"},
		{"no entry", func(f *forgery) {
			f.change = func(_ *sigstoretest.Instance, b sigstoretest.Object) { delete(material(b), "tlogEntries") }
		}, "it names no entry in a log"},
		{"no proof", func(f *forgery) { f.entry.NoProof = true }, "its log entry has no proof that it is in the log"},
		{"later promise", func(f *forgery) {
			f.change = func(_ *sigstoretest.Instance, b sigstoretest.Object) {
				entryOf(b)["integratedTime"] = attestedAt.Unix() + 60
			}
		}, "the promise of its log entry is not the log's signature"},
		{"checkpoint of a larger tree", func(f *forgery) {
			f.change = func(_ *sigstoretest.Instance, b sigstoretest.Object) {
				entryOf(b)["inclusionProof"].(sigstoretest.Object)["treeSize"] = "12"
			}
		}, "its checkpoint is of another tree"},
		{"checkpoint without the log's signature", func(f *forgery) {
			f.change = func(_ *sigstoretest.Instance, b sigstoretest.Object) {
				entryOf(b)["inclusionProof"].(sigstoretest.Object)["checkpoint"] = sigstoretest.Object{"envelope": "log.example\n11\nAAAA\n\n— log.example AAAAAAAA\n"}
			}
		}, "its checkpoint is not signed by the log"},
		{"log of another instance", func(f *forgery) {
			f.change = func(_ *sigstoretest.Instance, b sigstoretest.Object) {
				other, _ := instance(t)
				material(b)["tlogEntries"] = material(another(other))["tlogEntries"]
			}
		}, "in a log that the trusted root does not name"},
		{"another place in the log", func(f *forgery) {
			f.entry = sigstoretest.Entry{Kind: "hashedrekord", Version: "0.0.2", NoPromise: true, Stamped: attestedAt}
			f.change = func(_ *sigstoretest.Instance, b sigstoretest.Object) { entryOf(b)["logIndex"] = "4" }
		}, "is said to be number 4 in the log, and its proof is of number 5"},
		{"negative index", func(f *forgery) {
			f.change = func(_ *sigstoretest.Instance, b sigstoretest.Object) { entryOf(b)["logIndex"] = "-1" }
		}, "its logIndex is no number from 0 on"},

		{"expired certificate", func(f *forgery) { f.entry.At = attestedAt.Add(time.Hour) }, "its certificate was not one of the trusted root's when it signed"},
		{"nobody's time", func(f *forgery) { f.entry.NoPromise = true }, "nothing vouches for the time of its signature"},
		{"late time stamp", func(f *forgery) {
			f.entry = sigstoretest.Entry{Kind: "hashedrekord", Version: "0.0.2", NoPromise: true, Stamped: attestedAt.Add(time.Hour)}
		}, "its certificate was not one of the trusted root's when it signed"},
		{"late time stamp beside a good promise", func(f *forgery) { f.entry.Stamped = attestedAt.Add(time.Hour) }, "its certificate was not one of the trusted root's when it signed"},
		{"time stamp of another signature", func(f *forgery) {
			f.entry = sigstoretest.Entry{Kind: "hashedrekord", Version: "0.0.2", NoPromise: true, Stamped: attestedAt}
			f.change = func(i *sigstoretest.Instance, b sigstoretest.Object) {
				o, err := i.Bundle(f.signer, f.statement, f.entry)
				if err != nil {
					panic(err)
				}
				material(b)["timestampVerificationData"] = material(o)["timestampVerificationData"]
			}
		}, "its time stamp is refused"},
		{"before the root's time", func(f *forgery) { f.signer = sigstoretest.GitHub("owner/repo", attestedAt.AddDate(-2, 0, 0)) }, "does not believe at"},
		{"certificate in no log", func(f *forgery) { f.signer.Unlogged = true }, "its certificate is in no log of certificates"},
		{"certificate of a server", func(f *forgery) { f.signer.ForTLS = true }, "incompatible key usage"},
		{"certificate of an authority", func(f *forgery) { f.signer.Authority = true }, "its certificate is not for signing"},
		{"time stamp that is none", func(f *forgery) {
			f.change = func(_ *sigstoretest.Instance, b sigstoretest.Object) {
				material(b)["timestampVerificationData"] = sigstoretest.Object{"rfc3161Timestamps": []any{sigstoretest.Object{"signedTimestamp": []byte("0\x80\x00")}}}
			}
		}, "its time stamp is refused"},
		{"foreign authority", func(f *forgery) { f.signer.Foreign = true }, "its certificate was not one of the trusted root's"},
		{"key instead of a certificate", func(f *forgery) {
			f.change = func(_ *sigstoretest.Instance, b sigstoretest.Object) {
				delete(material(b), "certificate")
				material(b)["publicKey"] = sigstoretest.Object{"hint": "x"}
			}
		}, "signed with a key that no certificate ties to a publisher"},

		{"unknown version", func(f *forgery) {
			f.change = func(_ *sigstoretest.Instance, b sigstoretest.Object) {
				b["mediaType"] = "application/vnd.dev.sigstore.bundle.v9+json"
			}
		}, "is not known"},
		{"data behind", func(f *forgery) { f.trailing = "{}" }, "data follows the JSON value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := forgery{signer: sigstoretest.GitHub("owner/repo", attestedAt), statement: saying(sigstoretest.Provenance), publisher: theirs[0], file: attestedFile}
			c.make(&f)
			b, err := i.Bundle(f.signer, f.statement, f.entry)
			if err != nil {
				t.Fatal(err)
			}
			if f.change != nil {
				f.change(i, b)
			}
			got, err := root.CheckAttestations(append(sigstoretest.JSON(b), f.trailing...), artifactOf(f.file), []Publisher{f.publisher})
			if c.words == "" && (err != nil || len(got) != 1 || !got[0].Signed.Equal(attestedAt)) {
				t.Errorf("got %+v, %v", got, err)
			}
			if c.words != "" && (err == nil || !strings.Contains(err.Error(), c.words)) {
				t.Errorf("got %+v, %v; want %q", got, err, c.words)
			}
		})
	}
}

// TestAttestationsAsFound is about what a good one says, and the forms it may come in.
func TestAttestationsAsFound(t *testing.T) {
	i, root := instance(t)
	bundle, err := i.Bundle(sigstoretest.GitHub("owner/repo", attestedAt), saying(sigstoretest.Publish), sigstoretest.Entry{})
	if err != nil {
		t.Fatal(err)
	}
	own := sigstoretest.Object{"mediaType": bundle["mediaType"], "verificationMaterial": sigstoretest.Object{"publicKey": sigstoretest.Object{"hint": "x"}}}
	want := []Attested{{Identity: Identity{Issuer: "https://token.actions.githubusercontent.com", Repository: "https://github.com/owner/repo", Ref: "refs/tags/v1",
		Signer: "https://github.com/owner/repo/.github/workflows/release.yml@refs/tags/v1"}, Publisher: "github:owner/repo",
		Predicate: PredicatePyPIPublish, Log: "https://log.example", LogIndex: 5, Signed: attestedAt}}
	for name, form := range map[string]any{
		"bundle":                       bundle,
		"provenance object":            sigstoretest.PEP740(bundle),
		"list":                         sigstoretest.Object{"attestations": []any{sigstoretest.Object{"bundle": another(i)}, sigstoretest.Object{"bundle": bundle}}},
		"list with the registry's own": sigstoretest.Object{"attestations": []any{sigstoretest.Object{"bundle": own}, sigstoretest.Object{"bundle": bundle}}},
	} {
		got, err := root.CheckAttestations(sigstoretest.JSON(form), artifactOf(attestedFile), theirs)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	// All that are named must have.
	both := append(theirs, Publisher{Provider: "github", Repository: "evil/repo"})
	list := sigstoretest.JSON(sigstoretest.Object{"attestations": []any{sigstoretest.Object{"bundle": another(i)}, sigstoretest.Object{"bundle": bundle}}})
	if got, err := root.CheckAttestations(list, artifactOf(attestedFile), both); err != nil || len(got) != 2 {
		t.Errorf("both: %v, %v", got, err)
	}
	for name, c := range map[string]struct {
		data  []byte
		of    []Publisher
		words string
	}{
		"one of two":         {sigstoretest.JSON(bundle), both, "github:evil/repo has not attested it: it is attested by https://github.com/owner/repo"},
		"no publisher":       {sigstoretest.JSON(bundle), nil, "no publisher is named"},
		"empty list":         {[]byte(`{"attestations": []}`), theirs, "it holds 0 attestations"},
		"empty provenance":   {[]byte(`{"attestation_bundles": []}`), theirs, "it holds 0 attestations"},
		"something else":     {[]byte(`{"message": "not found"}`), theirs, "neither a Sigstore bundle nor a list"},
		"no JSON":            {[]byte(`<html>`), theirs, "what is there is refused"},
		"a key given twice":  {[]byte(`{"mediaType": "x", "mediaType": "y"}`), theirs, "is given twice"},
		"two forms in one":   {sigstoretest.JSON(sigstoretest.Object{"mediaType": "x", "attestations": []any{sigstoretest.Object{"bundle": bundle}}}), theirs, `its mediaType "x" is not known`},
		"other PEP 740":      {[]byte(`{"attestation_bundles": [{"attestations": [{"version": 2}]}]}`), theirs, "its version is not 1"},
		"the registry's own": {sigstoretest.JSON(own), theirs, "signed with a key that no certificate ties to a publisher"},
	} {
		if got, err := root.CheckAttestations(c.data, artifactOf(attestedFile), c.of); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: got %v, %v; want %q", name, got, err, c.words)
		}
	}
	plain, err := i.FileSignature(sigstoretest.GitHub("owner/repo", attestedAt), attestedFile)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := root.CheckAttestations(sigstoretest.JSON(plain), artifactOf(attestedFile), theirs); err == nil || !strings.Contains(err.Error(), "there is a plain signature by https://github.com/owner/repo@refs/tags/v1") {
		t.Errorf("signature: %v, %v", got, err)
	}
}

// TestChangedAttestations changes a good bundle, a byte at a time: it is refused, or says what it said.
func TestChangedAttestations(t *testing.T) {
	i, root := instance(t)
	b, err := i.Bundle(sigstoretest.GitHub("owner/repo", attestedAt), saying(sigstoretest.Publish), sigstoretest.Entry{Stamped: attestedAt})
	if err != nil {
		t.Fatal(err)
	}
	text := sigstoretest.JSON(b)
	want, err := root.CheckAttestations(text, artifactOf(attestedFile), theirs)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(text); at += 5 {
		changed := bytes.Clone(text)
		changed[at]++
		got, err := root.CheckAttestations(changed, artifactOf(attestedFile), theirs)
		if diff := cmp.Diff(want, got); err == nil && diff != "" {
			t.Errorf("byte %d of %s is changed: %s", at, text[max(0, at-40):at+1], diff)
		}
	}
}

// TestRealAttestation verifies what pkg:pypi/pypi-attestations@0.0.19 was published with, by the root that the
// program carries.
func TestRealAttestation(t *testing.T) {
	data, err := os.ReadFile("testdata/sigstore/pypi_attestations-0.0.19.tar.gz.provenance")
	if err != nil {
		t.Fatal(err)
	}
	root, err := ParseTrustedRoot(PublicGoodRoot())
	if err != nil {
		t.Fatal(err)
	}
	sum, err := hex.DecodeString("9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3")
	if err != nil {
		t.Fatal(err)
	}
	file := Artifact{SHA256: [sha256.Size]byte(sum)}
	got, err := root.CheckAttestations(data, file, []Publisher{{Provider: "github", Repository: "trailofbits/pypi-attestations"}})
	want := []Attested{{Identity: Identity{Issuer: "https://token.actions.githubusercontent.com", Repository: "https://github.com/trailofbits/pypi-attestations",
		Ref: "refs/tags/v0.0.19", Commit: "08802efe1f8e5fec4ad842d6b8ce97656092ee72",
		Signer: "https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/v0.0.19",
		Run:    "https://github.com/trailofbits/pypi-attestations/actions/runs/12169989787/attempts/1"},
		Publisher: "github:trailofbits/pypi-attestations", Predicate: PredicatePyPIPublish, Log: "https://rekor.sigstore.dev", LogIndex: 153454663,
		Signed: time.Date(2024, 12, 4, 23, 14, 1, 0, time.UTC)}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := root.CheckAttestations(data, file, theirs); err == nil || !strings.Contains(err.Error(), "attested by https://github.com/trailofbits/pypi-attestations@refs/tags/v0.0.19") {
		t.Errorf("for another publisher: %v", err)
	}
}

// TestTrustedRoot reads the one the program carries, and refuses what is none.
func TestTrustedRoot(t *testing.T) {
	if root, err := ParseTrustedRoot(PublicGoodRoot()); err != nil || len(root.logs) < 2 || len(root.authorities) < 2 || len(root.stampers) == 0 {
		t.Errorf("%+v, %v", root, err)
	}
	i, _ := instance(t)
	for words, change := range map[string]func(sigstoretest.Object){
		"its mediaType is":                  func(o sigstoretest.Object) { o["mediaType"] = "application/json" },
		"it names no certificate authority": func(o sigstoretest.Object) { o["ctlogs"] = []any{} },
		"tlogs[0]: its validFor has no start": func(o sigstoretest.Object) {
			o["tlogs"].([]any)[0].(sigstoretest.Object)["publicKey"].(sigstoretest.Object)["validFor"] = sigstoretest.Object{}
		},
		"certificateAuthorities[0]: it has no certificate": func(o sigstoretest.Object) {
			o["certificateAuthorities"].([]any)[0].(sigstoretest.Object)["certChain"] = sigstoretest.Object{}
		},
	} {
		o := i.TrustedRoot()
		change(o)
		if _, err := ParseTrustedRoot(sigstoretest.JSON(o)); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want %q", err, words)
		}
	}
}

// FuzzAttestations wants no input to panic, and none but an attestation of these bytes to count.
func FuzzAttestations(f *testing.F) {
	i, err := sigstoretest.New(attestedAt.AddDate(-1, 0, 0))
	if err != nil {
		f.Fatal(err)
	}
	root, err := ParseTrustedRoot(sigstoretest.JSON(i.TrustedRoot()))
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range []sigstoretest.Entry{{}, {Kind: "hashedrekord", Version: "0.0.2", NoPromise: true, Stamped: attestedAt}, {Kind: "intoto", Version: "0.0.2"}} {
		b, err := i.Bundle(sigstoretest.GitHub("owner/repo", attestedAt), saying(sigstoretest.Publish), e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(sigstoretest.JSON(b))
		f.Add(sigstoretest.JSON(sigstoretest.PEP740(b)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := root.CheckAttestations(data, artifactOf([]byte("other bytes")), theirs); err == nil {
			t.Errorf("counts: %+v", got)
		}
		if _, err := ParseTrustedRoot(data); err == nil && !json.Valid(data) {
			t.Error("a root that is no JSON")
		}
	})
}
