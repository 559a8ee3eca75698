package channels

import (
	"bytes"
	"context"
	"encoding/json"
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
}

// Put places the package file, which must have that sha256, as fileName in subdir, and beside it the
// detached signature and the signed statement. What is there and good stays untouched: signatures are not
// made again. All files are replaced atomically; after a crash in between, the next Put mends the rest.
func (p *Publisher) Put(ctx context.Context, file, subdir, fileName string, sum digest.Digest, statement []byte) (Placed, error) {
	placed := Placed{Path: filepath.Join(p.Dir, subdir, fileName)}
	if bad := fileName == "" || subdir == "" || strings.HasPrefix(fileName, "."); bad ||
		filepath.Base(fileName) != fileName || filepath.Base(subdir) != subdir || strings.ContainsAny(subdir+fileName, "/\\") {
		return placed, fmt.Errorf("publish %q in %q: not names of a file and a folder", fileName, subdir)
	}
	if _, err := trust.CheckStatement(statement, fileName, sum); err != nil {
		return placed, fmt.Errorf("publish %s: %w", placed.Path, err)
	}
	if err := fsx.MkdirAll(filepath.Dir(placed.Path), 0o755); err != nil {
		return placed, fmt.Errorf("publish: %w", err)
	}
	unlock, err := fsx.Lock(ctx, filepath.Join(p.Dir, lockFile))
	if err != nil {
		return placed, fmt.Errorf("publish %s: %w", placed.Path, err)
	}
	defer unlock()
	err = p.putPackage(&placed, file, sum)
	if err == nil {
		err = p.putStatement(ctx, &placed, statement)
	}
	if err == nil {
		err = p.putDetached(ctx, &placed)
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
	placed.Replaced, placed.Changed = err == nil, true
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	return fsx.Write(placed.Path, 0o644, func(out io.Writer) error {
		got, _, err := digest.OfReader(io.TeeReader(in, out))
		if err == nil && got != sum {
			err = fmt.Errorf("%s has %s, want %s", file, got, sum)
		}
		return err
	})
}

// putStatement writes the envelope unless the first line is this very one. (Ed25519 signatures are a
// function of key and statement.) More lines that follow it are somebody's, and stay.
func (p *Publisher) putStatement(ctx context.Context, placed *Placed, statement []byte) error {
	envelope, err := p.Signer.SignStatement(ctx, trust.PayloadInToto, statement)
	if err != nil {
		return err
	}
	line, err := json.Marshal(envelope)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	path := placed.Path + trust.SuffixStatements
	if old, err := os.ReadFile(path); err == nil && bytes.HasPrefix(old, line) {
		return nil
	}
	placed.Changed = true
	return fsx.WriteFile(path, line, 0o644)
}

func (p *Publisher) putDetached(ctx context.Context, placed *Placed) error {
	if _, err := trust.VerifyDetached(ctx, placed.Path, p.Keys, p.Now()); err == nil {
		return nil
	}
	sig, err := p.Signer.SignDetached(ctx, placed.Path)
	if err != nil {
		return err
	}
	placed.Changed = true
	return fsx.WriteFile(placed.Path+trust.SuffixOpenPGP, sig, 0o644)
}
