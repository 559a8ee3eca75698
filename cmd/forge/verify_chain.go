package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"forge/channels"
	"forge/digest"
	"forge/provenance"
	"forge/trust"
)

// chain checks packages and, through their statements, the packages they were made with. Each file is
// checked once.
type chain struct {
	keys *trust.KeySet
	open channels.OpenFunc
	now  time.Time
	done map[string]*checked          // by absolute path; nil while it is at work
	sums map[string]map[string]string // by folder: what its index says of each file
	read map[string]digest.Digest     // by path: what was read of a material

	settled bool // nobody writes to the channel now
}

// checked is the verdict on one package with its materials.
type checked struct {
	trust.Verdict
	Content   digest.Digest     `json:"content,omitzero"` // what a dependent sees of it
	Materials []checkedMaterial `json:"materials,omitempty"`
	Tests     *checkedTests     `json:"tests,omitempty"` // as the signed statements say; nil where none is about tests
	build     *provenance.Build
}

// checkedTests are the tests that signed statements name.
type checkedTests struct {
	Passed []string `json:"passed"`
	Failed []string `json:"failed"`
}

// checkedMaterial is one material with what could be said of it here.
type checkedMaterial struct {
	Kind   string            `json:"kind"`
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest"`
	Status string            `json:"status"`
}

// The states of a material.
const (
	statusGood       = "good"               // a package that is here and was checked
	statusSuperseded = "superseded"         // the name now holds other bytes: no failure
	statusElsewhere  = "not here"           // a package of which only the digest is at hand
	statusDigest     = "by digest"          // sources, patches, the recipe
	statusTrusted    = "trusted, not built" // tools of the host
)

func newChain(keys *trust.KeySet, open channels.OpenFunc, now time.Time) *chain {
	return &chain{keys: keys, open: open, now: now, done: map[string]*checked{}, sums: map[string]map[string]string{}, read: map[string]digest.Digest{}}
}

// check is the verdict on the file. A dependency that is here and does not hold up is a refusal. What is refused is
// looked at again while nobody writes to its channel: a build may just have replaced some of what belongs together.
func (c *chain) check(ctx context.Context, file string) *checked {
	one := c.look(ctx, file)
	if one.Good || c.settled || ctx.Err() != nil {
		return one
	}
	again := newChain(c.keys, c.open, c.now)
	again.settled = true
	dir := filepath.Dir(filepath.Dir(file))
	if err := channels.Settled(ctx, dir, func() { one = again.look(ctx, file) }); err != nil {
		one.Reason += "; " + err.Error()
		return one
	}
	maps.Copy(c.done, again.done)
	return one
}

func (c *chain) look(ctx context.Context, file string) *checked {
	abs, err := filepath.Abs(file)
	if err != nil {
		return &checked{Verdict: trust.Verdict{Path: file, Reason: err.Error()}}
	}
	if one, known := c.done[abs]; known {
		if one == nil {
			return &checked{Verdict: trust.Verdict{Path: file, Reason: "it is among its own materials"}}
		}
		again := *one
		again.Path = file
		return &again
	}
	c.done[abs] = nil
	one := &checked{Verdict: trust.VerifyArtifact(ctx, abs, c.keys, c.now)}
	one.Path = file
	if one.Good {
		if err := c.follow(ctx, abs, one); err != nil {
			one.Good, one.Reason = false, err.Error()
		}
	}
	c.done[abs] = one
	return one
}

// follow reads the statement of a good artifact and checks what it names. An unsigned statement is not
// believed, so nothing is made of it.
func (c *chain) follow(ctx context.Context, file string, one *checked) error {
	if err := c.checkIndexed(file, one.SHA256); err != nil {
		return err
	}
	build, err := provenance.Parse(one.Statement)
	if err != nil {
		return err
	}
	if err := c.checkContent(file, &build, one); err != nil {
		return err
	}
	if !one.Signed {
		return nil
	}
	one.build = &build
	if err := one.readTests(); err != nil {
		return err
	}
	for _, m := range build.Materials {
		status, err := c.material(ctx, file, m)
		if err != nil {
			return err
		}
		one.Materials = append(one.Materials, checkedMaterial{m.Kind, m.Name, m.URI, m.Digests, status})
	}
	return nil
}

