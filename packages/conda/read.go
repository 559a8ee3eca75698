package conda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"forge/digest"
	"forge/internal/archive"
	"forge/internal/fsx"
	"forge/packages"
)

// maxInfo bounds what is kept in memory of a package's own data; conda-forge's largest is near 30 MB.
const maxInfo = 256 << 20

// pkg is an archive opened for reading.
type pkg struct {
	f       *os.File
	kind    string
	payload func() (io.ReadCloser, error) // the compressed tar that holds the payload
	info    map[string][]byte
	rec     *packages.Record
	exports packages.RunExports
	link    *packages.NoArchLink
	paths   map[string]*pathEntry

	once    sync.Once
	content digest.Digest
	err     error
}

// Open implements packages.Format. The kind is that of the archive's content, not of f.
func (f format) Open(path string) (packages.Package, error) {
	file, err := fsx.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open package: %w", err)
	}
	p := &pkg{f: file}
	if err := p.open(filepath.Base(path)); err != nil {
		file.Close()
		return nil, fmt.Errorf("open package %s: %w", path, err)
	}
	return p, nil
}

func (p *pkg) open(base string) error {
	magic := make([]byte, 4)
	if _, err := p.f.ReadAt(magic, 0); err != nil {
		if info, e := p.f.Stat(); e == nil && info.IsDir() {
			return errors.New("it is a folder, not a package")
		}
		return fmt.Errorf("too short: %w", err)
	}
	stem := ""
	var err error
	switch {
	case string(magic) == "PK\x03\x04":
		p.kind = V2
		stem, err = p.openZip()
	case string(magic[:3]) == "BZh":
		p.kind = V1
		err = p.openBzip2()
	default:
		return fmt.Errorf("neither a .conda nor a .tar.bz2 archive")
	}
	if err != nil {
		return err
	}
	if err := p.parse(); err != nil {
		return err
	}
	if want := p.rec.String(); stem != "" && stem != want {
		return fmt.Errorf("its members are named for %q, its index.json says %q", stem, want)
	}
	for _, ext := range []string{extV2, extV1} {
		if name, ok := strings.CutSuffix(base, ext); ok && name != p.rec.String() {
			return fmt.Errorf("its index.json says it is %q, which is not its name", p.rec.String())
		}
	}
	return nil
}

// openZip sees that the zip holds exactly the three members of a .conda, and reads info.
func (p *pkg) openZip() (stem string, err error) {
	st, err := p.f.Stat()
	if err != nil {
		return "", err
	}
	files, err := archive.StoredZip(p.f, st.Size())
	if err != nil {
		return "", err
	}
	var info func() (io.ReadCloser, error)
	for _, f := range files {
		kind, rest, _ := strings.Cut(f.Name, "-")
		name, isTar := strings.CutSuffix(rest, ".tar.zst")
		switch {
		case f.Name == "metadata.json":
			if err := checkMetadata(f.Open); err != nil {
				return "", err
			}
			continue
		case kind == "info" && isTar && info == nil:
			info = f.Open
		case kind == "pkg" && isTar && p.payload == nil:
			p.payload = f.Open
		default:
			return "", fmt.Errorf("it has a member %q that no .conda has", f.Name)
		}
		if stem != "" && stem != name {
			return "", fmt.Errorf("its members are named for %q and %q", stem, name)
		}
		stem = name
	}
	if len(files) != 3 || info == nil || p.payload == nil {
		return "", errors.New("it lacks metadata.json, the pkg or the info tar")
	}
	return stem, p.readInfo(info, "zst", false)
}

func checkMetadata(open func() (io.ReadCloser, error)) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, 64<<10))
	if err != nil {
		return err
	}
	var m struct {
		Version int `json:"conda_pkg_format_version"`
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("metadata.json: %w", err)
	}
	if m.Version != 2 {
		return fmt.Errorf("metadata.json: format version %d, want 2", m.Version)
	}
	return nil
}

func (p *pkg) openBzip2() error {
	p.payload = func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(p.f, 0, 1<<62)), nil
	}
	return p.readInfo(p.payload, "bz2", true)
}

// readInfo keeps the members below info/. Where mixed is set the payload is in the same tar.
func (p *pkg) readInfo(open func() (io.ReadCloser, error), compression string, mixed bool) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close()
	p.info = map[string][]byte{}
	total := 0
	return archive.ReadTar(context.Background(), r, compression, archive.Limits{Ratio: maxRatio}, func(m *archive.Member) error {
		name, ok := strings.CutPrefix(m.Name, "info/")
		if !ok {
			if mixed || m.Kind == archive.KindDir {
				return nil
			}
			return fmt.Errorf("info tar: %q lies outside of info/", m.Name)
		}
		if m.Kind == archive.KindDir {
			return nil
		}
		if m.Kind != archive.KindFile {
			return fmt.Errorf("info/%s is a link", name)
		}
		if _, ok := p.info[name]; ok {
			return fmt.Errorf("info/%s is there twice", name)
		}
		b, err := io.ReadAll(io.LimitReader(m.Body, int64(maxInfo-total)+1))
		if err != nil {
			return err
		}
		if total += len(b); total > maxInfo {
			return fmt.Errorf("info/ holds more than %d bytes", maxInfo)
		}
		p.info[name] = b
		return nil
	})
}

// Record implements packages.Package.
func (p *pkg) Record() (*packages.Record, error) {
	r := *p.rec
	r.Depends, r.Constrains = slices.Clone(r.Depends), slices.Clone(r.Constrains)
	return &r, nil
}

// RunExports implements packages.Package.
func (p *pkg) RunExports() (packages.RunExports, error) { return p.exports, nil }

// Info implements packages.Package.
func (p *pkg) Info(name string) ([]byte, error) {
	b, ok := p.info[name]
	if !ok {
		return nil, fmt.Errorf("%s: info/%s: %w", p.rec, name, fs.ErrNotExist)
	}
	return slices.Clone(b), nil
}

// InfoNames implements packages.Package.
func (p *pkg) InfoNames() ([]string, error) { return slices.Sorted(maps.Keys(p.info)), nil }

// Close implements packages.Package.
func (p *pkg) Close() error { return p.f.Close() }

// ContentDigest implements packages.Package. The payload is read once, and held against paths.json.
func (p *pkg) ContentDigest() (digest.Digest, error) {
	p.once.Do(func() {
		// each fills in sum and size after this function returns, when the body was read.
		var seen []*packages.File
		p.err = p.each(context.Background(), func(f *packages.File, m *archive.Member) error {
			seen = append(seen, f)
			return nil
		})
		files := make([]packages.File, len(seen))
		for i, f := range seen {
			files[i] = *f
		}
		p.content = packages.ContentDigest(p.rec, p.exports, files, p.link)
	})
	if p.err != nil {
		return digest.Digest{}, fmt.Errorf("content digest of %s: %w", p.rec, p.err)
	}
	return p.content, nil
}
