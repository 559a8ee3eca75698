package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"forge/packages"
	"forge/platforms"
	"forge/store"
)

// Config says where tools are looked for.
type Config struct {
	Store    *store.Store       // where files go when an external is loaded
	Platform platforms.Platform // the machine; the zero value for this one
	Root     string             // folder that stands for "/"; empty for "/" itself, on Windows for the system's drive
	Declared []Declared         // externals of the workspace, in place of built-in ones

	// With Now, what was loaded is recorded in the store and read from there as long as all that it depends
	// on is as it was. Maker names this very program: records of another one are not read.
	Now   func() time.Time
	Maker string
}

// host is what a kind of machine can tell of its tools.
type host interface {
	// find says whether the tool is here: its observed version and the paths of its programs.
	find(t tool) (version string, programs []string, ok bool, err error)
	// parts lists the tool's files by host package.
	parts(t tool) ([]part, error)
}

// activator is a host that knows what activating a tool does; of the others the catalogue says it.
type activator interface {
	activation(t tool) (env map[string]string, calls []string)
}

// part is one host package, or one glob, of an external.
type part struct {
	name, version string   // a package URL or file URL, its version
	paths         []string // absolute, below Root
	links         []link   // symbolic links that no package lists
	texts         []written
	arch          string
}

// link is a symbolic link that an external has beside its files.
type link struct{ path, target string } // path relative to /

// written is a file that an external has beside those of the host.
type written struct{ path, text string } // path relative to /

// finder is the Finder of this machine.
type finder struct {
	cfg     Config
	catalog func() []tool // made when an external is looked for that no record has
	open    func() ([]host, error)
	files   *importer
	looked  *looked
	began   time.Time
	loading sync.Mutex // one Load at a time, so that each knows what it looked at

	keptMu  sync.Mutex
	keeping map[string]*External // what records gave; nil for none
}

// New returns the Finder of this machine. On a Debian host it offers what dpkg knows to be installed,
// elsewhere what lies in the fixed folders as a whole (Go). Nothing is read before it is asked for.
func New(cfg Config) Finder {
	if cfg.Platform == (platforms.Platform{}) {
		cfg.Platform = platforms.Host()
	}
	if cfg.Root == "" {
		cfg.Root = systemRoot()
	}
	l := &looked{there: map[string]bool{}}
	f := &finder{
		cfg:     cfg,
		keeping: map[string]*External{},
		looked:  l,
		catalog: sync.OnceValue(func() []tool { return withDeclared(catalog(cfg.Platform), cfg.Declared) }),
		open:    sync.OnceValues(func() ([]host, error) { return hosts(cfg, l) }),
		files:   newImporter(cfg.Store, cfg.Root, l),
	}
	if cfg.Now != nil {
		f.began = cfg.Now()
	}
	return f
}

// hosts opens what can be asked on this machine, in the order in which it is asked.
func hosts(cfg Config, l *looked) ([]host, error) {
	root := cfg.Root
	if cfg.Platform.IsWindows() {
		return []host{declaredHost{root, nil, l}, newWindowsHost(root)}, nil
	}
	if cfg.Platform.OS() == "osx" {
		return []host{declaredHost{root, nil, l}, globs{root, l}, newMacHost(root, asker(root), l)}, nil
	}
	db, err := readDpkg(root)
	l.note(filepath.Join(root, dpkgStatus), err == nil)
	if errors.Is(err, fs.ErrNotExist) {
		return []host{declaredHost{root, nil, l}, globs{root, l}}, nil
	}
	if err != nil {
		return nil, err
	}
	db.looked = l
	return []host{declaredHost{root, db, l}, globs{root, l}, db}, nil
}

// Names lists what it could offer, sorted.
func (f *finder) Names() []string {
	var names []string
	for _, t := range f.catalog() {
		names = append(names, t.name)
	}
	slices.Sort(names)
	return names
}

// Find returns the external of that name without its tree, or nil where the host has none.
func (f *finder) Find(ctx context.Context, name string) (*External, error) {
	if e := f.kept(name); e != nil {
		bare := *e
		bare.take(&External{})
		return &bare, nil
	}
	_, e, err := f.find(ctx, name)
	return e, err
}

func (f *finder) find(ctx context.Context, name string) (host, *External, error) {
	i := slices.IndexFunc(f.catalog(), func(t tool) bool { return t.name == name })
	if i < 0 || ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	t := f.catalog()[i]
	all, err := f.open()
	if err != nil {
		return nil, nil, err
	}
	for _, h := range all {
		version, programs, ok, err := h.find(t)
		if err != nil {
			return nil, nil, fmt.Errorf("find the host's %s: %w", name, err)
		}
		if ok {
			return h, f.external(h, t, version, programs), nil
		}
	}
	return nil, nil, nil
}

func (f *finder) external(h host, t tool, version string, programs []string) *External {
	e := &External{
		Record: packages.Record{
			Name: t.name, Version: version, Build: "0", Subdir: f.cfg.Platform.String(),
			Arch: f.cfg.Platform.Arch(), Platform: f.cfg.Platform.OS(), Channel: packages.ChannelExternal,
			Depends: append([]string(nil), t.depends...),
		},
		Env:      t.env,
		Programs: programs,
	}
	e.Shown = t.seen(programs)
	if h, ok := h.(activator); ok {
		e.Env, e.Calls = h.activation(t)
	}
	if h, ok := h.(*macHost); ok {
		e.Folders = h.folders(t)
	}
	if t.exports != nil {
		e.RunExports = t.exports(version, f.glibc())
	}
	return e
}

// seen are the links of the tool in the build prefix.
func (t tool) seen(programs []string) []Shown {
	list := slices.Clone(t.shown)
	if t.inPrefix {
		for _, p := range programs {
			list = append(list, Shown{"bin/" + path.Base(p), p})
		}
	}
	return list
}

// glibc is the version of the host's C library, or empty.
func (f *finder) glibc() string {
	all, err := f.open()
	if err != nil {
		return ""
	}
	for _, h := range all {
		if v, _, ok, err := h.find(tool{deb: []string{"libc6"}}); err == nil && ok {
			return v
		}
	}
	return ""
}

// Load imports the external's files into the store and fills Tree, Entries and Origin.
func (f *finder) Load(ctx context.Context, e *External) error {
	if old := f.kept(e.Record.Name); old != nil {
		e.take(old)
		return nil
	}
	return f.Restore(ctx, e)
}

// Restore implements Finder.
func (f *finder) Restore(ctx context.Context, e *External) error {
	f.keptMu.Lock()
	f.keeping[e.Record.Name] = nil
	f.keptMu.Unlock()
	f.loading.Lock()
	defer f.loading.Unlock()
	f.looked.begin()
	own, err := f.load(ctx, e.Record.Name)
	looked, all := f.looked.end()
	if err != nil {
		return fmt.Errorf("load the external %s: %w", e.Record.Name, err)
	}
	e.take(own)
	if all && f.cfg.Now != nil {
		f.keep(own, looked)
	}
	return nil
}

// load finds the external and imports its files.
func (f *finder) load(ctx context.Context, name string) (*External, error) {
	f.noteTops()
	status := filepath.Join(f.cfg.Root, dpkgStatus)
	f.looked.note(status, exists(status)) // read once, for all
	h, e, err := f.find(ctx, name)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(f.catalog(), func(t tool) bool { return t.name == name })
	if e == nil || i < 0 {
		return nil, errors.New("the host does not have it any more")
	}
	parts, err := h.parts(f.catalog()[i])
	if err != nil {
		return nil, err
	}
	return e, f.files.load(ctx, e, parts, f.catalog()[i].aliases)
}
