package conda

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"forge/packages"

	"github.com/google/go-cmp/cmp"
)

func TestUnpackNoArch(t *testing.T) {
	list := testPackages(t)
	i := slices.IndexFunc(list, func(m *packages.Manifest) bool { return m.Record.Name == "np" })
	dir := channel(t, V2, list[i])
	p := open(t, filepath.Join(dir, "noarch", list[i].Record.String()+extV2))
	for python, want := range map[string][]string{
		"": {"python-scripts/np-tool", "site-packages/npkg-1.0.dist-info/INSTALLER", "site-packages/npkg/__init__.py", "site-packages/npkg/where.txt"},
		"3.13t": {"bin/np-run", "bin/np-tool", "lib/python3.13t/site-packages/npkg-1.0.dist-info/INSTALLER",
			"lib/python3.13t/site-packages/npkg/__init__.py", "lib/python3.13t/site-packages/npkg/where.txt"},
	} {
		got, err := p.Unpack(context.Background(), t.TempDir(), "/p", python, nil)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Error(err, d)
		}
	}
	for _, bad := range []string{"3", "../3.11", "3.11/../.."} {
		if _, err := p.Unpack(context.Background(), t.TempDir(), "/p", bad, nil); err == nil {
			t.Errorf("python %q is accepted", bad)
		}
	}
	if _, err := p.Unpack(context.Background(), t.TempDir(), "", "3.11", nil); err == nil {
		t.Error("an empty prefix is accepted")
	}
}
