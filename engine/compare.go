package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"forge/digest"
	"forge/internal/fsx"
	"forge/packages"
)

// Difference is one place in which two packages that should be the same are not.
type Difference struct {
	Path  string `json:"path"`            // member of the package; info/… for its metadata
	Where string `json:"where,omitempty"` // section, header field or line in it
	A     string `json:"a,omitempty"`     // what the first holds there, shortened
	B     string `json:"b,omitempty"`
	Class string `json:"class"`
	Why   string `json:"why"` // what the class was told from
	Fix   string `json:"fix"`

	dataA, dataB []byte
	order        bool // the same parts in another order
	hint         string
	dimension    string // that showed it, empty where nothing was varied
	tool         string // what wrote the field that differs: fixes are better where it is known
}

// maxDifferences bounds what is listed of one package; one cause often shows in a thousand files.
const maxDifferences = 200

// comparePackages lists the differences between two package files, payload first. What follows from
// another difference (the digests in paths.json) is not listed.
func comparePackages(ctx context.Context, tools Tools, a, b string) ([]Difference, error) {
	dir, err := tools.Store.TempDir("compare")
	if err != nil {
		return nil, err
	}
	defer fsx.RemoveAll(dir)
	var trees [2]unpacked
	for i, file := range []string{a, b} {
		if trees[i], err = unpackForCompare(ctx, tools, file, filepath.Join(dir, fmt.Sprint(i))); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	list, err := compareTrees(trees[0].entries, trees[1].entries, trees[0].read, trees[1].read)
	if err != nil {
		return nil, err
	}
	info := compareInfo(trees[0].info, trees[1].info, len(list) > 0)
	list = append(list, info...)
	if len(list) == 0 {
		sumA, _, errA := digest.OfFile(a)
		sumB, _, errB := digest.OfFile(b)
		if errA != nil || errB != nil || sumA != sumB {
			list = append(list, Difference{Path: "(archive)", Where: "framing", hint: "members and their content are the same, the archive around them is not"})
		}
	}
	if len(list) > maxDifferences {
		list = list[:maxDifferences]
	}
	return list, nil
}

// unpacked is a package laid out to be compared.
type unpacked struct {
	dir     string
	entries []digest.Entry
	info    map[string][]byte
}

func (u unpacked) read(path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(u.dir, filepath.FromSlash(path)))
}

func unpackForCompare(ctx context.Context, tools Tools, file, dir string) (u unpacked, err error) {
	pkg, err := openAny(tools.Formats, file)
	if err != nil {
		return u, err
	}
	defer pkg.Close()
	u.dir, u.info = dir, map[string][]byte{}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return u, err
	}
	// The version only names a folder, the same for both.
	if _, err := pkg.Unpack(ctx, dir, Placeholder(), "3.0", nil); err != nil {
		return u, err
	}
	if u.entries, err = digest.Folder(dir, nil); err != nil {
		return u, err
	}
	names, err := pkg.InfoNames()
	if err != nil {
		return u, err
	}
	for _, n := range names {
		if u.info[n], err = pkg.Info(n); err != nil {
			return u, err
		}
	}
	return u, nil
}

// openAny opens a package by its extension, or, as in the store, by its content.
func openAny(formats []packages.Format, file string) (pkg packages.Package, err error) {
	for _, f := range formats {
		if strings.HasSuffix(file, f.Extension()) {
			return f.Open(file)
		}
	}
	for _, f := range formats {
		if pkg, err = f.Open(file); err == nil {
			return pkg, nil
		}
	}
	return nil, err
}

