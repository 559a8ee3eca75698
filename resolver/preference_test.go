package resolver_test

import (
	"strings"
	"testing"

	"forge/packages"
	"forge/resolver"
)

// TestPreference: each rule counts only where those before it leave a choice.
func TestPreference(t *testing.T) {
	base := packages.Record{Name: "a", Version: "2.0", Build: "base", BuildNumber: 1, Channel: "first", Subdir: "noarch", Timestamp: 100}
	other := func(build string, change func(*packages.Record)) *packages.Record {
		r := base
		r.Build = build
		change(&r)
		return &r
	}
	deps := []*packages.Record{{Name: "lib", Version: "1", Build: "0", Channel: "first"}, {Name: "lib", Version: "2", Build: "0", Channel: "first"}}
	needsOld := func(r *packages.Record) { r.Depends = []string{"lib <2"} }
	needsNew := func(r *packages.Record) { r.Depends = []string{"lib"} }
	for _, c := range []struct {
		name  string
		list  []*packages.Record
		rules func(*resolver.Problem)
		want  string
	}{
		{"newest version", []*packages.Record{other("x", func(r *packages.Record) { r.Version = "2.1"; r.BuildNumber = 0; r.TrackFeatures = "f" })}, nil, "x"},
		{"highest build number", []*packages.Record{other("x", func(r *packages.Record) { r.BuildNumber = 2; r.TrackFeatures = "f"; needsOld(r) })}, nil, "x"},
		{"fewest tracked features", []*packages.Record{other("x", func(r *packages.Record) { r.TrackFeatures = "f"; r.Timestamp = 200 }),
			other("y", func(r *packages.Record) { r.TrackFeatures = "f g"; r.Timestamp = 300 })}, nil, "base"},
		{"newest needs", []*packages.Record{other("x", func(r *packages.Record) { needsOld(r); r.Timestamp = 200 }), other("y", needsNew)}, nil, "y"},
		{"newest timestamp", []*packages.Record{other("x", func(r *packages.Record) { r.Timestamp = 200 })}, nil, "x"},
		{"the first channel, strict", []*packages.Record{other("x", func(r *packages.Record) { r.Channel = "second"; r.Version = "3.0" })}, nil, "base"},
		{"the first channel, flexible", []*packages.Record{other("x", func(r *packages.Record) { r.Channel = "second"; r.Version = "3.0" })},
			func(p *resolver.Problem) { p.Priority = resolver.Flexible }, "base"},
		{"another channel, flexible, where the first will not do", []*packages.Record{other("x", func(r *packages.Record) { r.Channel = "second"; r.Version = "3.0" })},
			func(p *resolver.Problem) { p.Priority, p.Specs = resolver.Flexible, []string{"a >=3"} }, "x"},
		{"no channel, disabled", []*packages.Record{other("x", func(r *packages.Record) { r.Channel = "second"; r.Version = "3.0" })},
			func(p *resolver.Problem) { p.Priority = resolver.Disabled }, "x"},
		{"favoured before all", []*packages.Record{other("x", func(r *packages.Record) { r.Version = "1.0" })},
			func(p *resolver.Problem) {
				p.Favored = []*packages.Record{other("x", func(r *packages.Record) { r.Version = "1.0" })}
			}, "x"},
		{"a bound on time", []*packages.Record{other("x", func(r *packages.Record) { r.Version = "3.0"; r.Timestamp = 200 })},
			func(p *resolver.Problem) { p.ExcludeNewer = 150 }, "base"},
	} {
		p := resolver.Problem{Specs: []string{"a"}, Channels: []string{"first", "second"}}
		if c.rules != nil {
			c.rules(&p)
		}
		records := append(append([]*packages.Record{&base}, c.list...), deps...)
		if c.name == "newest needs" {
			records = records[1:] // base needs nothing
		}
		got := solveNames(t, resolver.NewMemory(records...), p)
		if first, _, _ := strings.Cut(got, " lib-"); !strings.Contains(first, "-"+c.want) {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}