// readTests reads the results of tests that trusted keys state. A package whose tests failed is refused.
func (one *checked) readTests() error {
	for _, payload := range one.Verdict.Tests {
		passed, failed, err := provenance.ParseTests(payload)
		if err != nil {
			return err
		}
		if one.Tests == nil {
			one.Tests = &checkedTests{Passed: []string{}, Failed: []string{}}
		}
		one.Tests.Passed = append(one.Tests.Passed, passed...)
		one.Tests.Failed = append(one.Tests.Failed, failed...)
	}
	if one.Tests != nil && len(one.Tests.Failed) > 0 {
		return fmt.Errorf("a trusted key states that its tests failed: %s", clip(strings.Join(one.Tests.Failed, ", ")))
	}
	return nil
}

// checkContent opens the package: it must hold the output that the statement names, and its payload must
// be what its own paths.json says.
func (c *chain) checkContent(file string, build *provenance.Build, one *checked) error {
	pkg, err := c.open(file)
	if err != nil {
		return err
	}
	defer pkg.Close()
	record, err := pkg.Record()
	if err != nil {
		return err
	}
	if record.String() != build.Output || record.Subdir != build.Platform {
		return fmt.Errorf("the statement is about %s for %s, the package says it is %s for %s", clip(build.Output), clip(build.Platform), record, record.Subdir)
	}
	one.Content, err = pkg.ContentDigest()
	return err
}

// clip shortens text of a stranger's for a message.
func clip(s string) string { return fmt.Sprintf("%.100q", s) }

func (c *chain) material(ctx context.Context, file string, m provenance.Material) (string, error) {
	switch m.Kind {
	case "external":
		return statusTrusted, nil
	case "package":
	default:
		return statusDigest, nil
	}
	status := statusElsewhere
	for _, beside := range besides(file, m) {
		sum, err := c.sumOf(beside)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("its material %s: %w", m.Name, err)
		}
		if sum.Hex() != m.Digests["sha256"] {
			status = statusSuperseded
			continue
		}
		dep := c.check(ctx, beside)
		if !dep.Good {
			return "", fmt.Errorf("its material %s is refused: %s", relative(beside), dep.Reason)
		}
		if want, ok := m.Digests[provenance.DigestContent]; ok && want != dep.Content.Hex() {
			return "", fmt.Errorf("its material %s has the content %s, the statement says %s", relative(beside), dep.Content.Hex(), clip(want))
		}
		return statusGood, nil
	}
	return status, nil
}

// sumOf is the sha256 of a file, which is read once: many packages are made with the same ones.
func (c *chain) sumOf(path string) (digest.Digest, error) {
	if sum, known := c.read[path]; known {
		return sum, nil
	}
	sum, _, err := digest.OfFile(path)
	if err == nil {
		c.read[path] = sum
	}
	return sum, err
}

// besides is where the package m may lie if it is in the channel that file is in. A URI that names no
// subdir is looked for in the file's and in noarch. Nothing that m says leads out of the channel.
func besides(file string, m provenance.Material) []string {
	uri, err := url.Parse(m.URI)
	if err != nil {
		return nil
	}
	dir, name := path.Split(uri.Path)
	subdirs := []string{path.Base(dir)}
	if dir == "" {
		subdirs = []string{filepath.Base(filepath.Dir(file)), channels.NoArch}
	}
	if uri.Scheme == "pkg" || m.URI == "" {
		name = m.Name
		if !strings.HasSuffix(name, ".conda") && !strings.HasSuffix(name, ".tar.bz2") {
			name += ".conda"
		}
		if s := uri.Query().Get("subdir"); s != "" {
			subdirs = []string{s}
		}
	}
	if f, ok := m.Annotations["file"].(string); ok {
		name = f
	}
	var found []string
	for _, subdir := range subdirs {
		if plainName(subdir) && plainName(name) {
			found = append(found, filepath.Join(filepath.Dir(filepath.Dir(file)), subdir, name))
		}
	}
	return found
}

