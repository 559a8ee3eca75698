package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forge/digest"
	"forge/internal/fsx"
	"forge/packages"
	"forge/platforms/toolchain"
	"forge/sandbox"
	"forge/store"
)

// site is the place on this machine where one build happens; it is removed afterwards.
type site struct {
	dir     string
	scratch string // names the sandbox; nothing lies there
	work    string // SRC_DIR
	prefix  string // PREFIX
	build   string // BUILD_PREFIX
	extra   string // module closures, if there are any
	at      layout // where the command sees them
	level   sandbox.Isolation
	calls   []string       // batch files of externals that are called before anything is activated
	fresh   []folderState  // of folders() when they were made; nil for a site that is not to be handed on
	beside  []sandbox.File // what a script of our own reads, beside it
}

// folders are those that every site has.
func (s *site) folders() []string { return []string{s.work, s.prefix, s.build} }

func (r *runner) newSite(ctx context.Context, name string, at layout) (*site, error) {
	level, err := r.level(ctx)
	if err != nil {
		return nil, err
	}
	handOn := level.Places() && len(r.vary) == 0 && !r.req.KeepBuild // the command sees no path of ours
	if handOn {
		if used, ok := r.sites.take(); ok {
			s := siteAt(used.dir, level, at)
			s.fresh = used.fresh
			return s, s.at.check()
		}
		name = "site"
	}
	dir, err := r.vary.tempDir(r.tools.Store, name)
	if err != nil {
		return nil, err
	}
	s, err := makeSite(dir, level, at)
	if err == nil && handOn {
		s.fresh = statesOf(s.folders())
	}
	return s, err
}

// siteAt names the folders of a site.
func siteAt(dir string, level sandbox.Isolation, at layout) *site {
	s := &site{dir: dir, scratch: filepath.Join(dir, "root"), work: filepath.Join(dir, "work"),
		prefix: filepath.Join(dir, "prefix"), build: filepath.Join(dir, "build"), extra: filepath.Join(dir, "extra"), at: at, level: level}
	if !level.Places() {
		s.at = placeLayout(dir)
		s.prefix = s.at.prefix
	}
	return s
}

func makeSite(dir string, level sandbox.Isolation, at layout) (*site, error) {
	s := siteAt(dir, level, at)
	if err := s.at.check(); err != nil {
		return nil, err
	}
	// No more than is needed: to make a folder and to remove it again is dear, on ext4 without a journal the more the
	// more were removed lately (see sites).
	for _, d := range s.folders() {
		if err := os.Mkdir(d, 0o755); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *site) remove() error { return fsx.RemoveAll(s.dir) }

func (r *runner) formatOf(name string) (packages.Format, error) {
	for _, f := range r.tools.Formats {
		if ext := f.Extension(); len(name) > len(ext) && name[len(name)-len(ext):] == ext {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%s is in no format that can be read", name)
}

// spec is the sandbox of a build or a test: externals as /usr, nothing else of the host.
// At the lower levels the host's own folders stand in their place, and the statement says which level it was.
func (r *runner) spec(ctx context.Context, s *site, externals []*toolchain.External) (sandbox.Spec, error) {
	spec := CommandSpec()
	spec.Limits, spec.Level, spec.Scratch = r.req.Limits, s.level, s.scratch
	spec.Env = list(map[string]string{"PATH": basePath}) // the script sources the rest
	if !s.level.Places() {
		spec.Mounts = append(hostMounts(), folderMounts(externals)...)
		return spec, nil
	}
	root, err := r.externalsRoot(ctx, externals)
	if err != nil {
		return sandbox.Spec{}, fmt.Errorf("externals: %w", err)
	}
	// /etc is ours alone: what a host keeps there is configuration, never part of a tool.
	for _, top := range []string{"usr", "opt"} {
		if _, err := os.Stat(filepath.Join(root, top)); err == nil {
			spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: filepath.Join(root, top), Target: "/" + top})
		}
	}
	return spec, nil
}

// externalsRoot is the folder in the store with the files of all the externals; many builds of a run have
// the same ones, and to put thousands of names together costs more than a small build.
func (r *runner) externalsRoot(ctx context.Context, externals []*toolchain.External) (string, error) {
	var key strings.Builder
	trees := make([]digest.Digest, 0, len(externals))
	for _, e := range externals {
		trees = append(trees, e.Tree)
		key.WriteString(e.Tree.Hex())
	}
	r.mu.Lock()
	root := r.roots[key.String()]
	r.mu.Unlock()
	if root != "" {
		return root, nil
	}
	lay := func() (string, error) {
		return r.tools.Store.MaterializeUnion(ctx, trees, r.tools.Now(), func() ([]digest.Entry, error) { return merged(externals) })
	}
	root, err := lay()
	if errors.Is(err, store.ErrMissing) {
		if err = r.restore(ctx, externals); err == nil {
			root, err = lay()
		}
	}
	if err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.roots[key.String()] = root
	return root, nil
}

// merged are the files of all the externals.
func merged(externals []*toolchain.External) ([]digest.Entry, error) {
	all := make([][]digest.Entry, len(externals))
	for i, e := range externals {
		var err error
		if all[i], err = e.Entries(); err != nil {
			return nil, err
		}
	}
	entries, err := store.Merge(all...)
	if change := changedMeanwhile(externals); err != nil && change != nil {
		return nil, change
	}
	return entries, err
}

// restore imports externals again of which the store lost files.
func (r *runner) restore(ctx context.Context, externals []*toolchain.External) error {
	for _, e := range externals {
		again := *e // others read e meanwhile
		if err := r.tools.Externals.Restore(ctx, &again); err != nil {
			return err
		}
		if again.Tree != e.Tree {
			return fmt.Errorf("this machine's %s changed during the run; run the same command again, what was built is kept", e.Record.Name)
		}
	}
	return nil
}

// changedMeanwhile is an error where two externals hold the same host package in two versions: somebody
// upgraded it between the reading of one and the other.
func changedMeanwhile(externals []*toolchain.External) error {
	type reading struct {
		of     string
		origin toolchain.Origin
	}
	first := map[string]reading{}
	for _, e := range externals {
		for _, o := range e.Origin {
			name, _, _ := strings.Cut(o.Name, "@")
			old, ok := first[name]
			if !ok {
				first[name] = reading{e.Record.Name, o}
			} else if old.origin.Tree != o.Tree {
				return fmt.Errorf("this machine's %s changed during the run: it was %s when %s was read, %s when %s was; run the same command again, what was built is kept",
					name, old.origin.Version, old.of, o.Version, e.Record.Name)
			}
		}
	}
	return nil
}

// CommandSpec is where every command of a build begins, before anything is mounted: user, host name,
// environment, account files, the links to /usr. forge sandbox run begins there, too.
func CommandSpec() sandbox.Spec {
	env := map[string]string{"PATH": basePath, "HOME": insideWork}
	shellEnv(env)
	spec := sandbox.Spec{
		Env: list(env), Dir: insideWork, Hostname: buildHost, User: buildUser, UID: buildUID, GID: buildGID,
		Level: sandbox.Full, Files: accountFiles(),
	}
	for _, l := range []string{"bin", "sbin", "lib", "lib64"} {
		spec.Links = append(spec.Links, sandbox.Link{Path: "/" + l, Target: "usr/" + l})
	}
	return spec
}

// hostMounts are the folders of the machine that a command of a lower level may read.
func hostMounts() []sandbox.Mount {
	if onWindows { // its programs can be read by every process of every level
		return nil
	}
	var mounts []sandbox.Mount
	for _, dir := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc"} {
		if _, err := os.Stat(dir); err == nil {
			mounts = append(mounts, sandbox.Mount{Source: dir, Target: dir})
		}
	}
	return mounts
}

