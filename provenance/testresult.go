package provenance

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"forge/digest"
)

// TestResultType is in-toto's test result predicate (https://in-toto.io/attestation/test-result/v0.1).
const TestResultType = "https://in-toto.io/attestation/test-result/v0.1"

// Tested is what came of the tests of a package, run from the package itself.
type Tested struct {
	FileName string // subject: the tested package
	SHA256   digest.Digest

	Key       digest.Digest // of all that the tests are a function of: the package, their environments, the sandbox
	Isolation string
	Emulator  string // the command that programs of another platform ran under
	// Environment is what the tests ran with.
	Environment []Material

	// Names of tests, in the recipe's order. What was not run is in neither.
	Passed, Failed []string
}

type testStatement struct {
	Type          string        `json:"_type"`
	Subject       []subject     `json:"subject"`
	PredicateType string        `json:"predicateType"`
	Predicate     testPredicate `json:"predicate"`
}

type testPredicate struct {
	Result        string       `json:"result"`
	Configuration []dependency `json:"configuration"`
	PassedTests   []string     `json:"passedTests,omitempty"`
	WarnedTests   []string     `json:"warnedTests,omitempty"`
	FailedTests   []string     `json:"failedTests,omitempty"`
}

// The results of in-toto's predicate.
const (
	resultPassed = "PASSED"
	resultWarned = "WARNED"
	resultFailed = "FAILED"
)

// TestStatement returns the in-toto Statement v1 about the tests of a package. It holds no time, so the same
// tests of the same package in the same environments give the same bytes.
func TestStatement(t Tested) ([]byte, error) {
	switch {
	case t.FileName == "" || strings.ContainsAny(t.FileName, "/\\") || t.SHA256.IsZero():
		return nil, fmt.Errorf("state the tests of %q: want a file name and its sha256", t.FileName)
	case len(t.Passed)+len(t.Failed) == 0:
		return nil, fmt.Errorf("state the tests of %s: none was run", t.FileName)
	case t.Key.IsZero():
		return nil, fmt.Errorf("state the tests of %s: want the key of the tests", t.FileName)
	}
	result := resultPassed
	if len(t.Failed) > 0 {
		result = resultFailed
	}
	how := map[string]any{"kind": "key"}
	if t.Isolation != "" {
		how["isolation"] = t.Isolation
	}
	if t.Emulator != "" {
		how["emulator"] = t.Emulator
	}
	configuration := []dependency{{Name: "tests", Digest: map[string]string{"sha256": t.Key.Hex()}, Annotations: how}}
	for _, m := range t.Environment {
		if err := m.check(); err != nil {
			return nil, fmt.Errorf("state the tests of %s: %w", t.FileName, err)
		}
		configuration = append(configuration, dependency{m.Name, m.URI, m.Digests, map[string]any{"kind": m.Kind}})
	}
	return encode(testStatement{statementType, []subject{{t.FileName, map[string]string{"sha256": t.SHA256.Hex()}}}, TestResultType,
		testPredicate{Result: result, Configuration: configuration, PassedTests: t.Passed, FailedTests: t.Failed}})
}

// ParseTests reads the result out of a statement of anybody's about tests: names of the tests that passed,
// with or without a warning, and of those that failed. Fields that it does not know it ignores, as the
// predicate asks; a result that contradicts the tests is an error.
func ParseTests(data []byte) (passed, failed []string, err error) {
	var s testStatement
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, nil, fmt.Errorf("read a statement of test results: %w", err)
	}
	p := s.Predicate
	switch {
	case s.Type != statementType || s.PredicateType != TestResultType:
		return nil, nil, fmt.Errorf("read a statement of test results: it is a %q with a %q", s.Type, s.PredicateType)
	case !slices.Contains([]string{resultPassed, resultWarned, resultFailed}, p.Result):
		return nil, nil, fmt.Errorf("read a statement of test results: %.40q is no result", p.Result)
	case p.Result != resultFailed && len(p.FailedTests) > 0:
		return nil, nil, errors.New("read a statement of test results: it names tests that failed and says they did not")
	case p.Result == resultFailed && len(p.FailedTests) == 0:
		p.FailedTests = []string{"tests that are not named"}
	}
	return append(p.PassedTests, p.WarnedTests...), p.FailedTests, nil
}
