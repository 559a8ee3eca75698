package sources

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"forge/digest"
	"forge/internal/fsx"
)

// aptIndex is a private apt: state, cache and sources of our own, the machine's keys and logins.
type aptIndex struct {
	g   *Getter
	ctx context.Context
	dir string
}

// set is the environment that makes apt private.
func (x *aptIndex) set() map[string]string {
	return map[string]string{"APT_CONFIG": filepath.Join(x.dir, "apt.conf")}
}

// tooFresh is how old an index must be before a miss in it is worth another look.
const tooFresh = 10 * time.Minute

// aptIndex returns the index of the machine's source packages, fetched if there is none in the store,
// if it is older than Config.IndexAge or, with refresh, if it is not quite new. It is shared between
// packages and processes. renewed tells that it could not be newer.
func (g *Getter) aptIndex(ctx context.Context, refresh bool) (x *aptIndex, renewed bool, err error) {
	stanzas, err := debSources(g.etc, osCodename("/etc/os-release"))
	if err != nil {
		return nil, false, err
	}
	x = &aptIndex{g, ctx, filepath.Join(g.Store.Root(), "sources", "apt-"+digest.Of([]byte(stanzas)).Hex()[:16])}
	unlock, err := g.lock(ctx, "apt index")
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	age, have := x.age()
	if have && (age < tooFresh || age < g.IndexAge && !refresh) {
		return x, age < tooFresh, nil
	}
	if err := x.updateOnce(stanzas); err != nil {
		if have && ctx.Err() == nil {
			return x, true, nil // an old index is better than none: the sha256 decides
		}
		return nil, false, err
	}
	return x, true, nil
}

// age is how long ago the index was fetched.
func (x *aptIndex) age() (time.Duration, bool) {
	b, err := os.ReadFile(x.stamp())
	if err != nil {
		return 0, false
	}
	at, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0, false
	}
	age := x.g.Now().Sub(time.Unix(at, 0))
	if age < 0 {
		age = x.g.IndexAge + tooFresh // a clock that went back
	}
	return age, true
}

func (x *aptIndex) stamp() string { return filepath.Join(x.dir, "updated") }

// updateOnce is update, but what failed a moment ago is not tried again for every package.
func (x *aptIndex) updateOnce(stanzas string) error {
	g := x.g
	g.mu.Lock()
	err, at := g.aptFailed, g.aptFailedAt
	g.mu.Unlock()
	if age := g.Now().Sub(at); err != nil && age >= 0 && age < tooFresh {
		return err
	}
	err = x.update(stanzas)
	if x.ctx.Err() == nil {
		g.mu.Lock()
		g.aptFailed, g.aptFailedAt = err, g.Now()
		g.mu.Unlock()
	}
	return err
}

// update lays the private apt out and lets it read the indexes, which it checks against the keys that
// the machine trusts. Archives that fail are left out as long as one is read.
func (x *aptIndex) update(stanzas string) error {
	for _, d := range []string{"etc/sources.list.d", "etc/none", "state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(x.dir, d), 0o755); err != nil {
			return err
		}
	}
	conf, err := x.config()
	if err != nil {
		return err
	}
	if err := fsx.WriteFile(filepath.Join(x.dir, "apt.conf"), []byte(conf), 0o644); err != nil {
		return err
	}
	if err := fsx.WriteFile(filepath.Join(x.dir, "etc/sources.list.d/forge.sources"), []byte(stanzas), 0o644); err != nil {
		return err
	}
	_, failed := x.g.run(x.ctx, client{name: "apt-get", args: []string{"-q", "-o", "APT::Update::Error-Mode=any", "update"}, dir: x.dir, set: x.set()})
	if err := x.ctx.Err(); err != nil {
		return err
	}
	targets, err := x.targets()
	if len(targets) == 0 {
		if err = errors.Join(failed, err); err == nil {
			err = errors.New("apt-get update gave no list of source packages")
		}
		return err
	}
	return fsx.WriteFile(x.stamp(), []byte(strconv.FormatInt(x.g.Now().Unix(), 10)+"\n"), 0o644)
}

