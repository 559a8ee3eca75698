package engine

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"forge/digest"
	"forge/internal/fsx"
	"forge/packages"
	"forge/platforms/elf"
)

// ABICheck is what is done about a package whose libraries lost something that programs may use.
type ABICheck string

// The words of --abi-check and of policy.abi in forge.hcl.
const (
	ABIOff   ABICheck = "off"
	ABIWarn  ABICheck = "warn"
	ABIError ABICheck = "error"
)

// ABIReport says what two builds of a package offer to the programs that link to their libraries.
type ABIReport struct {
	Old       string       `json:"old"`
	New       string       `json:"new"`
	Libraries []ABILibrary `json:"libraries"` // that differ, by soname
	// Pinned tells that what was built with the old package cannot be installed with the new one: its
	// run_exports keep them apart.
	Pinned bool `json:"pinned"`
}

// ABILibrary is one shared library, known by its DT_SONAME.
type ABILibrary struct {
	SoName  string   `json:"soname"`
	Gone    bool     `json:"gone,omitempty"` // the new package has none of that soname
	New     bool     `json:"new,omitempty"`
	Removed []string `json:"removed,omitempty"` // symbols, as name@version
	Added   []string `json:"added,omitempty"`
	Changed []string `json:"changed,omitempty"` // functions that became data, and the like
	Resized []string `json:"resized,omitempty"` // data whose size changed: programs may hold a copy of the old one
}

// Breaks reports whether a program that ran with the old library may fail with the new one.
func (l ABILibrary) Breaks() bool { return l.Gone || len(l.Removed)+len(l.Changed)+len(l.Resized) > 0 }

// Breaks lists, a line each, what takes something away from programs that may meet the new package.
func (r *ABIReport) Breaks() []string {
	if r.Pinned {
		return nil
	}
	var list []string
	for _, l := range r.Libraries {
		if l.Gone {
			list = append(list, l.SoName+" is gone")
		}
		if len(l.Removed) > 0 {
			list = append(list, fmt.Sprintf("%s no longer has %s", l.SoName, firstFew(l.Removed, 5)))
		}
		if len(l.Changed) > 0 {
			list = append(list, fmt.Sprintf("%s has something else by the name of %s", l.SoName, firstFew(l.Changed, 5)))
		}
		if len(l.Resized) > 0 {
			list = append(list, fmt.Sprintf("%s has data of another size: %s", l.SoName, firstFew(l.Resized, 5)))
		}
	}
	return list
}

// CompareABI compares the shared libraries of two package files.
func CompareABI(ctx context.Context, tools Tools, before, after string) (*ABIReport, error) {
	dir, err := tools.Store.TempDir("abi")
	if err != nil {
		return nil, err
	}
	defer fsx.RemoveAll(dir)
	var libs [2]map[string][]elf.Symbol
	var recs [2]*packages.Record
	var exports packages.RunExports
	for i, file := range []string{before, after} {
		pkg, err := openAny(tools.Formats, file)
		if err != nil {
			return nil, err
		}
		recs[i], err = pkg.Record()
		if i == 0 && err == nil {
			exports, err = pkg.RunExports()
		}
		pkg.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		u, err := unpackForCompare(ctx, tools, file, filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if libs[i], err = u.libraries(); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return &ABIReport{Old: recs[0].String(), New: recs[1].String(), Libraries: compareLibraries(libs[0], libs[1]), Pinned: pinnedApart(exports, recs[0], recs[1])}, nil
}

// libraries reads what the shared libraries of a package offer, by soname.
func (u unpacked) libraries() (map[string][]elf.Symbol, error) {
	libs := map[string][]elf.Symbol{}
	for _, e := range u.entries {
		if e.Kind != digest.File && e.Kind != digest.Exec || !strings.Contains(filepath.Base(e.Path), ".so") {
			continue
		}
		data, err := u.read(e.Path)
		if err != nil {
			return nil, err
		}
		if !elf.Is(data) {
			continue
		}
		info, err := elf.Parse(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Path, err)
		}
		if info.Type != elf.Shared || info.SoName == "" {
			continue // a plug-in, which nothing links to
		}
		symbols, err := elf.Exports(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Path, err)
		}
		libs[info.SoName] = symbols
	}
	return libs, nil
}

