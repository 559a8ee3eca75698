package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"forge/recipes"
)

// Sizes beyond which a signature or a key is not read: keys may be flooded (CVE-2019-13050).
const (
	mostSignature = 1 << 20
	mostKey       = 8 << 20
)

// SignatureError tells why an upstream signature that a recipe asks for does not hold. Err is the
// checker's verdict, or why none could be had.
type SignatureError struct {
	File string // that is signed
	Err  error
}

func (e *SignatureError) Error() string { return "signature of " + e.File + ": " + e.Err.Error() }
func (e *SignatureError) Unwrap() error { return e.Err }

// checkSignatures judges every signature the recipe asks for on file, which is in the store.
func (g *Getter) checkSignatures(ctx context.Context, origin recipes.Origin, src recipes.Source, file File) ([]SignatureVerdict, error) {
	var verdicts []SignatureVerdict
	for _, sig := range src.Signatures {
		v, err := g.checkSignature(ctx, origin, src, sig, file)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, &SignatureError{file.Name, err}
		}
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}

func (g *Getter) checkSignature(ctx context.Context, origin recipes.Origin, src recipes.Source, sig recipes.Signature, file File) (SignatureVerdict, error) {
	if g.Checker == nil {
		return SignatureVerdict{}, errors.New("this forge has no checker, so it cannot be checked")
	}
	if len(sig.Allow) > 0 && strings.TrimSpace(sig.Reason) == "" {
		return SignatureVerdict{}, fmt.Errorf("allow: %s needs a reason, which the provenance repeats", strings.Join(sig.Allow, ", "))
	}
	key, err := readBeside(origin.Dir, sig.Key, mostKey)
	if err != nil {
		return SignatureVerdict{}, fmt.Errorf("read the key: %w", err)
	}
	armoured, err := g.signature(ctx, origin, src, sig, file)
	if err != nil {
		return SignatureVerdict{}, err
	}
	data, err := os.Open(g.Store.Path(file.Digest, false))
	if err != nil {
		return SignatureVerdict{}, err
	}
	defer data.Close()
	// What is judged must be what was hashed: the store's file is read once, for both.
	checked := newCheckingReader(data, hashes{sha256: file.Digest}, g.MaxBytes)
	now := g.Now()
	v, err := g.Checker.Check(checked, armoured, key, sig.Fingerprint, sig.Allow, now)
	if err != nil {
		for _, u := range sig.URLs { // a mirror may have a good one tomorrow
			os.Remove(g.recordPath(signatureKey(file, u)))
		}
		return SignatureVerdict{}, err
	}
	if err := readAll(checked); err != nil {
		return SignatureVerdict{}, err
	}
	v.Checked = now
	for i, a := range v.Allowed {
		if !strings.Contains(a, sig.Reason) {
			v.Allowed[i] = a + ": " + sig.Reason
		}
	}
	return v, nil
}

// signature returns the detached signature over file: the first of its mirrors that gives one. A
// "file:NAME" is a file of the recipe's folder.
func (g *Getter) signature(ctx context.Context, origin recipes.Origin, src recipes.Source, sig recipes.Signature, file File) ([]byte, error) {
	urls := sig.URLs
	if len(urls) == 0 {
		urls = guessSignatures(src.URLs)
	}
	var failed UnreachableError
	for _, u := range urls {
		b, err := g.oneSignature(ctx, origin, u, file)
		if err == nil {
			return b, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		failed.mirrors = append(failed.mirrors, mirrorError{u, err})
	}
	if len(failed.mirrors) == 0 {
		return nil, errors.New("the recipe says nowhere where it is")
	}
	return nil, &failed
}

func (g *Getter) oneSignature(ctx context.Context, origin recipes.Origin, u string, file File) ([]byte, error) {
	if name, ok := strings.CutPrefix(u, "file:"); ok && !strings.HasPrefix(name, "/") {
		return readBeside(origin.Dir, name, mostSignature)
	}
	key := signatureKey(file, u)
	if rec, ok := g.recall(key); ok && len(rec.Files) == 1 {
		if b, err := g.Store.Bytes(rec.Files[0].Digest); err == nil {
			return b, nil
		}
	}
	if g.Offline {
		return nil, ErrOffline
	}
	got, err := g.fromMirror(ctx, u, ask{signs: &file}, nil)
	if err != nil {
		return nil, err
	}
	if err := g.remember(key, record{Files: []File{got}}); err != nil {
		return nil, err
	}
	return g.Store.Bytes(got.Digest)
}

func signatureKey(file File, url string) string { return "signature " + file.Digest.Hex() + " " + url }

// guessSignatures is where upstreams put them: beside the file.
func guessSignatures(urls []string) []string {
	var guesses []string
	for _, u := range urls {
		if strings.HasPrefix(u, "pkg:") {
			guesses = append(guesses, u) // the registry is told whose signature is meant
			continue
		}
		guesses = append(guesses, u+".asc", u+".sig")
	}
	return guesses
}

// readBeside reads a file of the recipe's folder; name may not lead out of it.
func readBeside(dir, name string, most int64) ([]byte, error) {
	if name == "" {
		return nil, errors.New("the recipe names no file")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, fmt.Errorf("%s is no regular file of at most %d bytes", name, most)
	}
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

// signedBy reports whether name is what a signature over file is called.
func signedBy(name, file string) bool {
	return file != "" && (name == file+".asc" || name == file+".sig" || name == file+".sign" || name == file+".gpg")
}