// compareTrees lists differences of two payloads, sorted by path.
func compareTrees(a, b []digest.Entry, readA, readB func(string) ([]byte, error)) ([]Difference, error) {
	inA, inB := map[string]digest.Entry{}, map[string]digest.Entry{}
	var paths []string
	for _, e := range a {
		inA[e.Path] = e
		paths = append(paths, e.Path)
	}
	for _, e := range b {
		if _, both := inA[e.Path]; !both {
			paths = append(paths, e.Path)
		}
		inB[e.Path] = e
	}
	sort.Strings(paths)
	var list []Difference
	for _, p := range paths {
		ea, okA := inA[p]
		eb, okB := inB[p]
		switch {
		case ea == eb:
		case !okA:
			list = append(list, Difference{Path: p, Where: "only in the rebuild", dataB: []byte(p), B: p})
		case !okB:
			list = append(list, Difference{Path: p, Where: "not in the rebuild", dataA: []byte(p), A: p})
		case ea.Sum == eb.Sum && ea.Target == eb.Target:
			list = append(list, Difference{Path: p, Where: "mode", A: kindName(ea.Kind), B: kindName(eb.Kind), hint: "its mode depends on something outside the recipe (umask?)"})
		case ea.Kind == digest.Symlink || eb.Kind == digest.Symlink:
			list = append(list, hunk(p, "link", []byte(ea.Target), []byte(eb.Target)))
		default:
			da, err := readA(p)
			if err != nil {
				return nil, err
			}
			db, err := readB(p)
			if err != nil {
				return nil, err
			}
			list = append(list, compareFiles(p, da, db, 0)...)
		}
	}
	return pairRenamed(list), nil
}

func kindName(k digest.Kind) string {
	return map[digest.Kind]string{digest.File: "file", digest.Exec: "executable", digest.Symlink: "link", digest.Dir: "folder"}[k]
}

// pairRenamed makes one difference of a file that went and one that came in the same folder: most likely
// it has another name each time.
func pairRenamed(list []Difference) []Difference {
	var gone, came []int
	for i, d := range list {
		switch d.Where {
		case "not in the rebuild":
			gone = append(gone, i)
		case "only in the rebuild":
			came = append(came, i)
		}
	}
	drop := map[int]bool{}
	for _, i := range gone {
		for _, j := range came {
			if !drop[j] && filepath.Dir(list[i].Path) == filepath.Dir(list[j].Path) {
				list[i] = hunk(list[i].Path, "name", []byte(filepath.Base(list[i].Path)), []byte(filepath.Base(list[j].Path)))
				drop[j] = true
				break
			}
		}
	}
	var out []Difference
	for i, d := range list {
		if !drop[i] {
			out = append(out, d)
		}
	}
	return out
}

// compareInfo compares the metadata. paths.json repeats the payload, so it is looked at only where the
// payload is the same.
func compareInfo(a, b map[string][]byte, payloadDiffers bool) []Difference {
	names := sortedKeys(a)
	for n := range b {
		if _, ok := a[n]; !ok {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	var list []Difference
	for _, n := range names {
		da, okA := a[n]
		db, okB := b[n]
		switch {
		case bytes.Equal(da, db) && okA == okB, n == "paths.json" && payloadDiffers:
		case !okA:
			list = append(list, Difference{Path: "info/" + n, Where: "only in the rebuild", B: n, dataB: []byte(n)})
		case !okB:
			list = append(list, Difference{Path: "info/" + n, Where: "not in the rebuild", A: n, dataA: []byte(n)})
		default:
			list = append(list, compareFiles("info/"+n, indented(n, da), indented(n, db), 0)...)
		}
	}
	return list
}

// indented spreads JSON over lines, so that the line that differs can be named.
func indented(name string, data []byte) []byte {
	var out bytes.Buffer
	if !strings.HasSuffix(name, ".json") || json.Indent(&out, data, "", " ") != nil {
		return data
	}
	return out.Bytes()
}

// hunk is a difference with its two sides; A and B show the parts that differ and some of what is around.
func hunk(path, where string, a, b []byte) Difference {
	ma, mb := middle(a, b)
	return Difference{Path: path, Where: where, A: shown(ma), B: shown(mb), dataA: a, dataB: b}
}

// middle is the part of a and b between what both begin and end with, widened to whole words.
func middle(a, b []byte) (ma, mb []byte) {
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < len(a)-start && end < len(b)-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	for start > 0 && wordByte(a[start-1]) {
		start--
	}
	for end > 0 && wordByte(a[len(a)-end]) {
		end--
	}
	return a[start : len(a)-end], b[start : len(b)-end]
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("_-.:+/", c) >= 0
}

func shown(b []byte) string {
	const most = 120
	text := strings.ToValidUTF8(string(b[:min(len(b), most)]), "\uFFFD")
	if slices.Contains(b[:min(len(b), most)], 0) {
		text = fmt.Sprintf("%.40x", b)
	}
	if len(b) > most {
		text += "…"
	}
	return text
}
