package sandbox

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The profile of a build, as it is: whoever changes it reads the difference. No Mac is here to run it; what
// a Mac must show is in TestSeatbelt.
func TestSeatbeltProfile(t *testing.T) {
	got, err := seatbeltProfile(Spec{Mounts: []Mount{
		{Source: "/Users/me/.cache/forge/tmp/x/work", Target: "/Users/me/.cache/forge/tmp/x/work", Writable: true},
		{Source: "/opt/zig", Target: "/opt/zig"},
		{Source: "/tmp/a", Target: "/tmp/a"},
		{Source: `/Users/a "b"\c`, Target: `/Users/a "b"\c`},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/seatbelt/build.sb")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if strings.Contains(got, "network") {
		t.Error("the profile speaks of a network nobody asked for")
	}
}

func TestSeatbeltHostilePaths(t *testing.T) {
	for _, p := range []string{"/a\n(allow default)", "/a\x00b", "/a\x7f"} {
		if _, err := seatbeltProfile(Spec{Mounts: []Mount{{Source: p, Target: p}}}); err == nil {
			t.Errorf("%q was taken into a profile", p)
		}
	}
	got, err := seatbeltProfile(Spec{Mounts: []Mount{{Target: `/x") (allow default) ("`}}})
	if err != nil || strings.Contains(got, "\n(allow default)") || !strings.Contains(got, `(subpath "/x\") (allow default) (\"")`) {
		t.Errorf("%v\n%s", err, got)
	}
	network, _ := seatbeltProfile(Spec{Network: true})
	if !strings.Contains(network, "(allow network*)") {
		t.Error("the network that was asked for is not in the profile")
	}
}
