package channels

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"forge/digest"
	"forge/internal/fsx"
	"forge/trust"
)

// Publisher puts packages with their signatures into a channel that is a folder. Index it afterwards.
type Publisher struct {
	Dir    string       // the channel
	Signer trust.Signer // makes what is missing
	// Keys are the signer's public keys: an .asc that they accept is kept.
	Keys *trust.KeySet
	Now  func() time.Time
}

// Placed is one package in a channel.
type Placed struct {
	Path     string // of the package
	Changed  bool   // anything was written
	Replaced bool   // other bytes had the name before

	fresh bool   // the package itself was written
	at    string // where its bytes are until all is placed
	files fsx.Batch
}

// Put places the package file, which must have that sha256, as fileName in subdir, and beside it the
// detached signature and the signed statement of its provenance, with that of its tests where tested is not
// nil. What is there and good stays untouched: signatures are not
// made again. All files are replaced atomically; after a crash in between, the next Put mends the rest. That
// a new package is in the channel survives a loss of power from IndexFolder on, which waits for the disk once for
// all of them.
func (p *Publisher) Put(ctx context.Context, file, subdir, fileName string, sum digest.Digest, statement, tested []byte) (Placed, error) {
	placed := Placed{Path: filepath.Join(p.Dir, subdir, fileName)}
	placed.at = placed.Path
	if bad := fileName == "" || subdir == "" || strings.HasPrefix(fileName, "."); bad ||
		filepath.Base(fileName) != fileName || filepath.Base(subdir) != subdir || strings.ContainsAny(subdir+fileName, "/\\") {
		return placed, fmt.Errorf("publish %q in %q: not names of a file and a folder", fileName, subdir)
	}
	for _, s := range [][]byte{statement, tested} {
		if s == nil {
			continue
		}
		if _, err := trust.CheckStatement(s, fileName, sum); err != nil {
			return placed, fmt.Errorf("publish %s: %w", placed.Path, err)
		}
	}
	if err := placed.files.MkdirAll(filepath.Dir(placed.Path), 0o755); err != nil {
		return placed, fmt.Errorf("publish: %w", err)
	}
	unlock, err := fsx.Lock(ctx, filepath.Join(p.Dir, lockFile))
	if err != nil {
		return placed, fmt.Errorf("publish %s: %w", placed.Path, err)
	}
	defer unlock()
	defer placed.files.Drop()
	err = p.putPackage(&placed, file, sum)
	if err == nil {
		err = p.putStatements(ctx, &placed, statement, tested)
	}
	if err == nil {
		err = p.putDetached(ctx, &placed)
	}
	if err == nil {
		err = placed.files.Place()
	}
	if !placed.fresh || err != nil {
		err = errors.Join(err, placed.files.Done())
	}
	if err != nil {
		return placed, fmt.Errorf("publish %s: %w", placed.Path, err)
	}
	return placed, nil
}

func (p *Publisher) putPackage(placed *Placed, file string, sum digest.Digest) error {
	have, _, err := digest.OfFile(placed.Path)
	if err == nil && have == sum {
		return nil
	}
	placed.Replaced, placed.Changed, placed.fresh = err == nil, true, true
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	placed.at, err = placed.files.Stage(placed.Path, 0o644, func(out io.Writer) error {
		got, _, err := digest.OfReader(io.TeeReader(in, out))
		if err == nil && got != sum {
			err = fmt.Errorf("%s has %s, want %s", file, got, sum)
		}
		return err
	})
	return err
}

// putStatements writes the envelopes: the provenance first, then our results of tests. (Ed25519 signatures are
// a function of key and statement.) Where the first line is this very one, what others wrote below it stays.
func (p *Publisher) putStatements(ctx context.Context, placed *Placed, statement, tested []byte) error {
	lines, err := p.envelope(ctx, statement)
	if err != nil {
		return err
	}
	path := placed.Path + trust.SuffixStatements
	old, err := os.ReadFile(path)
	rest, same := bytes.CutPrefix(old, lines)
	if tested != nil {
		more, err := p.envelope(ctx, tested)
		if err != nil {
			return err
		}
		lines = append(lines, more...)
		rest = p.withoutTests(rest)
	}
	if err == nil && same {
		lines = append(lines, rest...)
	}
	if err == nil && bytes.Equal(lines, old) {
		return nil
	}
	placed.Changed = true
	return placed.files.StageFile(path, lines, 0o644)
}

// envelope is a signed statement on a line.
func (p *Publisher) envelope(ctx context.Context, statement []byte) ([]byte, error) {
	envelope, err := p.Signer.SignStatement(ctx, trust.PayloadInToto, statement)
	if err != nil {
		return nil, err
	}
	line, err := json.Marshal(envelope)
	return append(line, '\n'), err
}

// withoutTests leaves the lines that are not our results of tests: those go with the tests that were run last.
func (p *Publisher) withoutTests(lines []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(lines) {
		if predicate := trust.PredicateOf(bytes.TrimSpace(line), p.Signer.KeyID()); predicate != trust.PredicateTests {
			kept = append(kept, line...)
		}
	}
	return kept
}

// putDetached signs the package, unless it has a signature that is good. A new one is signed where it lies, so that it
// comes into its place together with its signatures.
func (p *Publisher) putDetached(ctx context.Context, placed *Placed) error {
	path := placed.Path + trust.SuffixOpenPGP
	if _, err := os.Lstat(path); err == nil {
		if err := placed.files.Place(); err != nil {
			return err
		}
		placed.at = placed.Path
		if _, err := trust.VerifyDetached(ctx, placed.Path, p.Keys, p.Now()); err == nil {
			return nil
		}
	}
	sig, err := p.Signer.SignDetached(ctx, placed.at)
	if err != nil {
		return err
	}
	placed.Changed = true
	return placed.files.StageFile(path, sig, 0o644)
}