// folderMounts shows the folders that externals need beside the host's own.
func folderMounts(externals []*toolchain.External) []sandbox.Mount {
	var mounts []sandbox.Mount
	for _, e := range externals {
		for _, dir := range e.Folders {
			if !slices.ContainsFunc(mounts, func(m sandbox.Mount) bool { return m.Source == dir }) {
				mounts = append(mounts, sandbox.Mount{Source: dir, Target: dir})
			}
		}
	}
	return mounts
}

// show places the site's folders into the command's view, and the scripts where the layout has them.
func (s *site) show(spec *sandbox.Spec, scripts []sandbox.File) error {
	spec.Mounts = append(spec.Mounts,
		sandbox.Mount{Source: s.work, Target: s.at.work, Writable: true},
		sandbox.Mount{Source: s.prefix, Target: s.at.prefix, Writable: true},
		sandbox.Mount{Source: s.build, Target: s.at.build, Writable: true})
	if _, err := os.Lstat(s.extra); err == nil {
		spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: s.extra, Target: s.at.extra})
	} else if spec.Level.Places() {
		spec.Mounts = append(spec.Mounts, sandbox.Mount{Target: s.at.extra}) // empty
	}
	if spec.Level.Places() {
		spec.Files = append(spec.Files, scripts...)
		return nil
	}
	for _, f := range scripts {
		if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(f.Path, []byte(f.Data), 0o644); err != nil {
			return err
		}
	}
	tmp := filepath.Join(s.dir, "tmp")
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return err
	}
	spec.Env = append(spec.Env, "TMPDIR="+tmp)
	if s.at.windows {
		spec.Env = append(spec.Env, "TEMP="+tmp, "TMP="+tmp)
	}
	spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: s.at.root, Target: s.at.root}, sandbox.Mount{Source: tmp, Target: tmp, Writable: true})
	return nil
}

func accountFiles() []sandbox.File {
	return []sandbox.File{
		{Path: "/etc/passwd", Data: fmt.Sprintf("root:x:0:0:root:/:/bin/false\n%s:x:%d:%d:build user:%s:/bin/bash\nnobody:x:65534:65534:nobody:/:/bin/false\n", buildUser, buildUID, buildGID, insideWork)},
		{Path: "/etc/group", Data: fmt.Sprintf("root:x:0:\n%s:x:%d:\nnogroup:x:65534:\n", buildUser, buildGID)},
		{Path: "/etc/hosts", Data: "127.0.0.1 localhost " + buildHost + "\n::1 localhost\n"},
		{Path: "/etc/nsswitch.conf", Data: "passwd: files\ngroup: files\nhosts: files\n"},
	}
}