// config is an apt.conf that takes from the machine's only how the network is reached: its hooks
// would run, as root, with every update.
func (x *aptIndex) config() (string, error) {
	if strings.ContainsAny(x.dir, "\"\\\n") {
		return "", fmt.Errorf("the store %s has a path that apt cannot read", x.dir)
	}
	out, err := x.g.run(x.ctx, client{name: "apt-config", args: []string{"dump"}, dir: x.dir})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "Acquire::") && !strings.HasPrefix(line, "Acquire::GzipIndexes") &&
			!strings.HasPrefix(line, "Acquire::Languages") && !strings.HasPrefix(line, "Acquire::Retries") {
			b.WriteString(line)
		}
	}
	fmt.Fprintf(&b, `Dir::State "%[1]s/state/";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "%[1]s/cache/";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "%[1]s/etc/sources.list.d/";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "%[1]s/etc/none/";
APT::Sandbox::User "root";
Acquire::GzipIndexes "false";
Acquire::Languages "none";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
Acquire::Retries "2";
`, x.dir)
	return b.String(), nil
}

// target is one list of source packages and the archive it speaks of.
type target struct{ uri, file string }

// targets are the lists that are there, ordered.
func (x *aptIndex) targets() ([]target, error) {
	out, err := x.g.run(x.ctx, client{
		name: "apt-get", dir: x.dir, set: x.set(),
		args: []string{"indextargets", "--format", "$(REPO_URI) $(FILENAME)", "Created-By: Sources"},
	})
	if err != nil {
		return nil, err
	}
	var all []target
	for line := range strings.Lines(string(out)) {
		uri, file, ok := strings.Cut(strings.TrimRight(line, "\n"), " ")
		if _, err := os.Stat(file); ok && err == nil {
			all = append(all, target{uri, file})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].file < all[j].file })
	return all, nil
}

// debRevision is one stanza of a list.
type debRevision struct {
	version string
	files   []debFile
}

// revisions are all listed revisions of the source package name.
func (x *aptIndex) revisions(name string) ([]debRevision, error) {
	unlock, err := x.g.lock(x.ctx, "apt index")
	if err != nil {
		return nil, err
	}
	defer unlock()
	targets, err := x.targets()
	if err != nil {
		return nil, err
	}
	var all []debRevision
	for _, t := range targets {
		data, err := os.ReadFile(t.file)
		if err == nil && !bytes.HasPrefix(data, []byte("Package:")) && len(data) > 0 {
			data, err = x.g.run(x.ctx, client{name: aptHelper, args: []string{"cat-file", t.file}, dir: x.dir, set: x.set()})
		}
		if err != nil {
			return nil, err
		}
		for _, stanza := range stanzasOf(data, name) {
			all = append(all, revisionOf(stanza, t.uri))
		}
	}
	return all, nil
}

// stanzasOf finds the stanzas of the source package name in a Sources file.
func stanzasOf(data []byte, name string) []string {
	var found []string
	head := []byte("\nPackage: " + name + "\n")
	data = append([]byte("\n"), data...)
	for {
		i := bytes.Index(data, head)
		if i < 0 {
			return found
		}
		start := bytes.LastIndex(data[:i+1], []byte("\n\n"))
		data = data[start+1:]
		end := bytes.Index(data[1:], []byte("\n\n"))
		if end < 0 {
			end = len(data) - 1
		}
		found = append(found, string(data[1:end+1]))
		data = data[end+1:]
	}
}

// revisionOf reads what is needed of a stanza (deb-src-control(5)); uri is its archive, with a slash at the end.
func revisionOf(stanza, uri string) debRevision {
	var (
		r         debRevision
		directory string
		inSums    bool
	)
	for line := range strings.Lines(stanza) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, " ") {
			if fields := strings.Fields(line); inSums && len(fields) == 3 {
				sum, err := digest.Parse(fields[0])
				size, nerr := strconv.ParseInt(fields[1], 10, 64)
				if err == nil && nerr == nil && !strings.ContainsAny(fields[2], "/ ") {
					r.files = append(r.files, debFile{name: fields[2], sum: sum, size: size})
				}
			}
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		inSums = key == "Checksums-Sha256"
		switch key {
		case "Version":
			r.version = value
		case "Directory":
			directory = value
		}
	}
	for i := range r.files {
		r.files[i].uri = strings.TrimSuffix(uri, "/") + "/" + directory + "/" + r.files[i].name
	}
	return r
}
