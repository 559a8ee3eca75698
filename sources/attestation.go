package sources

import (
	"context"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/package-url/packageurl-go"

	"forge/digest"
	"forge/internal/fsx"
	"forge/recipes"
)

// mostAttestation is the size beyond which what holds attestations is not read.
const mostAttestation = 16 << 20

// AttestationError tells why the attestations that a recipe asks for do not hold: Err is the checker's
// verdict, or why there was none to be had.
type AttestationError struct {
	File string // that is to be attested
	Err  error
}

func (e *AttestationError) Error() string { return "attestation of " + e.File + ": " + e.Err.Error() }
func (e *AttestationError) Unwrap() error { return e.Err }

// checkAttestation wants file, which is in the store, to be attested by all publishers that the recipe names.
func (g *Getter) checkAttestation(ctx context.Context, origin recipes.Origin, src recipes.Source, file File) ([]Attestation, error) {
	if src.Attestation == nil {
		return nil, nil
	}
	verdicts, err := g.judgeAttestation(ctx, origin, src, file)
	if err != nil && ctx.Err() == nil {
		err = &AttestationError{file.Name, err}
	}
	return verdicts, err
}

func (g *Getter) judgeAttestation(ctx context.Context, origin recipes.Origin, src recipes.Source, file File) ([]Attestation, error) {
	if g.Attests == nil {
		return nil, errors.New("this forge has no checker, so it cannot be checked")
	}
	from := src.Attestation.BundleURL
	if from == "" {
		if from = registryOf(src.URLs); from == "" {
			return nil, errors.New("the recipe says nowhere where it is: give its `bundle_url`")
		}
	}
	sums, err := g.sums(file)
	if err != nil {
		return nil, err
	}
	data, err := g.attestations(ctx, origin, from, file)
	if err != nil {
		return nil, err
	}
	verdicts, err := g.Attests.CheckAttestations(data, sums, src.Attestation.Publishers)
	if err != nil {
		os.Remove(g.recordPath(attestationKey(file, from))) // a good one may be there tomorrow
		return nil, err
	}
	if len(verdicts) != len(src.Attestation.Publishers) || len(verdicts) == 0 {
		return nil, errors.New("not every publisher's was checked")
	}
	for i := range verdicts {
		verdicts[i].Bundle, verdicts[i].BundleURL = digest.Of(data), withoutSecrets(from)
	}
	return verdicts, nil
}

// sums reads the store's file once more, held to its name there, for the sums that attestations may use.
func (g *Getter) sums(file File) (FileSums, error) {
	data, err := os.Open(g.Store.Path(file.Digest, false))
	if err != nil {
		return FileSums{}, err
	}
	defer data.Close()
	long := sha512.New()
	if err := readAll(io.TeeReader(newCheckingReader(data, hashes{sha256: file.Digest}, g.MaxBytes), long)); err != nil {
		return FileSums{}, err
	}
	return FileSums{file.Digest.Sum(), [sha512.Size]byte(long.Sum(nil))}, nil
}

// attestations gets what is at an address, from the store if it was got before. "file:NAME" is a file of the
// recipe's folder, and a package URL is asked of the registry.
func (g *Getter) attestations(ctx context.Context, origin recipes.Origin, from string, file File) ([]byte, error) {
	if name, ok := strings.CutPrefix(from, "file:"); ok && !strings.HasPrefix(name, "/") {
		return readBeside(origin.Dir, name, mostAttestation)
	}
	key := attestationKey(file, from)
	if rec, ok := g.recall(key); ok && len(rec.Files) == 1 {
		if b, err := g.Store.Bytes(rec.Files[0].Digest); err == nil {
			return b, nil
		}
	}
	if g.Offline {
		return nil, fmt.Errorf("%s %w", shown(from), ErrOffline)
	}
	got, err := g.fromMirror(ctx, from, ask{attests: &file}, nil)
	if err != nil {
		return nil, &UnreachableError{[]mirrorError{{from, err}}}
	}
	if err := g.remember(key, record{Files: []File{got}}); err != nil {
		return nil, err
	}
	return g.Store.Bytes(got.Digest)
}

