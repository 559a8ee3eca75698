package cpu

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateLines = flag.Bool("update-lines", false, "write archspec/levels.tsv anew from microarchitectures.json")

// What every run reads of the table is what the table says.
func TestLines(t *testing.T) {
	all := entries()
	var want strings.Builder
	written := map[string]bool{}
	var write func(name string)
	write = func(name string) {
		if written[name] {
			return
		}
		written[name] = true
		e := all[name]
		for _, from := range e.From {
			write(from)
		}
		slices.Sort(e.Features)
		fmt.Fprintf(&want, "%s\t%s\t%d\t%s\t%s\t%s\n", name, e.Vendor, e.Generation, e.Part, strings.Join(e.From, " "), strings.Join(e.Features, " "))
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		write(name)
	}
	if len(all) > 64*len(set{}) {
		t.Errorf("%d levels do not fit into a set of %d", len(all), 64*len(set{}))
	}
	if *updateLines {
		if err := os.WriteFile("archspec/levels.tsv", []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want.String(), lines); d != "" {
		t.Errorf("go test ./platforms/cpu -run Lines -update-lines writes it anew (-table +lines):\n%s", d)
	}
}
