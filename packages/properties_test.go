package packages

import (
	"bufio"
	"math/rand/v2"
	"strings"
	"testing"
)

// orderFault tells which rule of a total order three versions break, if any.
func orderFault(a, b, c Version) string {
	ab, bc, ac := a.Compare(b), b.Compare(c), a.Compare(c)
	switch {
	case a.Compare(a) != 0:
		return "a version differs from itself"
	case ab != -b.Compare(a):
		return "it matters which comes first"
	case ab <= 0 && bc <= 0 && ac > 0, ab >= 0 && bc >= 0 && ac < 0, ab == 0 && bc != ac:
		return "not transitive"
	case (ab == 0) != a.Equal(b):
		return "Equal and Compare differ"
	}
	return ""
}

// TestConformanceTotalOrder: versions of the field are in one order, whichever three are taken.
func TestConformanceTotalOrder(t *testing.T) {
	var all []Version
	for _, text := range fieldVersions(t) {
		if v, err := ParseVersion(text); err == nil {
			all = append(all, v)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	const triples = 500_000
	for range triples {
		// Near neighbours as well as any.
		i := rnd.IntN(len(all))
		j := (i + rnd.IntN(20)) % len(all)
		k := rnd.IntN(len(all))
		if fault := orderFault(all[i], all[j], all[k]); fault != "" {
			t.Fatalf("%v, %v, %v: %s", all[i], all[j], all[k], fault)
		}
	}
	t.Logf("%d triples of %d versions are in a total order", triples, len(all))
}

func FuzzVersionOrder(f *testing.F) {
	f.Add("1.0", "1.0a", "1.0.post1")
	f.Add("1!1", "2_", "1.0+local.1")
	f.Add("0.dev", "0a0", "00.0")
	f.Fuzz(func(t *testing.T, x, y, z string) {
		a, err1 := ParseVersion(x)
		b, err2 := ParseVersion(y)
		c, err3 := ParseVersion(z)
		if err1 != nil || err2 != nil || err3 != nil {
			return
		}
		if fault := orderFault(a, b, c); fault != "" {
			t.Errorf("%q, %q, %q: %s", x, y, z, fault)
		}
	})
}

// FuzzVersionSpec: what a condition is written as means the same.
func FuzzVersionSpec(f *testing.F) {
	for _, s := range []string{">=1,<2|3.*", "~=1.4.2", "!=1.2.*", "1.2.3", "^1.*$", "==1!2+3", "(>=1|<0),!=5", "=1.0_"} {
		f.Add(s, "1.4.2", "1!2+3.1")
	}
	f.Fuzz(func(t *testing.T, text, x, y string) {
		s, err := ParseVersionSpec(text)
		if err != nil {
			return
		}
		again, err := ParseVersionSpec(s.String())
		if err != nil || again.String() != s.String() {
			t.Fatalf("%q: %q becomes %q, %v", text, s, again, err)
		}
		for _, version := range []string{x, y, "0", "1", "1.0", "1.4.2", "2.0a1", "3.1.dev0"} {
			if v, err := ParseVersion(version); err == nil && s.Matches(v) != again.Matches(v) {
				t.Errorf("%q and %q differ on %q", text, s, version)
			}
		}
	})
}

// fieldVersions are the version strings of rattler's test data.
func fieldVersions(t *testing.T) (out []string) {
	sc := bufio.NewScanner(shared(t, "rattler/test-data/parsed_versions.txt"))
	for sc.Scan() {
		if text, _, ok := strings.Cut(sc.Text(), "="); ok && !strings.HasPrefix(text, "#") {
			out = append(out, text)
		}
	}
	return out
}