func compareLibraries(before, after map[string][]elf.Symbol) []ABILibrary {
	list := []ABILibrary{} // no null in JSON
	for _, name := range sortedKeys(before) {
		now, still := after[name]
		if !still {
			list = append(list, ABILibrary{SoName: name, Gone: true})
			continue
		}
		l := ABILibrary{SoName: name}
		had, has := symbolTable(before[name]), symbolTable(now)
		for _, s := range sortedKeys(had) {
			other, there := has[s]
			switch {
			case !there:
				l.Removed = append(l.Removed, s)
			case had[s].Kind != other.Kind && had[s].Kind != "" && other.Kind != "":
				l.Changed = append(l.Changed, fmt.Sprintf("%s (%s, was %s)", s, other.Kind, had[s].Kind))
			case had[s].Text && other.Text: // a version or a copyright: shorter or longer, it is a text
			case had[s].Data && other.Data && had[s].Size != other.Size:
				l.Resized = append(l.Resized, fmt.Sprintf("%s (%d bytes, was %d)", s, other.Size, had[s].Size))
			}
		}
		for _, s := range sortedKeys(has) {
			if _, there := had[s]; !there {
				l.Added = append(l.Added, s)
			}
		}
		if l.Breaks() || len(l.Added) > 0 {
			list = append(list, l)
		}
	}
	for _, name := range sortedKeys(after) {
		if _, was := before[name]; !was {
			list = append(list, ABILibrary{SoName: name, New: true})
		}
	}
	return list
}

func symbolTable(list []elf.Symbol) map[string]elf.Symbol {
	table := make(map[string]elf.Symbol, len(list))
	for _, s := range list {
		table[s.String()] = s
	}
	return table
}

// pinnedApart reports whether the run_exports of the old package keep what was built with it from being
// installed with the new one.
func pinnedApart(exports packages.RunExports, before, after *packages.Record) bool {
	for _, text := range slices.Concat(exports.Weak, exports.Strong, exports.WeakConstrains, exports.StrongConstrains) {
		spec, err := packages.ParseMatchSpec(text)
		if err == nil && spec.Name == before.Name && !spec.MatchesNameless(after) {
			return true
		}
	}
	return false
}

// checkABI is the gate before a package is published: it holds it against what the channels have of it.
func (r *runner) checkABI(ctx context.Context, a *Action, b *Built) error {
	if r.req.ABICheck == ABIOff || r.req.ABICheck == "" || a.Output.NoArch != "" {
		return nil
	}
	rec, err := r.previous(b)
	if rec == nil || err != nil {
		return err
	}
	old, err := r.tools.Channels.Archive(rec)
	if err != nil {
		return fmt.Errorf("compare its libraries with %s: %w", rec, err)
	}
	report, err := CompareABI(ctx, r.tools, old, r.tools.Store.Path(b.Archive, false))
	if err != nil {
		return fmt.Errorf("compare its libraries with %s: %w", rec, err)
	}
	breaks := report.Breaks()
	if len(breaks) == 0 {
		return nil
	}
	text := fmt.Sprintf("programs built with %s may fail with this one, and its run_exports let them meet: %s", rec, strings.Join(breaks, "; "))
	if r.req.ABICheck == ABIError {
		return fmt.Errorf("%s: %s (give the library another soname, or pin it with run_exports; --abi-check warn publishes it all the same)", a.Output, text)
	}
	r.report(Event{Kind: EventWarning, Action: a, Phase: "test", Text: text}) // said once: after that it is published
	return nil
}

// previous is the package that b comes after: the newest of its name that is no newer than b, of the same
// variant if there is one. It is nil where there is none, or b is published already.
func (r *runner) previous(b *Built) (*packages.Record, error) {
	all, err := r.tools.Channels.Candidates(b.Record.Name)
	if err != nil {
		return nil, err
	}
	var best *packages.Record
	for _, c := range all {
		if c.SHA256 == b.Archive.Hex() {
			return nil, nil
		}
		if c.Subdir == b.Record.Subdir && compareRecords(c, &b.Record) <= 0 && (best == nil || better(c, best, &b.Record)) {
			best = c
		}
	}
	return best, nil
}

// better reports whether c is nearer to of than best.
func better(c, best, of *packages.Record) bool {
	if like, other := sameVariant(c, of), sameVariant(best, of); like != other {
		return like
	}
	if order := compareRecords(c, best); order != 0 {
		return order > 0
	}
	return c.Timestamp > best.Timestamp
}

// sameVariant compares build strings without their number.
func sameVariant(a, b *packages.Record) bool {
	cut := func(s string) string {
		if i := strings.LastIndexByte(s, '_'); i >= 0 {
			return s[:i]
		}
		return s
	}
	return cut(a.Build) == cut(b.Build)
}

// compareRecords orders by version, then build number; versions that cannot be read are equal.
func compareRecords(a, b *packages.Record) int {
	va, errA := packages.ParseVersion(a.Version)
	vb, errB := packages.ParseVersion(b.Version)
	if errA == nil && errB == nil {
		if order := va.Compare(vb); order != 0 {
			return order
		}
	}
	return a.BuildNumber - b.BuildNumber
}