func attestationKey(file File, url string) string {
	return "attestation " + file.Digest.Hex() + " " + url
}

// registryOf is the package whose registry has attestations of a source: the one it names, or the one whose
// file it is, seen by the folders of a Python index. A wrong guess finds no attestation of these bytes.
func registryOf(urls []string) string {
	for _, u := range urls {
		if strings.HasPrefix(u, "pkg:pypi/") || strings.HasPrefix(u, "pkg:npm/") {
			return u
		}
	}
	for _, u := range urls {
		path, _, _ := strings.Cut(u, "#")
		path, _, _ = strings.Cut(path, "?")
		parts := strings.Split(path, "/")
		n := len(parts)
		if n < 6 || !indexFolders(parts[n-5:n-1]) {
			continue
		}
		if name, version := distribution(parts[n-1]); version != "" {
			return packageurl.NewPackageURL(packageurl.TypePyPi, "", name, version, nil, "").ToString()
		}
	}
	return ""
}

// indexFolders knows packages/source/N/NAME and packages/XX/XX/THE-REST-OF-A-BLAKE2-SUM.
func indexFolders(p []string) bool {
	return p[0] == "packages" && (p[1] == "source" && len(p[2]) == 1 || len(p[1]) == 2 && len(p[2]) == 2 && len(p[3]) == 60)
}

// distribution splits the file name of a source archive or wheel
// (https://packaging.python.org/en/latest/specifications/source-distribution-format/, binary-distribution-format/).
func distribution(file string) (name, version string) {
	if stem, ok := strings.CutSuffix(file, ".whl"); ok {
		if parts := strings.Split(stem, "-"); len(parts) >= 5 {
			return parts[0], parts[1]
		}
		return "", ""
	}
	for _, ext := range []string{".tar.gz", ".zip", ".tar.bz2"} {
		if stem, ok := strings.CutSuffix(file, ext); ok {
			if i := strings.LastIndexByte(stem, '-'); i > 0 {
				return stem[:i], stem[i+1:]
			}
		}
	}
	return "", ""
}

// openAttestations gives what a package's registry says of who published it.
func (g *Getter) openAttestations(ctx context.Context, p packageurl.PackageURL, file *File) (*body, error) {
	if err := plainNames(plainPackage(), p); err != nil {
		return nil, err
	}
	switch p.Type {
	case packageurl.TypePyPi:
		return g.inTemp(func(dir string) (string, string, error) {
			_, err := g.pip(ctx, dir, p.Name, p.Version, file.Digest.Hex(), dir, "provenance")
			return "file", "provenance", err
		})
	case packageurl.TypeNPM:
		return g.openNPMAttestations(ctx, p)
	}
	return nil, fmt.Errorf("registries of packages of type %q have no attestations; give a `bundle_url`", p.Type)
}

// openNPMAttestations asks npm where the attestations of a package are.
func (g *Getter) openNPMAttestations(ctx context.Context, p packageurl.PackageURL) (*body, error) {
	if p.Namespace != "" && !npmScope().MatchString(p.Namespace) {
		return nil, fmt.Errorf("%q is no npm scope", p.Namespace)
	}
	dir, err := g.Store.TempDir("fetch")
	if err != nil {
		return nil, err
	}
	defer fsx.RemoveAll(dir)
	out, err := g.run(ctx, client{name: "npm", dir: dir, set: npmSettings(dir),
		args: []string{"view", "--json", "--", moduleName(p) + "@" + p.Version, "dist.attestations.url"}})
	if err != nil {
		return nil, err
	}
	var at string
	if json.Unmarshal(out, &at) != nil || !strings.HasPrefix(at, "https://") && !strings.HasPrefix(at, "http://") {
		return nil, errors.New("the registry has no attestations of it")
	}
	return g.openWeb(ctx, at, ask{})
}
