package main

import (
	"fmt"

	"forge/digest"
	"forge/engine"
	"forge/internal/fsx"
	"forge/recipes"
	"forge/sources"
	"forge/trust"
)

// attests lets sources ask trust about attestations. It holds a trusted root's bytes, none for the one of the
// program, which are read when the first attestation is judged.
type attests struct{ root []byte }

// CheckAttestations implements sources.AttestationChecker.
func (c attests) CheckAttestations(data []byte, sums sources.FileSums, publishers []recipes.Publisher) ([]sources.Attestation, error) {
	if c.root == nil {
		c.root = trust.PublicGoodRoot()
	}
	root, err := trust.ParseTrustedRoot(c.root)
	if err != nil {
		return nil, fmt.Errorf("the trusted root: %w", err)
	}
	var want []trust.Publisher
	for _, p := range publishers {
		want = append(want, trust.Publisher{Provider: p.Provider, Repository: p.Owner + "/" + p.Repo, Ref: p.Ref})
	}
	found, err := root.CheckAttestations(data, trust.Artifact{SHA256: sums.SHA256, SHA512: sums.SHA512}, want)
	if err != nil {
		return nil, err
	}
	var list []sources.Attestation
	for _, a := range found {
		list = append(list, sources.Attestation{Publisher: a.Publisher, Issuer: a.Issuer, Repository: a.Repository, Ref: a.Ref, Commit: a.Commit,
			Signer: a.Signer, Run: a.Run, Predicate: a.Predicate, Log: a.Log, LogIndex: a.LogIndex, Signed: a.Signed, Root: root.Digest()})
	}
	return list, nil
}

// mostTrustedRoot is the longest trusted root that is read; the public one has 7 kB.
const mostTrustedRoot = 16 << 20

// readTrustedRoot reads the root that the request names: what is no trusted root is said before anything is
// fetched.
func readTrustedRoot(req *engine.Request) error {
	t := &req.TrustedRoot
	if t.File == "" {
		return nil
	}
	data, err := fsx.ReadUpTo(t.File, mostTrustedRoot)
	if err == nil {
		_, err = trust.ParseTrustedRoot(data)
	}
	if err != nil {
		return fmt.Errorf("read the trusted root %s: %w", t.File, err)
	}
	t.Data, t.SHA256 = data, digest.Of(data)
	return nil
}
