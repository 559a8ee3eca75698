package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forge/engine"
	"forge/recipes"
)

func TestSummaryText(t *testing.T) {
	for _, c := range []struct {
		s    engine.Summary
		want string
	}{
		{engine.Summary{Seconds: 0.1, Jobs: 2, CPU: 0.1, Utilisation: 0.5}, ""}, // nothing was built
		{engine.Summary{Seconds: 0.1, Jobs: 2, Saved: 340}, "the cache saved 340 s"},
		{engine.Summary{Seconds: 10, Jobs: 2, CPU: 15, Utilisation: 0.75, Path: []engine.Step{{Name: "a", Seconds: 9}}}, "10.0 s, 75% of 2 jobs used"},
		{engine.Summary{Seconds: 10, Jobs: 2, CPU: 15, Utilisation: 0.75, PathSeconds: 9.5, Path: []engine.Step{{Name: "a", Seconds: 4}, {Name: "b", Seconds: 5.5}}, Saved: 3},
			"10.0 s, 75% of 2 jobs used; critical path 9.5 s: a 4.0 s → b 5.5 s; the cache saved 3 s"},
		{engine.Summary{CPU: 1, PathSeconds: 101, Path: []engine.Step{{Name: "a", Seconds: 50}, {Name: "b", Seconds: 0.1}, {Name: "c", Seconds: 0.1}, {Name: "d", Seconds: 0.1}, {Name: "e", Seconds: 0.1}, {Name: "f", Seconds: 0.1}, {Name: "g", Seconds: 50}}},
			"0.0 s, 0% of 0 jobs used; critical path 101.0 s: a 50.0 s → g 50.0 s (and 5 short ones)"},
	} {
		if got := summaryText(c.s); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

// TestTrace holds what is written to the Trace Event Format, as Perfetto reads it: every event has its
// fields, lanes have names, slices of one lane lie inside each other or apart, counters end at zero.
func TestTrace(t *testing.T) {
	now := time.Unix(0, 0)
	tr := newTracer(func() time.Time { now = now.Add(time.Millisecond); return now })
	var actions []*engine.Action
	for _, n := range []string{"a", "b", "c"} {
		actions = append(actions, &engine.Action{Output: &recipes.Output{Name: n, Version: "1"}})
	}
	a, b, c := actions[0], actions[1], actions[2]
	for _, e := range []engine.Event{
		{Kind: engine.EventStart, Action: a}, {Kind: engine.EventPhase, Action: a, Phase: "fetch"},
		{Kind: engine.EventStart, Action: b}, {Kind: engine.EventPhase, Action: a, Phase: "build"},
		{Kind: engine.EventMemory, Action: a, Done: 1000}, {Kind: engine.EventMemory, Action: b, Done: 500},
		{Kind: engine.EventHeld, Action: c, Text: "needs 4 GB of memory"}, {Kind: engine.EventRest, Action: a, Outcome: &engine.Outcome{Action: a, Status: engine.StatusBuilt, Built: &engine.Built{PeakMemory: 1000}}}, {Kind: engine.EventStart, Action: c},
		{Kind: engine.EventEnd, Action: b, Outcome: &engine.Outcome{Action: b, Status: engine.StatusFailed}},
		{Kind: engine.EventPhase, Action: a, Phase: "test"},
		{Kind: engine.EventEnd, Action: c, Outcome: &engine.Outcome{Action: c, Status: engine.StatusBuilt}},
		{Kind: engine.EventEnd, Action: a, Outcome: &engine.Outcome{Action: a, Status: engine.StatusBuilt}},
		{Kind: engine.EventSummary, Summary: &engine.Summary{Jobs: 2}},
	} {
		tr.event(e)
	}
	var out bytes.Buffer
	if err := tr.write(&out); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Events []struct {
			Name, Ph, Cat, S string
			TS, Dur          int64
			PID, TID         *int
			Args             map[string]any
		} `json:"traceEvents"`
		Other engine.Summary `json:"otherData"`
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	type slice struct{ from, to int64 }
	var instants []string
	lanes, named, last := map[int][]slice{}, map[int]bool{}, map[string]float64{}
	for _, e := range got.Events {
		if e.Name == "" || e.Cat == "" || e.PID == nil || e.TID == nil || e.TS < 0 {
			t.Errorf("an event lacks a field: %+v", e)
			continue
		}
		switch e.Ph {
		case "M":
			named[*e.TID] = e.Args["name"] != ""
		case "X":
			for _, o := range lanes[*e.TID] {
				if e.TS < o.to && o.from < e.TS+e.Dur && (e.TS > o.from || e.TS+e.Dur < o.to) && (o.from < e.TS || o.to > e.TS+e.Dur) {
					t.Errorf("%s: slices of one lane cross", e.Name)
				}
			}
			lanes[*e.TID] = append(lanes[*e.TID], slice{e.TS, e.TS + e.Dur})
		case "C":
			last[e.Name], _ = e.Args[e.Name].(float64)
		case "i":
			instants = append(instants, e.Name+" "+e.S)
		default:
			t.Errorf("phase %q", e.Ph)
		}
	}
	if d := cmp.Diff([]string{"c needs 4 GB of memory p"}, instants); d != "" {
		t.Error(d)
	}
	for lane := range lanes {
		if !named[lane] {
			t.Errorf("lane %d has no name", lane)
		}
	}
	if len(lanes) != 2 || len(last) != 2 || last["running"] != 0 || last["memory"] != 0 || got.Other.Jobs != 2 {
		t.Errorf("%d lanes, counters %v, %+v", len(lanes), last, got.Other)
	}
}
