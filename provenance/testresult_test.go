package provenance

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/digest"
)

func TestTestStatement(t *testing.T) {
	sum, key := digest.Of([]byte("package")), digest.Of([]byte("key"))
	good := Tested{FileName: "a-1-0.conda", SHA256: sum, Key: key, Isolation: "full", Passed: []string{"1 script"}, Failed: []string{"2 python 3.11"},
		Environment: []Material{{Kind: "package", Name: "b-1-0", Digests: map[string]string{"sha256": sum.Hex()}}}}
	text, err := TestStatement(good)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a-1-0.conda","digest":{"sha256":"` + sum.Hex() + `"}}],` +
		`"predicateType":"https://in-toto.io/attestation/test-result/v0.1","predicate":{"result":"FAILED","configuration":[` +
		`{"name":"tests","digest":{"sha256":"` + key.Hex() + `"},"annotations":{"isolation":"full","kind":"key"}},` +
		`{"name":"b-1-0","digest":{"sha256":"` + sum.Hex() + `"},"annotations":{"kind":"package"}}],` +
		`"passedTests":["1 script"],"failedTests":["2 python 3.11"]}}`
	if d := cmp.Diff(want, string(text)); d != "" {
		t.Error(d)
	}
	passed, failed, err := ParseTests(text)
	if d := cmp.Diff(good.Passed, passed) + cmp.Diff(good.Failed, failed); d != "" || err != nil {
		t.Error(d, err)
	}
	for _, bad := range []Tested{
		{FileName: "a/b", SHA256: sum, Key: key, Passed: good.Passed}, {FileName: "a", Key: key, Passed: good.Passed},
		{FileName: "a", SHA256: sum, Passed: good.Passed}, {FileName: "a", SHA256: sum, Key: key},
		{FileName: "a", SHA256: sum, Key: key, Passed: good.Passed, Environment: []Material{{Kind: "package", Name: "b"}}},
	} {
		if text, err := TestStatement(bad); err == nil {
			t.Errorf("%+v: %s", bad, text)
		}
	}
}

func TestParseTests(t *testing.T) {
	statement := func(predicate string) []byte {
		return []byte(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"` + TestResultType + `","predicate":` + predicate + `}`)
	}
	passed, failed, err := ParseTests(statement(`{"result":"WARNED","configuration":[],"url":"https://ci.example","passedTests":["a"],"warnedTests":["b"],"more":1}`))
	if strings.Join(passed, " ") != "a b" || failed != nil || err != nil {
		t.Error(passed, failed, err)
	}
	if _, failed, err = ParseTests(statement(`{"result":"FAILED","configuration":[]}`)); len(failed) != 1 || err != nil {
		t.Error(failed, err)
	}
	for _, bad := range []string{`{"result":"passed"}`, `{"result":"PASSED","failedTests":["a"]}`, `{}`, `{"result":"PASSED","passedTests":"a"}`} {
		if _, _, err := ParseTests(statement(bad)); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
	if _, _, err := ParseTests([]byte(`{"_type":"x","predicateType":"` + TestResultType + `"}`)); err == nil {
		t.Error("accepted without its type")
	}
}
