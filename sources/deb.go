package sources

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/package-url/packageurl-go"

	"forge/digest"
)

// aptHelper is what apt's own methods fetch single files with: its proxies, certificates and logins.
const aptHelper = "/usr/lib/apt/apt-helper"

// openDeb gives a file of a Debian source package:
// pkg:deb/debian/NAME@VERSION?arch=source, with file=NAME for one that the recipe has no hash of.
// VERSION is the upstream version, with or without epoch and revision. Any listed revision that has
// the file will do; a pool may refuse some.
func (g *Getter) openDeb(ctx context.Context, p packageurl.PackageURL, want ask) (*body, error) {
	if err := plainNames(debName(), p); err != nil {
		return nil, err
	}
	qualifiers := p.Qualifiers.Map()
	if arch := qualifiers["arch"]; arch != "source" && arch != "" {
		return nil, fmt.Errorf("arch=%s: only source packages are fetched; write ?arch=source", arch)
	}
	file := qualifiers["file"]
	if file == "" {
		file = p.Subpath
	}
	pick := debPick{p.Name, p.Version, file, want}
	for refresh := range 2 {
		index, renewed, err := g.aptIndex(ctx, refresh > 0)
		if err != nil {
			return nil, err
		}
		choices, err := pick.from(index)
		if err == nil {
			var b *body
			if b, err = g.openDebFile(ctx, index, choices); err == nil {
				return b, nil
			}
		}
		// An index that was not read just now may be why: revisions come and go.
		if ctx.Err() != nil || renewed || refresh > 0 {
			return nil, err
		}
	}
	return nil, errors.New("unreachable")
}

// debPick says which file of which source package is meant.
type debPick struct {
	name, version, file string
	want                ask
}

// debFile is one file of a revision, and where its archive keeps it.
type debFile struct {
	name, uri string
	sum       digest.Digest
	size      int64
}

// from lists the files that will do, each URI once.
func (d debPick) from(index *aptIndex) ([]debFile, error) {
	all, err := index.revisions(d.name)
	if err != nil {
		return nil, err
	}
	var choices []debFile
	var versions, names []string
	for _, r := range all {
		versions = append(versions, r.version)
		if !sameVersion(r.version, d.version) {
			continue
		}
		for _, f := range r.files {
			names = append(names, f.name+" "+f.sum.Hex())
		}
		choices = append(choices, d.of(r)...)
	}
	switch {
	case len(all) == 0:
		return nil, fmt.Errorf("no source package %q is listed", d.name)
	case len(names) == 0:
		return nil, fmt.Errorf("version %s is not listed; listed are %s", d.version, strings.Join(unique(versions), ", "))
	case len(choices) == 0:
		return nil, fmt.Errorf("no file of %s@%s %s; there are\n  %s", d.name, d.version, d.wanted(), strings.Join(unique(names), "\n  "))
	}
	return choices, nil
}

// of picks among the files of one revision.
func (d debPick) of(r debRevision) []debFile {
	var picked []debFile
	signed := ""
	if d.want.signs != nil {
		signed = d.want.signs.Name
		for _, f := range r.files {
			if f.sum == d.want.signs.Digest {
				signed = f.name
			}
		}
	}
	for _, f := range r.files {
		switch {
		case d.file != "" && f.name != d.file:
		case !d.want.sha256.IsZero() && f.sum != d.want.sha256:
		case d.file == "" && d.want.signs != nil && !signedBy(f.name, signed):
		case d.file == "" && d.want.signs == nil && d.want.sha256.IsZero() && !strings.Contains(f.name, ".orig.tar."):
		case d.file == "" && d.want.signs == nil && d.want.sha256.IsZero() && strings.HasSuffix(f.name, ".asc"):
		default:
			picked = append(picked, f)
		}
	}
	return picked
}

func (d debPick) wanted() string {
	switch {
	case d.file != "":
		return "is called " + d.file
	case d.want.signs != nil:
		return "is a signature of " + d.want.signs.Name
	case !d.want.sha256.IsZero():
		return "has the sha256 that the recipe says, " + d.want.sha256.Hex()
	}
	return "is an .orig.tar"
}

// openDebFile downloads the first of choices that its pool gives.
func (g *Getter) openDebFile(ctx context.Context, index *aptIndex, choices []debFile) (*body, error) {
	tried := map[string]bool{}
	var failed []error
	for _, c := range choices {
		if tried[c.uri] {
			continue
		}
		tried[c.uri] = true
		b, err := g.inTemp(func(dir string) (string, string, error) {
			_, err := g.run(ctx, client{
				name: aptHelper, dir: dir, set: index.set(),
				args: []string{"-q", "download-file", c.uri, dir + "/file", "SHA256:" + c.sum.Hex()},
			})
			return "file", c.name, err
		})
		if err == nil {
			return b, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		failed = append(failed, fmt.Errorf("%s: %w", c.name, err))
	}
	return nil, errors.Join(failed...)
}

// sameVersion reports whether a listed version (epoch:upstream-revision) is what a package URL says,
// which may leave out epoch and revision (deb-version(7)).
func sameVersion(listed, said string) bool {
	_, noEpoch, ok := strings.Cut(listed, ":")
	if !ok {
		noEpoch = listed
	}
	upstream := noEpoch
	if i := strings.LastIndexByte(noEpoch, '-'); i > 0 {
		upstream = noEpoch[:i]
	}
	withEpoch := strings.TrimSuffix(listed, strings.TrimPrefix(noEpoch, upstream))
	return said == listed || said == noEpoch || said == upstream || said == withEpoch
}

func unique(list []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