// plainName reports whether s can only name something inside the folder it is joined to.
func plainName(s string) bool {
	return s != "" && !strings.HasPrefix(s, ".") && !strings.ContainsAny(s, `/\:`)
}

// checkIndexed compares with what the channel's index says of the file, where there is one.
func (c *chain) checkIndexed(file string, sum digest.Digest) error {
	folder := filepath.Dir(file)
	sums, known := c.sums[folder]
	if !known {
		var err error
		if sums, err = indexedSums(filepath.Join(folder, "repodata.json")); err != nil {
			return fmt.Errorf("read the index beside it: %w", err)
		}
		c.sums[folder] = sums
	}
	if listed, ok := sums[filepath.Base(file)]; ok && listed != sum.Hex() {
		return fmt.Errorf("the index beside it lists other bytes: sha256 %q, the file has %s: build again to mend the index", listed, sum.Hex())
	}
	return nil
}

// indexedSums reads the sha256 of each file in a repodata.json; none where there is no such file.
func indexedSums(repodata string) (map[string]string, error) {
	f, err := os.Open(repodata)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	type entries map[string]struct{ SHA256 string }
	var index struct {
		Packages entries `json:"packages"`
		Conda    entries `json:"packages.conda"`
	}
	if err := json.NewDecoder(f).Decode(&index); err != nil {
		return nil, err
	}
	sums := make(map[string]string, len(index.Packages)+len(index.Conda))
	for _, e := range []entries{index.Packages, index.Conda} {
		for name, record := range e {
			sums[name] = record.SHA256
		}
	}
	return sums, nil
}

// chainSummary counts what the whole chain stands on.
type chainSummary struct {
	Good       int `json:"packages_good"`
	Refused    int `json:"packages_refused"`
	Superseded int `json:"packages_superseded"`
	Elsewhere  int `json:"packages_not_here"`
	Sources    int `json:"sources"`
	Externals  int `json:"externals_trusted_not_built"`
}

func (c *chain) summary() chainSummary {
	var s chainSummary
	seen := map[string]bool{}
	for _, one := range c.done {
		if !one.Good {
			s.Refused++
			continue
		}
		s.Good++
		for _, m := range one.Materials {
			id := fmt.Sprint(m.Kind, m.Status, m.Digest)
			if seen[id] {
				continue
			}
			seen[id] = true
			switch {
			case m.Status == statusSuperseded:
				s.Superseded++
			case m.Status == statusElsewhere:
				s.Elsewhere++
			case m.Kind == "source":
				s.Sources++
			case m.Status == statusTrusted:
				s.Externals++
			}
		}
	}
	return s
}

func (s chainSummary) String() string {
	parts := []string{fmt.Sprintf("%d %s good", s.Good, plural("package", s.Good))}
	for _, p := range []struct {
		n    int
		text string
	}{
		{s.Refused, "refused"}, {s.Superseded, "superseded"}, {s.Elsewhere, "not here"},
		{s.Sources, plural("source", s.Sources)}, {s.Externals, plural("external", s.Externals) + " trusted, not built"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.text))
		}
	}
	return strings.Join(parts, ", ")
}

// line is the material for a person.
func (m checkedMaterial) line() string {
	name := m.Name
	if name == "" {
		name = m.URI
	}
	parts := []string{name}
	for _, alg := range []string{"sha256", provenance.DigestTree, "gitCommit", "sha512"} {
		if d := m.Digest[alg]; d != "" {
			parts = append(parts, alg+":"+d[:min(12, len(d))])
			break
		}
	}
	if m.URI != "" && m.URI != name {
		parts = append(parts, m.URI)
	}
	return strings.Join(append(parts, "("+m.Status+")"), "  ")
}
