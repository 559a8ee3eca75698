package sources

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"forge/digest"
	"forge/internal/diag"
	"forge/recipes"
)

// Fetch implements Fetcher. All sources are tried, so that the error, a *diag.Failure, names every one
// that failed with its place in the recipe; only a cancelled ctx comes back as itself.
func (g *Getter) Fetch(ctx context.Context, out *recipes.Output, progress func(Progress)) ([]Fetched, error) {
	fetched, failed := make([]Fetched, len(out.Sources)), make([]error, len(out.Sources))
	report := inTurn(progress)
	var group errgroup.Group
	group.SetLimit(g.Jobs)
	for i, src := range out.Sources {
		group.Go(func() error {
			fetched[i], failed[i] = g.FetchSource(ctx, out.Recipe, src, report)
			return nil
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var list diag.List
	for i, err := range failed {
		if err != nil {
			list = append(list, diagnose(out, i, err))
		}
	}
	if err := list.Err(); err != nil {
		return nil, err
	}
	return fetched, nil
}

// inTurn lets one report run at a time.
func inTurn(progress func(Progress)) func(Progress) {
	if progress == nil {
		return nil
	}
	var mu sync.Mutex
	return func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		progress(p)
	}
}

// diagnose puts the place of the source beside what went wrong with it.
func diagnose(out *recipes.Output, i int, err error) diag.Diagnostic {
	d := diag.Diagnostic{Severity: diag.Error, Code: codeOf(err), Pos: out.Sources[i].Pos}
	if d.Pos.IsZero() {
		d.Pos = diag.Pos{File: out.Recipe.File}
	}
	which := "source"
	if len(out.Sources) > 1 {
		which = fmt.Sprintf("source %d", i)
	}
	summary, detail, _ := strings.Cut(err.Error(), "\n")
	d.Summary, d.Detail = fmt.Sprintf("%s of %s: %s", which, out.Name, summary), detail
	return d
}

// codeOf is the stable id of an error, for people and programs that look it up.
func codeOf(err error) string {
	var (
		mismatch  *MismatchError
		signature *SignatureError
		attested  *AttestationError
		gone      *UnreachableError
	)
	switch {
	case errors.As(err, &signature):
		return "bad-signature"
	case errors.As(err, &attested):
		return "bad-attestation"
	case errors.As(err, &mismatch):
		return "hash-mismatch"
	case errors.Is(err, errNoHash):
		return "missing-hash"
	case errors.Is(err, ErrOffline):
		return "offline"
	case errors.As(err, &gone):
		return "unreachable-source"
	}
	return "source"
}

// ErrOffline tells that the store does not hold a source and the network was not to be asked.
var ErrOffline = errors.New("is not in the store, and --offline keeps forge from the network; run `forge fetch` with the recipe first")

// FetchSource fetches and checks one source of a recipe that was read at origin.
func (g *Getter) FetchSource(ctx context.Context, origin recipes.Origin, src recipes.Source, report func(Progress)) (Fetched, error) {
	switch {
	case src.Git != nil:
		return g.fetchGit(ctx, origin, src)
	case src.Path != "":
		return g.fetchPath(ctx, origin, src)
	case len(src.URLs) > 0:
		return g.fetchURL(ctx, origin, src, report)
	}
	return Fetched{}, errors.New("names neither url, git nor path")
}

func (g *Getter) fetchURL(ctx context.Context, origin recipes.Origin, src recipes.Source, report func(Progress)) (Fetched, error) {
	want, err := parseHashes(src.Hashes)
	if err != nil {
		return Fetched{}, err
	}
	if want.sha256.IsZero() && !g.AllowUnhashed {
		return Fetched{}, fmt.Errorf("%s: %w", shown(src.URLs[0]), errNoHash)
	}
	key := fileKey(src.URLs, want)
	unlock, err := g.lock(ctx, key)
	if err != nil {
		return Fetched{}, err
	}
	defer unlock()
	rec, stored, err := g.file(ctx, key, src, want, report)
	if err != nil {
		return Fetched{}, err
	}
	f := Fetched{Source: src, Files: slices.Clone(rec.Files), Epoch: rec.Epoch, Unhashed: want.sha256.IsZero(), Stored: stored, keep: keeps(origin, src), metaYAML: origin.Format == "meta.yaml"}
	f.Files[0].Name = fileName(src, rec.Files[0].Name)
	if f.Signatures, err = g.checkSignatures(ctx, origin, src, rec.Files[0]); err != nil {
		return Fetched{}, err
	}
	if f.Attestations, err = g.checkAttestation(ctx, origin, src, f.Files[0]); err != nil {
		return Fetched{}, err
	}
	closure, stored, err := g.closure(ctx, origin.Dir, src, f.Files[0])
	f.Files, f.Stored = append(f.Files, closure...), f.Stored && stored
	return f, err
}

// fileKey names what was asked for: the bytes, or where they must come from if the recipe has no hash.
func fileKey(urls []string, want hashes) string {
	if want.sha256.IsZero() {
		return "unhashed " + strings.Join(urls, " ")
	}
	return "file " + want.sha256.Hex()
}

// file finds the one file of a url source in the store, or fetches it.
func (g *Getter) file(ctx context.Context, key string, src recipes.Source, want hashes, report func(Progress)) (rec record, stored bool, err error) {
	if rec, ok := g.recall(key); ok && len(rec.Files) == 1 && g.agrees(rec.Files[0].Digest, want) {
		return rec, true, nil
	}
	file, err := g.adopt(src, want)
	stored = err == nil
	if !stored {
		if g.Offline {
			return record{}, false, fmt.Errorf("%s %w", shown(src.URLs[0]), ErrOffline)
		}
		if file, err = g.fromMirrors(ctx, src.URLs, ask{hashes: want}, report); err != nil {
			return record{}, false, err
		}
	}
	rec = record{Files: []File{file}}
	if rec.Epoch, err = g.epochOf(ctx, file); err != nil {
		return record{}, false, err
	}
	return rec, stored, g.remember(key, rec)
}

// adopt takes a file that the store has without a record of its own, as another recipe's or a
// package's. Its first mirror is named as where it is from, since that is where the recipe says.
// A name that only a registry could tell is asked for again.
func (g *Getter) adopt(src recipes.Source, want hashes) (File, error) {
	if want.sha256.IsZero() || fileName(src, "") == "" || !g.Store.Verify(want.sha256) || !g.agrees(want.sha256, want) {
		return File{}, errors.New("not in the store")
	}
	b, err := openRegular(g.Store.Path(want.sha256, false))
	if err != nil {
		return File{}, err
	}
	defer b.Close()
	return File{Name: fileName(src, ""), URL: withoutSecrets(src.URLs[0]), Digest: want.sha256, Size: b.size}, nil
}

// agrees checks the hashes beside sha256, which names the file, on what lies in the store.
func (g *Getter) agrees(d digest.Digest, want hashes) bool {
	if len(want.others) == 0 {
		return true
	}
	b, err := openRegular(g.Store.Path(d, false))
	if err != nil {
		return false
	}
	defer b.Close()
	return readAll(newCheckingReader(b, want, g.MaxBytes)) == nil
}

// fileName is what the file of a source is called: a function of the recipe as far as it says, so
// that it does not depend on which mirror answered.
func fileName(src recipes.Source, given string) string {
	if src.FileName != "" {
		return src.FileName
	}
	for _, u := range src.URLs {
		if !strings.HasPrefix(strings.ToLower(u), "pkg:") {
			return urlBase(u)
		}
	}
	return given
}
