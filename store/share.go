package store

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"forge/digest"
	"forge/internal/fsx"
)

// Export writes results and the blobs that their text names as a tar: cas/HEX, then actions/HEX.json. The
// bytes depend on the results alone.
func (s *Store) Export(ctx context.Context, ids []ActionID, w io.Writer) error {
	t := tar.NewWriter(w)
	written := map[string]bool{}
	type record struct {
		name string
		text []byte
	}
	var records []record
	for _, id := range ids {
		text, err := os.ReadFile(s.actionPath(id))
		if err != nil {
			return err
		}
		if _, ok := parseResult(id, text); !ok {
			return fmt.Errorf("result %s is damaged; forge cache verify removes it", id.Short())
		}
		records = append(records, record{"actions/" + id.Hex() + ".json", text})
		for _, hex := range digestPattern().FindAllString(string(text), -1) {
			d, err := digest.Parse(hex)
			if err != nil || written[hex] || !s.Has(d) {
				continue
			}
			written[hex] = true
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.exportBlob(t, d); err != nil {
				return err
			}
		}
	}
	for _, r := range records {
		if err := member(t, r.name, int64(len(r.text)), bytes.NewReader(r.text)); err != nil {
			return err
		}
	}
	return t.Close()
}

func (s *Store) exportBlob(t *tar.Writer, d digest.Digest) error {
	if !s.Verify(d) {
		return fmt.Errorf("blob %s is damaged and was removed; build again", d.Short())
	}
	f, err := os.Open(s.Path(d, false))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return member(t, "cas/"+d.Hex(), info.Size(), f)
}

func member(t *tar.Writer, name string, size int64, r io.Reader) error {
	if err := t.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: size, ModTime: time.Unix(0, 0), Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err := io.Copy(t, r)
	return err
}

// Imported counts what Import took.
type Imported struct{ Blobs, Results int }

// maxResult is the largest record that is read.
const maxResult = 64 << 20

// Import reads what Export wrote. A result that is here already stays. Every blob is held to its name and every result to its frame; anything
// else in the tar is an error. That a result is *true* cannot be checked: whoever made the tar is believed.
func (s *Store) Import(ctx context.Context, r io.Reader) (Imported, error) {
	var n Imported
	for t := tar.NewReader(r); ; {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("import: %w", err)
		}
		if err := s.importMember(h, t, &n); err != nil {
			return n, fmt.Errorf("import %.100q: %w", h.Name, err)
		}
	}
}

// sparse reports whether a member is as long as it likes, whatever few bytes of it are in the tar.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

func (s *Store) importMember(h *tar.Header, r io.Reader, n *Imported) error {
	dir, file := path.Split(h.Name)
	d, err := digest.Parse(strings.TrimSuffix(file, ".json"))
	if h.Typeflag != tar.TypeReg || err != nil || sparse(h) {
		return errors.New("it is not what forge cache export writes")
	}
	switch {
	case dir == "cas/" && file == d.Hex():
		got, _, err := s.Put(r)
		if err != nil {
			return err
		}
		if got != d {
			return fmt.Errorf("its sha256 is %s", got.Hex())
		}
		n.Blobs++
		return nil
	case dir == "actions/" && file == d.Hex()+".json" && h.Size <= maxResult:
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if _, ok := parseResult(ActionID{d}, text); !ok {
			return errDamaged
		}
		if have, err := os.ReadFile(s.actionPath(ActionID{d})); err == nil {
			if _, ok := parseResult(ActionID{d}, have); ok {
				return nil // what was built here is not put in question by what comes from elsewhere
			}
		}
		n.Results++
		return fsx.WriteFile(s.actionPath(ActionID{d}), text, 0o644)
	}
	return errors.New("it is not what forge cache export writes")
}
