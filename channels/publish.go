package channels

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	Open OpenFunc // reads packages, for the index when one of them is replaced
}

// Placed is one package in a channel.
type Placed struct {
	Path     string // of the package
	Changed  bool   // anything was written
	Replaced bool   // other bytes had the name before

	files fsx.Batch
}

// Put places the package file, which must have that sha256, as fileName in subdir, and beside it the
// detached signature and the signed statement of its provenance, with that of its tests where tested is not
// nil. What is there and good stays untouched: signatures are not
// made again. All files are replaced atomically, the package last: who sees a new package sees its signatures. For the
// moment in which a package with other bytes of that name has the signatures of the new one, and until the index names
// it, the channel's lock is held (see Settled). After a crash in between, the next Put mends the rest. That
// a new package is in the channel survives a loss of power from IndexFolder on, which waits for the disk once for
// all of them.
func (p *Publisher) Put(ctx context.Context, file, subdir, fileName string, sum digest.Digest, statement, tested []byte) (Placed, error) {
	placed := Placed{Path: filepath.Join(p.Dir, subdir, fileName)}
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
	if err := p.put(ctx, &placed, file, subdir, sum, statement, tested); err != nil {
		return placed, fmt.Errorf("publish %s: %w", placed.Path, err)
	}
	return placed, nil
}

func (p *Publisher) put(ctx context.Context, placed *Placed, file, subdir string, sum digest.Digest, statement, tested []byte) error {
	at, err := p.stagePackage(placed, file, sum)
	if err == nil {
		err = p.putStatements(ctx, placed, statement, tested)
	}
	if err == nil {
		err = p.putDetached(ctx, placed, at)
	}
	if err == nil {
		err = placed.files.Place()
	}
	if err == nil && placed.Replaced {
		p.indexReplaced(ctx, subdir)
	}
	if err != nil {
		placed.files.Drop()
	}
	if err != nil || at == placed.Path {
		err = errors.Join(err, placed.files.Done())
	}
	return err
}

// stagePackage copies the package to where it only wants its name, which it gets last, and returns where that is; its
// own path where these bytes are there already.
func (p *Publisher) stagePackage(placed *Placed, file string, sum digest.Digest) (at string, err error) {
	have, _, err := digest.OfFile(placed.Path)
	if err == nil && have == sum {
		return placed.Path, nil
	}
	placed.Replaced, placed.Changed = err == nil, true
	in, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer in.Close()
	return placed.files.StageLast(placed.Path, 0o644, func(out io.Writer) error {
		got, _, err := digest.OfReader(io.TeeReader(in, out))
		if err == nil && got != sum {
			err = fmt.Errorf("%s has %s, want %s", file, got, sum)
		}
		return err
	})
}

// indexReplaced writes the index of subdir again where there is one: it names the bytes that were replaced. What
// hinders it (another package that cannot be read) IndexFolder says at the end.
func (p *Publisher) indexReplaced(ctx context.Context, subdir string) {
	if _, err := os.Lstat(filepath.Join(p.Dir, subdir, repodataFile)); p.Open == nil || errors.Is(err, fs.ErrNotExist) {
		return
	}
	cache := readCache(filepath.Join(p.Dir, cacheFile))
	w := &indexFiles{}
	defer w.close()
	if indexSubdir(ctx, p.Dir, subdir, p.Open, cache, w) == nil && w.done() == nil {
		_ = cache.write()
	}
}

// Settled runs f while nobody writes to the channel in dir. What f sees of it belongs together, as far as whoever
// wrote it last was not stopped in between.
func Settled(ctx context.Context, dir string, f func()) error {
	unlock, err := fsx.LockShared(ctx, filepath.Join(dir, lockFile))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission): // nobody here writes to it with Forge
	case err != nil:
		return fmt.Errorf("wait for who writes to the channel %s: %w", dir, err)
	default:
		defer unlock()
	}
	f()
	return nil
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

// putDetached signs the package, which lies at the path at, unless what is there accepts it.
func (p *Publisher) putDetached(ctx context.Context, placed *Placed, at string) error {
	if at == placed.Path {
		if _, err := trust.VerifyDetached(ctx, placed.Path, p.Keys, p.Now()); err == nil {
			return nil
		}
	}
	sig, err := p.Signer.SignDetached(ctx, at)
	if err != nil {
		return err
	}
	placed.Changed = true
	return placed.files.StageFile(placed.Path+trust.SuffixOpenPGP, sig, 0o644)
}
