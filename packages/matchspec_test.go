package packages

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type matchWant struct {
	Str, Name, Version, Build, Channel, Subdir, MD5, SHA256, Error string
	BuildNumber                                                    string `json:"build_number"`
}

func TestConformanceMatchSpec(t *testing.T) {
	dec := json.NewDecoder(shared(t, "rattler-build/specs/matchspec.jsonl"))
	n := 0
	for dec.More() {
		var row struct {
			Spec                  string
			Strict, Lenient, Both *matchWant
		}
		if err := dec.Decode(&row); err != nil {
			t.Fatal(err)
		}
		if row.Both != nil {
			row.Strict, row.Lenient = row.Both, row.Both
		}
		checkMatchSpec(t, row.Spec, "strict", ParseMatchSpecStrict, row.Strict)
		checkMatchSpec(t, row.Spec, "lenient", ParseMatchSpec, row.Lenient)
		n++
	}
	t.Logf("%d specs", n)
}

func checkMatchSpec(t *testing.T, text, mode string, parse func(string) (*MatchSpec, error), want *matchWant) {
	t.Helper()
	m, err := parse(text)
	if (err != nil) != (want.Error != "") {
		t.Errorf("%q %s: got %v, %v, want error %q", text, mode, m, err, want.Error)
		return
	}
	if err != nil {
		return
	}
	got := matchWant{m.String(), m.Name, m.Version.String(), m.Build.String(), m.Channel, m.Subdir, m.MD5, m.SHA256, "", m.BuildNumber.String()}
	if diff := cmp.Diff(*want, got); diff != "" {
		t.Errorf("%q %s: %s", text, mode, diff)
	}
	again, err := ParseMatchSpec(m.String())
	if err != nil || again.String() != m.String() {
		t.Errorf("%q %s: %q does not round trip: %v, %v", text, mode, m, again, err)
	}
}

func FuzzMatchSpec(f *testing.F) {
	for _, s := range []string{"python 3.12.* *_cpython", "a::b >=1,<2|3.*[md5=d41d8cd98f00b204e9800998ecf8427e]",
		"__archspec 1 ^(x86_64_v3|zen3)$", "p[when='a and (b or c >=1 h0)', extras=[x, y]]", "https://h.example/c/linux-64/p-1-0.conda#d41d8cd98f00b204e9800998ecf8427e", "p=1=h0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMatchSpec(s)
		if err != nil {
			return
		}
		again, err := ParseMatchSpec(m.String())
		if err != nil {
			t.Fatalf("%q: %q is not parsed: %v", s, m, err)
		}
		if again.String() != m.String() {
			t.Fatalf("%q: %q becomes %q", s, m, again)
		}
	})
}

func TestMatchSpecMatches(t *testing.T) {
	r := &Record{Name: "numpy", Version: "1.26.4", Build: "py311h64a7726_0", BuildNumber: 3, Subdir: "linux-64",
		Channel: "https://h.example/conda-forge", License: "BSD-3-Clause", TrackFeatures: "mkl", Flags: []string{"gpu", "blas:mkl"}, SHA256: strings.Repeat("ab", 32)}
	for spec, want := range map[string]bool{
		"numpy": true, "NumPy": true, "scipy": false,
		"numpy 1.26.*": true, "numpy 1.26": false, "numpy=1.26": true, "numpy >=1.26,<2.0a0": true,
		"numpy * py311*": true, "numpy * py312*": false, "numpy * *_0": true, "numpy * py*_0": true, "numpy * ^py3.*_0$": true,
		"numpy[build_number='>=3']": true, "numpy[build_number='<3']": false,
		"conda-forge::numpy": true, "forge::numpy": false, "conda-forge/linux-64::numpy": true, "conda-forge/noarch::numpy": false,
		"numpy[license=BSD-3-Clause]": true, "numpy[license=MIT]": false, "numpy[track_features=mkl]": true, "numpy[track_features=x]": false,
		"numpy[flags=[gpu]]": true, "numpy[flags=[blas:*, gpu]]": true, "numpy[flags=[blas:openblas]]": false,
		"numpy[sha256=" + strings.Repeat("AB", 32) + "]": true,
	} {
		m, err := ParseMatchSpec(spec)
		if err != nil {
			t.Fatal(err)
		}
		if m.Matches(r) != want {
			t.Errorf("%s: got %v", spec, !want)
		}
	}
}
