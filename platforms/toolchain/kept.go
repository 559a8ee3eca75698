package toolchain

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"forge/digest"
	"forge/packages"
	"forge/store"
)

// What the record of a loaded external holds beside the paths that were looked at.
const (
	textExternal = 'e' // the External as JSON, without its entries
	textEntries  = 'l' // a line for each entry: kind, digest, size, path, target, apart by tabs
)

// keptID names the record of an external: it holds for this program, machine and workspace alone.
func (f *finder) keptID(name string) (digest.Digest, error) {
	ours, err := json.Marshal(f.cfg.Declared)
	if err != nil {
		return digest.Digest{}, err
	}
	return digest.Of(fmt.Appendf(nil, "external 1\n%s\n%s\n%s\n%s\n%s\n", f.cfg.Maker, f.cfg.Root, f.cfg.Platform, name, ours)), nil
}

// kept is the external as an earlier run loaded it, if all that run looked at for it is as it was: then neither
// dpkg's database nor any list of files is read. nil where there is none. That the store still has its files shows
// when they are laid out (see Restore); mostly they are already, and then thousands of names need no look.
func (f *finder) kept(name string) *External {
	if f.cfg.Now == nil || f.cfg.Store == nil {
		return nil
	}
	f.keptMu.Lock()
	defer f.keptMu.Unlock()
	if e, tried := f.keeping[name]; tried {
		return e
	}
	e, facts := f.recallKept(name)
	f.keeping[name] = e
	f.looked.addFacts(facts)
	return e
}

func (f *finder) recallKept(name string) (*External, [][]byte) {
	id, err := f.keptID(name)
	if err != nil {
		return nil, nil
	}
	run, err := f.cfg.Store.LastRun(id)
	if err != nil {
		return nil, nil
	}
	e, err := parseExternal(run.Text(textExternal))
	if err != nil {
		return nil, nil
	}
	tree, text := e.Tree, run.Text(textEntries)
	e.entries = sync.OnceValues(func() ([]digest.Entry, error) { return readEntries(tree, string(text)) })
	f.cfg.Store.PinTree(e.Tree) // first, so that nobody takes away what the tree is laid out from
	if run.UnchangedOutside() != nil || !f.cfg.Store.HasTree(e.Tree) {
		return nil, nil
	}
	run.Used(f.cfg.Now())
	return e, run.Facts()
}

// keep records e for later runs. What hinders it costs them some time, no more.
func (f *finder) keep(e *External, looked map[string]bool) {
	id, err := f.keptID(e.Record.Name)
	if err != nil {
		return
	}
	entries, err := e.Entries()
	if err != nil {
		return
	}
	bare := *e
	bare.entries = nil
	text, err := json.Marshal(bare)
	if err != nil {
		return
	}
	if again, err := parseExternal(text); err != nil || !reflect.DeepEqual(*again, bare) {
		return // it holds more than can be written down
	}
	var lines strings.Builder
	record := store.RunRecord{ID: id, Began: f.began, Held: f.cfg.Store.WatchTree(e.Tree, entries)}
	for _, entry := range entries {
		sum, err := entry.Sum.MarshalText()
		if err != nil {
			return
		}
		fmt.Fprintf(&lines, "%c\t%s\t%d\t%s\t%s\n", entry.Kind, sum, entry.Size, entry.Path, entry.Target)
	}
	for _, path := range slices.Sorted(maps.Keys(looked)) {
		record.Watch = append(record.Watch, store.LookedAt(path, looked[path])...)
	}
	record.Texts = map[byte][]byte{textExternal: text, textEntries: []byte(lines.String())}
	_ = f.cfg.Store.KeepRun(record)
}

// parseExternal reads what keep wrote. A record of a package does not say where it is from.
func parseExternal(text []byte) (*External, error) {
	e := &External{}
	err := json.Unmarshal(text, e)
	e.Record.Channel = packages.ChannelExternal
	return e, err
}

// readEntries reads the recorded entries of a tree.
func readEntries(tree digest.Digest, text string) ([]digest.Entry, error) {
	entries, err := parseEntries(text)
	if err == nil && digest.Tree(entries) != tree {
		err = errors.New("they are another tree's")
	}
	if err != nil {
		return nil, fmt.Errorf("the record of the external's files (tree %s): %w", tree.Short(), err)
	}
	return entries, nil
}

func parseEntries(text string) ([]digest.Entry, error) {
	entries := make([]digest.Entry, 0, strings.Count(text, "\n"))
	for line := range strings.Lines(text) {
		field := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(field) != 5 || len(field[0]) != 1 {
			return nil, fmt.Errorf("%q is no entry", line)
		}
		var sum digest.Digest
		if err := sum.UnmarshalText([]byte(field[1])); err != nil {
			return nil, err
		}
		size, err := strconv.ParseInt(field[2], 10, 64)
		if err != nil {
			return nil, err
		}
		entries = append(entries, digest.Entry{Kind: digest.Kind(field[0][0]), Sum: sum, Size: size, Path: field[3], Target: field[4]})
	}
	return entries, nil
}
