package sources

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"sync"

	"github.com/package-url/packageurl-go"

	"forge/internal/archive"
	"forge/internal/fsx"
)

var npmScope = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^@[A-Za-z0-9_~][A-Za-z0-9._~-]*$`) })

// openNPM gives a package's tgz by `npm pack`, which checks its integrity. No script of it is run.
func (g *Getter) openNPM(ctx context.Context, p packageurl.PackageURL) (*body, error) {
	if err := plainNames(plainPackage(), p); err != nil {
		return nil, err
	}
	if p.Namespace != "" && !npmScope().MatchString(p.Namespace) {
		return nil, fmt.Errorf("%q is no npm scope", p.Namespace)
	}
	return g.inTemp(func(dir string) (string, string, error) {
		work := filepath.Join(dir, "work")
		if err := os.Mkdir(work, 0o755); err != nil {
			return "", "", err
		}
		_, err := g.run(ctx, client{
			name: "npm", dir: work, set: npmSettings(dir),
			args: []string{"pack", "--ignore-scripts", "--pack-destination", work, "--", moduleName(p) + "@" + p.Version},
		})
		if err != nil {
			return "", "", err
		}
		tgz, err := only(work, ".tgz")
		return tgz, p.Name + "-" + p.Version + ".tgz", err
	})
}

// npmSettings keep npm's cache and logs in a folder of ours.
func npmSettings(dir string) map[string]string {
	return map[string]string{
		"npm_config_cache": filepath.Join(dir, "npm"), "npm_config_update_notifier": "false", "npm_config_fund": "false",
		"npm_config_audit": "false", "npm_config_loglevel": "error", "TMPDIR": dir,
		"npm_config_fetch_retries": "2", "npm_config_fetch_retry_mintimeout": "1000", "npm_config_fetch_retry_maxtimeout": "10000",
	}
}

// npmLock is what is read of a lock file (package-lock.json(5)), version 2 or 3.
type npmLock struct {
	Packages map[string]struct {
		Name, Version, Resolved, Integrity string
		Link                               bool
	}
}

// npmClosure fetches what the recipe's lock file names, or the npm-shrinkwrap.json inside the package, but
// for what only its makers need: it comes built. A package without either locks nothing; what it needs is then
// a matter of the recipe's run requirements.
func (g *Getter) npmClosure(ctx context.Context, _ packageurl.PackageURL, file File, own []byte) ([]File, error) {
	dir, err := g.Store.TempDir("npm")
	if err != nil {
		return nil, err
	}
	defer fsx.RemoveAll(dir)
	lock, err := g.npmManifest(ctx, file, filepath.Join(dir, "full"), filepath.Join(dir, "locked"), own)
	if lock == nil || err != nil {
		return nil, err
	}
	_, err = g.run(ctx, client{
		name: "npm", dir: filepath.Join(dir, "locked"), set: npmSettings(dir), args: []string{"ci", "--omit=dev", "--ignore-scripts", "--no-bin-links"},
	})
	if err != nil {
		return nil, err
	}
	return g.npmFiles(*lock, filepath.Join(dir, "npm"))
}

// npmManifest puts package.json and lock file, the recipe's own before the package's, into the new folder
// locked, alone: what else the package holds, an .npmrc above all, must not steer npm. It returns nil if there
// is no lock file.
func (g *Getter) npmManifest(ctx context.Context, file File, full, locked string, own []byte) (*npmLock, error) {
	if _, err := archive.Extract(ctx, g.Store.Path(file.Digest, false), file.Name, full, archive.Options{StripTop: true, LastWins: true}); err != nil {
		return nil, err
	}
	if err := os.Mkdir(locked, 0o755); err != nil {
		return nil, err
	}
	lock := &npmLock{}
	for _, name := range []string{"npm-shrinkwrap.json", "package.json"} {
		raw, err := own, error(nil)
		if own == nil || name == "package.json" {
			raw, err = readBeside(full, name, mostLock)
		}
		if os.IsNotExist(err) && name != "package.json" {
			return nil, nil
		}
		if err == nil && name != "package.json" {
			err = json.Unmarshal(raw, lock)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(locked, name), raw, 0o644)
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	for at, entry := range lock.Packages {
		if entry.Resolved != "" && !strings.HasPrefix(entry.Resolved, "https://") && !strings.HasPrefix(entry.Resolved, "http://") {
			return nil, fmt.Errorf("lock file: %s is locked to %s, not to a registry", at, shown(entry.Resolved))
		}
	}
	return lock, nil
}

// npmFiles stores the locked packages that npm's cache holds; those for other systems are not in it.
func (g *Getter) npmFiles(lock npmLock, cache string) ([]File, error) {
	var files []File
	seen := map[string]bool{}
	for at, entry := range lock.Packages {
		if entry.Integrity == "" || entry.Link || seen[entry.Integrity] {
			continue
		}
		seen[entry.Integrity] = true
		algorithm, sum, err := parseIntegrity(entry.Integrity)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		name := entry.Name
		if name == "" {
			name = at[strings.LastIndex(at, "node_modules/")+len("node_modules/"):]
		}
		f, err := g.stored(filepath.Join(cache, filepath.FromSlash(cacachePath(algorithm, sum))),
			name+"-"+entry.Version+".tgz", "pkg:npm/"+strings.Replace(name, "@", "%40", 1)+"@"+entry.Version)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	sort.Slice(files, func(i, j int) bool { return files[i].Name < files[j].Name })
	return files, nil
}

// parseIntegrity reads the strongest hash of a subresource integrity string.
func parseIntegrity(s string) (algorithm string, sum []byte, err error) {
	for _, want := range []string{"sha512", "sha1"} {
		for _, one := range strings.Fields(s) {
			if text, ok := strings.CutPrefix(one, want+"-"); ok {
				sum, err = base64.StdEncoding.DecodeString(text)
				return want, sum, err
			}
		}
	}
	return "", nil, fmt.Errorf("integrity %q has no sha512", s)
}

// cacachePath is where npm's cache keeps content.
func cacachePath(algorithm string, sum []byte) string {
	h := hex.EncodeToString(sum)
	if len(h) < 6 {
		return "short"
	}
	return path.Join("_cacache", "content-v2", algorithm, h[:2], h[2:4], h[4:])
}

// layNPM makes extra/npm an npm cache from which `npm ci --offline` installs: content by hash is
// all it needs, since the lock file has the hashes.
func (g *Getter) layNPM(ctx context.Context, files []File, extra string) (map[string]string, error) {
	if len(files) == 0 {
		return nil, nil
	}
	cache := filepath.Join(extra, "npm")
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := g.Store.Bytes(f.Digest)
		if err != nil {
			return nil, err
		}
		sum := sha512.Sum512(b)
		if err := g.lay(f, cache, cacachePath("sha512", sum[:])); err != nil {
			return nil, err
		}
	}
	return map[string]string{
		"npm_config_cache": cache, "npm_config_offline": "true", "npm_config_audit": "false", "npm_config_fund": "false",
		"npm_config_update_notifier": "false", "npm_config_logs_max": "0",
	}, nil
}
