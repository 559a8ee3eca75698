package conda

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"strings"

	"forge/digest"
	"forge/internal/archive"
	"forge/packages"
)

// maxRatio leaves room for files of zeros, which paths.json has announced with their size.
const maxRatio = 50_000

// each gives every file and link of the payload to fn and holds it against paths.json: nothing more,
// nothing less, nothing twice, the same bytes. A file's Sum and Size are set once its body was read, at
// the latest when fn is back; fn must not keep them before. m.Body is nil for what is no file.
func (p *pkg) each(ctx context.Context, fn func(*packages.File, *archive.Member) error) error {
	r, err := p.payload()
	if err != nil {
		return err
	}
	defer r.Close()
	compression := map[string]string{V1: "bz2", V2: "zst"}[p.kind]
	seen := map[string]*packages.File{}
	err = archive.ReadTar(ctx, r, compression, archive.Limits{Ratio: maxRatio}, func(m *archive.Member) error {
		if m.Name == "info" || strings.HasPrefix(m.Name, "info/") {
			if p.kind == V2 {
				return fmt.Errorf("the pkg tar holds %q", m.Name)
			}
			return nil
		}
		f, err := p.payloadFile(m, seen)
		if err != nil || f == nil {
			return err
		}
		body := &checkedBody{h: sha256.New(), r: m.Body, most: math.MaxInt64}
		if e := p.paths[f.Path]; e.Size != nil {
			body.most = *e.Size // a file that is longer than it says is not read to its end
		}
		if m.Kind == archive.KindFile {
			m.Body = body
		}
		if f.Kind == digest.File || f.Kind == digest.Exec {
			if m.Kind == archive.KindFile {
				body.done = func() error { return p.checkBody(f, body) }
			}
		}
		if err := fn(f, m); err != nil {
			return err
		}
		if m.Kind == archive.KindFile {
			if _, err := io.Copy(io.Discard, body); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := linksStay(seen); err != nil {
		return err
	}
	for path, e := range p.paths {
		if seen[path] == nil && e.Type != typeDir {
			return fmt.Errorf("%q is listed in paths.json and not in the archive", path)
		}
	}
	return nil
}

// linksStay looks at the links together: each may be harmless and all of them a way out.
func linksStay(seen map[string]*packages.File) error {
	link := func(path string) (string, bool) {
		if f := seen[path]; f != nil && f.Kind == digest.Symlink {
			return f.Target, true
		}
		return "", false
	}
	for path, f := range seen {
		if f.Kind == digest.Symlink && !archive.LinkStays(link, path, f.Target) {
			return fmt.Errorf("%q is a link to %q, which by other links is outside the prefix", path, f.Target)
		}
	}
	return nil
}

// payloadFile is m as a File, or nil for a folder that stands for nothing.
func (p *pkg) payloadFile(m *archive.Member, seen map[string]*packages.File) (*packages.File, error) {
	if err := packages.CheckPath(m.Name); m.Name != "." && err != nil {
		return nil, err
	}
	e := p.paths[m.Name]
	if e == nil {
		if m.Kind == archive.KindDir {
			return nil, nil
		}
		return nil, fmt.Errorf("%q is in the archive and not listed in paths.json", m.Name)
	}
	if seen[m.Name] != nil {
		return nil, fmt.Errorf("%q is in the archive twice", m.Name)
	}
	for i, c := range m.Name {
		if up := seen[m.Name[:i]]; c == '/' && up != nil && up.Kind != digest.Dir {
			return nil, fmt.Errorf("%q lies below %q, which is no folder", m.Name, up.Path)
		}
	}
	f := &packages.File{Path: m.Name, FileMode: e.FileMode, Prefix: e.Prefix, NoLink: e.NoLink}
	want := typeFile
	switch m.Kind {
	case archive.KindDir:
		f.Kind, want = digest.Dir, typeDir
	case archive.KindSymlink:
		f.Kind, f.Target, f.Size, want = digest.Symlink, m.Target, int64(len(m.Target)), typeLink
		f.FileMode, f.Prefix = packages.NoPrefix, ""
		if err := checkTarget(m.Name, m.Target); err != nil {
			return nil, err
		}
	case archive.KindHard:
		first := seen[m.Target]
		if first == nil || first.Kind == digest.Dir || first.Kind == digest.Symlink {
			return nil, fmt.Errorf("%q is a hard link to %q, which is no earlier file", m.Name, m.Target)
		}
		f.Kind, f.Sum, f.Size = first.Kind, first.Sum, first.Size
		if err := sameSum(f, e); err != nil {
			return nil, err
		}
	default:
		f.Kind = digest.File
		if m.Exec {
			f.Kind = digest.Exec
		}
	}
	if e.Type != "" && e.Type != want {
		return nil, fmt.Errorf("%q is a %s in paths.json and a %s in the archive", m.Name, e.Type, want)
	}
	seen[m.Name] = f
	return f, nil
}

// checkTarget refuses links out of the prefix: whoever follows them there reads or writes what the
// package does not own.
func checkTarget(path, target string) error {
	depth := strings.Count(path, "/")
	if target == "" || strings.HasPrefix(target, "/") || strings.ContainsAny(target, "\\\x00\n") {
		return fmt.Errorf("%q is a link to %q, which is outside the prefix", path, target)
	}
	for _, part := range strings.Split(target, "/") {
		switch part {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
		if depth < 0 {
			return fmt.Errorf("%q is a link to %q, which is outside the prefix", path, target)
		}
	}
	return nil
}

func (p *pkg) checkBody(f *packages.File, b *checkedBody) error {
	f.Sum, _ = digest.FromSum(b.h.Sum(nil))
	f.Size = b.n
	return sameSum(f, p.paths[f.Path])
}

func sameSum(f *packages.File, e *pathEntry) error {
	if e.SHA256 != "" && !strings.EqualFold(e.SHA256, f.Sum.Hex()) {
		return fmt.Errorf("%q: sha256 is %s, paths.json says %s", f.Path, f.Sum.Hex(), e.SHA256)
	}
	if e.Size != nil && *e.Size != f.Size {
		return fmt.Errorf("%q: has %d bytes, paths.json says %d", f.Path, f.Size, *e.Size)
	}
	return nil
}

// checkedBody hashes what is read, and at the end asks done, whose error the last Read returns: a reader
// never takes a wrong file for a whole one.
type checkedBody struct {
	r    io.Reader
	h    hash.Hash
	n    int64
	most int64
	done func() error
	over error
}

func (b *checkedBody) Read(p []byte) (int, error) {
	if b.over != nil {
		return 0, b.over
	}
	n, err := b.r.Read(p)
	b.h.Write(p[:n])
	if b.n += int64(n); b.n > b.most {
		b.over = fmt.Errorf("is longer than the %d bytes paths.json says", b.most)
		return 0, b.over
	}
	if errors.Is(err, io.EOF) {
		b.over = io.EOF
		if b.done != nil {
			if bad := b.done(); bad != nil {
				b.over = bad
			}
		}
		return n, b.over
	}
	return n, err
}
