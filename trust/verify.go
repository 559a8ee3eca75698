package trust

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"forge/digest"
	"forge/internal/fsx"
)

// The names of what stands beside an artifact.
const (
	// SuffixOpenPGP is the detached signature's.
	SuffixOpenPGP = ".asc"
	// SuffixStatements is that of the envelopes, one a line.
	SuffixStatements = ".intoto.jsonl"
)

// VerifyArtifact checks the file at path against what stands beside it. It is good when
//
//   - an .intoto.jsonl is there, each line of it an envelope with an in-toto statement of a known kind
//     about exactly this file, by name and sha256, and one of them states its provenance;
//   - keys has a key for statements: each envelope has a signature by one of them;
//   - keys has an OpenPGP key: an .asc is there and one of them made it;
//   - keys has one of the two at least.
//
// Keys that are scoped to packages of another name do not count.
//
// What could not be checked for want of a key is said in Verdict.Notes, and Verdict.Signed tells whether
// the statements are signed: with an OpenPGP key alone they are not, and must not be believed.
// now bounds the future of the .asc. The reason of a refusal is one sentence.
func VerifyArtifact(ctx context.Context, path string, keys *KeySet, now time.Time) Verdict {
	v := Verdict{Path: path}
	if err := verifyArtifact(ctx, &v, keys, now); err != nil {
		v.Good, v.Reason = false, err.Error()
		return v
	}
	v.Good = true
	return v
}

func verifyArtifact(ctx context.Context, v *Verdict, keys *KeySet, now time.Time) error {
	keys = keys.For(packageName(v.Path))
	if !keys.ChecksStatements() && !keys.ChecksOpenPGP() {
		return errors.New("there is no key to check it with: name one with --key, or put it into keys/")
	}
	check, err := openDetached(v, keys, now)
	if err != nil {
		return err
	}
	if err := readArtifact(ctx, v, check); err != nil {
		return err
	}
	if check != nil {
		good, err := check.verdict()
		if err != nil {
			return fmt.Errorf("its %s: %w", SuffixOpenPGP, err)
		}
		v.OpenPGP, v.Notes = good.Fingerprint, append(v.Notes, good.Notes...)
	}
	return verifyEnvelopes(v, keys)
}

// openDetached reads the .asc; nil where no key could check it.
func openDetached(v *Verdict, keys *KeySet, now time.Time) (*detached, error) {
	sig, err := fsx.ReadUpTo(v.Path+SuffixOpenPGP, maxSignature)
	if !keys.ChecksOpenPGP() {
		if err == nil {
			v.Notes = append(v.Notes, "its "+SuffixOpenPGP+" was not checked: no OpenPGP key was given")
		}
		return nil, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("it has no %s: the OpenPGP signature is missing", SuffixOpenPGP)
	}
	if err != nil {
		return nil, err
	}
	check, err := newDetached(sig, keys.ring(), nil, policy{now: now})
	if err != nil {
		return nil, fmt.Errorf("its %s: %w", SuffixOpenPGP, err)
	}
	return check, nil
}

// readArtifact reads the file once, for its digest and for the OpenPGP signature.
func readArtifact(ctx context.Context, v *Verdict, check *detached) error {
	f, err := os.Open(v.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", v.Path)
	}
	var in io.Reader = reader{ctx, f}
	if check != nil {
		in = io.TeeReader(in, check)
	}
	if v.SHA256, _, err = digest.OfReader(in); err != nil {
		return fmt.Errorf("read %s: %w", v.Path, err)
	}
	return nil
}

func verifyEnvelopes(v *Verdict, keys *KeySet) error {
	data, err := fsx.ReadUpTo(v.Path+SuffixStatements, maxEnvelopes)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("it has no %s: nothing says where it comes from", SuffixStatements)
	}
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxEnvelopes+1)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if err := verifyEnvelope(v, keys, lines.Bytes()); err != nil {
			return fmt.Errorf("line %d of its %s: %w", n, SuffixStatements, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("its %s: %w", SuffixStatements, err)
	}
	if v.Statement == nil {
		return fmt.Errorf("its %s holds no statement of its provenance", SuffixStatements)
	}
	v.Signed = keys.ChecksStatements()
	if !v.Signed {
		v.Notes = append(v.Notes, "its statement was not checked: no key for statements was given")
	}
	return nil
}

// verifyEnvelope checks one line. The signature is checked before anything of the payload is looked at.
func verifyEnvelope(v *Verdict, keys *KeySet, line []byte) error {
	payloadType, payload, sigs, err := openEnvelope(line)
	if err != nil {
		return fmt.Errorf("the envelope is refused: %w", err)
	}
	if keys.ChecksStatements() {
		id, ok := keys.signedBy(PAE(payloadType, payload), sigs)
		if !ok {
			return errors.New("none of the envelope's signatures is by a trusted key over this statement")
		}
		if !slices.Contains(v.KeyIDs, id) {
			v.KeyIDs = append(v.KeyIDs, id)
		}
	}
	predicate, err := CheckStatement(payload, filepath.Base(v.Path), v.SHA256)
	if err != nil {
		return err
	}
	switch {
	case predicate == PredicateTests:
		v.Tests = append(v.Tests, payload)
	case predicate == PredicateSLSA && v.Statement != nil:
		return errors.New("the provenance is stated a second time")
	case predicate == PredicateSLSA:
		v.Statement = payload
	}
	return nil
}

// signedBy returns the ID of the first key of the set that made one of the signatures over message. The
// envelope's own key IDs are not looked at.
func (s *KeySet) signedBy(message []byte, sigs [][]byte) (string, bool) {
	for _, sig := range sigs {
		for _, k := range s.statement {
			if k.verify(message, sig) {
				return k.id, true
			}
		}
	}
	return "", false
}

// packageName is the name in the file name of a conda package, NAME-VERSION-BUILD.EXT; empty for others.
func packageName(path string) string {
	parts := strings.Split(filepath.Base(path), "-")
	if len(parts) < 3 {
		return ""
	}
	return strings.Join(parts[:len(parts)-2], "-")
}

// VerifyDetached checks the .asc beside the file at path alone.
func VerifyDetached(ctx context.Context, path string, keys *KeySet, now time.Time) (SignatureVerdict, error) {
	v := Verdict{Path: path}
	check, err := openDetached(&v, keys.For(packageName(path)), now)
	if err == nil && check == nil {
		err = errors.New("there is no OpenPGP key to check it with")
	}
	if err != nil {
		return SignatureVerdict{}, err
	}
	if err := readArtifact(ctx, &v, check); err != nil {
		return SignatureVerdict{}, err
	}
	return check.verdict()
}
