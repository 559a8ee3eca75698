package packages

import (
	"encoding/json"
	"testing"
)

type specWant struct{ Str, Match, Error string }

func TestConformanceVersionSpec(t *testing.T) {
	dec := json.NewDecoder(shared(t, "rattler-build/specs/version-spec-table.jsonl"))
	var head struct{ Versions []string }
	if err := dec.Decode(&head); err != nil {
		t.Fatal(err)
	}
	versions := make([]Version, len(head.Versions))
	for i, s := range head.Versions {
		versions[i], _ = ParseVersion(s)
	}
	n := 0
	for dec.More() {
		var row struct {
			Spec                  string
			Strict, Lenient, Both *specWant
		}
		if err := dec.Decode(&row); err != nil {
			t.Fatal(err)
		}
		if row.Both != nil {
			row.Strict, row.Lenient = row.Both, row.Both
		}
		checkSpec(t, row.Spec, "strict", ParseVersionSpecStrict, row.Strict, versions)
		checkSpec(t, row.Spec, "lenient", ParseVersionSpec, row.Lenient, versions)
		n++
	}
	t.Logf("%d specs against %d versions", n, len(versions))
}

func checkSpec(t *testing.T, text, mode string, parse func(string) (VersionSpec, error), want *specWant, versions []Version) {
	t.Helper()
	spec, err := parse(text)
	if (err != nil) != (want.Error != "") {
		t.Errorf("%q %s: got %v %v, want error %q", text, mode, spec, err, want.Error)
		return
	}
	if err != nil {
		return
	}
	if spec.String() != want.Str {
		t.Errorf("%q %s: got %q, want %q", text, mode, spec, want.Str)
	}
	for i, v := range versions {
		if got := spec.Matches(v); got != (want.Match[i] == '1') {
			t.Errorf("%q %s on %s: got %v", text, mode, v, got)
		}
	}
	again, err := ParseVersionSpecStrict(spec.String())
	if err != nil || again.String() != spec.String() {
		t.Errorf("%q %s: %q does not round trip: %v, %v", text, mode, spec, again, err)
	}
}
