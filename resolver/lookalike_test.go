package resolver_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/packages"
	"forge/resolver"
)

func TestLookalikes(t *testing.T) {
	got := resolver.Lookalikes([]*packages.Record{{Name: "l0gger"}, {Name: "zlib"}, {Name: "rnatplotlib"}},
		[]string{"l0gger", "logger", "matplotlib", "rnatplotlib", "xz", "z1ib", "zlib"})
	want := []string{"l0gger looks like logger, which is another package", "rnatplotlib looks like matplotlib, which is another package",
		"zlib looks like z1ib, which is another package"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
