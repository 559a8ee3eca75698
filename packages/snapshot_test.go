package packages

import (
	"io"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const snapshots = "rattler/crates/rattler_conda_types/src/match_spec/snapshots/rattler_conda_types__match_spec__"

// snapshot reads the YAML behind the header of an insta snapshot.
func snapshot(t *testing.T, name string, into any) {
	t.Helper()
	b, err := io.ReadAll(shared(t, snapshots+name+".snap"))
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(strings.TrimPrefix(string(b), "---\n"), "\n---\n")
	if err := yaml.Unmarshal([]byte(body), into); err != nil {
		t.Fatal(err)
	}
}

type snapshotSpec struct {
	Name, Version, Build, URL, Subdir, Error string
	BuildNumber                              string `yaml:"build_number"`
	Channel                                  struct{ Name string }
}

// TestConformanceSnapshots holds parsing to rattler's snapshots of single specs.
func TestConformanceSnapshots(t *testing.T) {
	n := 0
	for mode, parse := range map[string]func(string) (*MatchSpec, error){"Strict": ParseMatchSpecStrict, "Lenient": ParseMatchSpec} {
		var want map[string]snapshotSpec
		snapshot(t, "parse__tests__test_from_string_"+mode, &want)
		n += len(want)
		for text, w := range want {
			m, err := parse(text)
			if (err != nil) != (w.Error != "") {
				t.Errorf("%s %q: got %v, %v, want error %q", mode, text, m, err, w.Error)
				continue
			}
			if err != nil {
				continue
			}
			got := snapshotSpec{Name: m.Name, Version: m.Version.String(), Build: m.Build.String(), URL: m.URL, Subdir: m.Subdir, BuildNumber: m.BuildNumber.String()}
			// We keep a channel as it is written; rattler resolves names to URLs and paths.
			if base := m.Channel; base != w.Channel.Name && !strings.HasSuffix(base, "/"+w.Channel.Name) {
				t.Errorf("%s %q: channel %q, want %q", mode, text, base, w.Channel.Name)
			}
			w.Channel.Name = ""
			if got != w {
				t.Errorf("%s %q: got %+v\nwant %+v", mode, text, got, w)
			}
		}
	}
	t.Logf("%d of rattler's snapshots, strict and lenient", n)
}

// condition is a condition as the snapshots show it.
func condition(c *Condition) any {
	if c.Spec != nil {
		m := map[string]any{"name": c.Spec.Name}
		for key, value := range map[string]string{"version": c.Spec.Version.String(), "build": c.Spec.Build.String(), "url": c.Spec.URL} {
			if value != "" {
				m[key] = value
			}
		}
		return map[string]any{"MatchSpec": m}
	}
	key := map[bool]string{true: "And", false: "Or"}[c.And]
	out := condition(c.Terms[0])
	for _, term := range c.Terms[1:] { // theirs has two sides
		out = map[string]any{key: []any{out, condition(term)}}
	}
	return out
}

func TestConformanceConditions(t *testing.T) {
	var want [][]any
	snapshot(t, "condition__tests__condition_parsing_snapshots", &want)
	for _, row := range want {
		c, err := ParseCondition(row[0].(string))
		if err != nil {
			t.Error(err)
			continue
		}
		got, _ := yaml.Marshal(condition(c))
		expected, _ := yaml.Marshal(row[1])
		if string(got) != string(expected) {
			t.Errorf("%s: got\n%swant\n%s", row[0], got, expected)
		}
		again, err := ParseCondition(c.String())
		if err != nil || again.String() != c.String() {
			t.Errorf("%s: %s does not round trip: %v, %v", row[0], c, again, err)
		}
	}
}
