package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"forge/engine"
	"forge/internal/diag"
	"forge/internal/fsx"
)

// buildReports are the files a build writes about itself.
type buildReports struct{ trace, markdown, junit string }

func (r *buildReports) register(fs *pflag.FlagSet) {
	fs.StringVar(&r.trace, "trace", "", "write what ran when to this file (Chrome trace events: ui.perfetto.dev opens it)")
	fs.StringVar(&r.markdown, "markdown-summary", "", "append the closing table to this file as Markdown (for $GITHUB_STEP_SUMMARY)")
	fs.StringVar(&r.junit, "junit", "", "write the results to this file as JUnit XML")
}

// check finds out before a build whether its reports can be written, not when they are lost.
func (r *buildReports) check() error {
	for _, f := range []struct{ flag, path string }{{"--trace", r.trace}, {"--markdown-summary", r.markdown}, {"--junit", r.junit}} {
		if f.path == "" {
			continue
		}
		if info, err := os.Stat(f.path); err == nil && info.IsDir() {
			return usageError{fmt.Errorf("%s %s: it is a folder; name a file", f.flag, f.path)}
		}
		if info, err := os.Stat(filepath.Dir(f.path)); err != nil {
			return usageError{fmt.Errorf("%s: %w", f.flag, err)}
		} else if !info.IsDir() {
			return usageError{fmt.Errorf("%s %s: %s is no folder", f.flag, f.path, filepath.Dir(f.path))}
		}
	}
	return nil
}

// write makes the files; outcomes are those of the whole run.
func (r *buildReports) write(req *engine.Request, outcomes []*engine.Outcome, t *tracer) error {
	var err error
	if builtSomething(outcomes) { // forge report draws it
		var b bytes.Buffer
		err = errors.Join(err, t.write(&b), fsx.WriteCache(filepath.Join(req.OutputDir, "logs", traceFile), b.Bytes(), 0o644))
	}
	if r.trace != "" {
		err = errors.Join(err, fillNamed(r.trace, t.write))
	}
	if r.markdown != "" {
		err = errors.Join(err, appendFile(r.markdown, markdownSummary(req, outcomes)))
	}
	if r.junit != "" {
		err = errors.Join(err, fillNamed(r.junit, func(w io.Writer) error { return writeJUnit(w, outcomes) }))
	}
	return err
}

// traceFile is the trace of the last run that built something, in output/logs.
const traceFile = "trace.json"

func builtSomething(outcomes []*engine.Outcome) bool {
	return slices.ContainsFunc(outcomes, func(o *engine.Outcome) bool { return o.Status == engine.StatusBuilt })
}

func appendFile(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// tracer notes what ran when: one lane for each job that ran at the same time.
type tracer struct {
	mu     sync.Mutex
	now    func() time.Time
	start  time.Time
	open   map[*engine.Action]*traced
	lanes  []bool // taken
	memory map[*engine.Action]int64
	events []traceEvent
	end    engine.Summary
}

// traced is a piece of work that goes on.
type traced struct {
	lane         int
	since, phase time.Time
	name         string // of the phase
}

// traceEvent is a complete event ("X"), an instant ("i"), a counter ("C") or metadata ("M") of the Trace Event Format.
type traceEvent struct {
	Name  string         `json:"name"`
	Cat   string         `json:"cat"` // of every event: some readers want it of metadata, too
	Phase string         `json:"ph"`
	TS    int64          `json:"ts"`
	Dur   int64          `json:"dur,omitempty"`
	PID   int            `json:"pid"`
	TID   int            `json:"tid"`
	Scope string         `json:"s,omitempty"` // of an instant: p for the process
	Args  map[string]any `json:"args,omitempty"`
}

func newTracer(now func() time.Time) *tracer {
	return &tracer{now: now, start: now(), open: map[*engine.Action]*traced{}, memory: map[*engine.Action]int64{}}
}

// event takes one event of the engine.
func (t *tracer) event(e engine.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	switch e.Kind {
	case engine.EventStart, engine.EventPhase:
		w := t.open[e.Action]
		if w == nil {
			w = &traced{lane: t.lane(), since: now}
			t.open[e.Action] = w
			t.count(now, "running", int64(len(t.open)))
		}
		t.endPhase(w, now)
		w.name, w.phase = e.Phase, now
	case engine.EventRest, engine.EventEnd:
		w := t.open[e.Action]
		if w == nil {
			return
		}
		t.endPhase(w, now)
		args := map[string]any{"package": e.Action.Output.String()}
		if e.Outcome != nil {
			args["status"] = string(e.Outcome.Status)
			if b := e.Outcome.Built; b != nil && b.PeakMemory > 0 && e.Kind == engine.EventRest {
				args["peak_memory"] = b.PeakMemory
			}
		}
		t.add(e.Action.Output.Name, "package", w.since, now, w.lane, args)
		t.lanes[w.lane] = false
		delete(t.open, e.Action)
		t.count(now, "running", int64(len(t.open)))
		t.remember(now, e.Action, 0)
	case engine.EventMemory:
		t.remember(now, e.Action, e.Done)
	case engine.EventHeld, engine.EventAlone:
		t.events = append(t.events, traceEvent{Name: e.Action.Output.Name + " " + e.Text, Cat: "memory", Phase: "i", TS: now.Sub(t.start).Microseconds(), PID: 1, Scope: "p"})
	case engine.EventSummary:
		t.end = *e.Summary
	}
}

// remember counts the memory of all builds together.
func (t *tracer) remember(now time.Time, a *engine.Action, bytes int64) {
	if t.memory[a] == bytes {
		return
	}
	t.memory[a] = bytes
	total := int64(0)
	for _, n := range t.memory {
		total += n
	}
	t.count(now, "memory", total)
}

func (t *tracer) count(now time.Time, name string, n int64) {
	t.events = append(t.events, traceEvent{Name: name, Cat: "usage", Phase: "C", TS: now.Sub(t.start).Microseconds(), PID: 1, Args: map[string]any{name: n}})
}

func (t *tracer) endPhase(w *traced, now time.Time) {
	if w.name != "" {
		t.add(w.name, "phase", w.phase, now, w.lane, nil)
	}
	w.name = ""
}

// lane takes the lowest that is free.
func (t *tracer) lane() int {
	for i, taken := range t.lanes {
		if !taken {
			t.lanes[i] = true
			return i
		}
	}
	t.lanes = append(t.lanes, true)
	return len(t.lanes) - 1
}

func (t *tracer) add(name, cat string, from, to time.Time, lane int, args map[string]any) {
	t.events = append(t.events, traceEvent{Name: name, Cat: cat, Phase: "X", TS: from.Sub(t.start).Microseconds(),
		Dur: max(1, to.Sub(from).Microseconds()), PID: 1, TID: lane + 1, Args: args})
}

func (t *tracer) write(w io.Writer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := []traceEvent{{Name: "process_name", Cat: "__metadata", Phase: "M", PID: 1, Args: map[string]any{"name": "forge build"}}}
	for i := range t.lanes {
		all = append(all, traceEvent{Name: "thread_name", Cat: "__metadata", Phase: "M", PID: 1, TID: i + 1, Args: map[string]any{"name": fmt.Sprintf("job %d", i+1)}})
	}
	return json.NewEncoder(w).Encode(map[string]any{"displayTimeUnit": "ms", "traceEvents": append(all, t.events...), "otherData": t.end})
}

// markdownSummary is the closing table, and the end of the log of each failure.
func markdownSummary(req *engine.Request, outcomes []*engine.Outcome) string {
	var b strings.Builder
	count := map[engine.Status]int{}
	for _, o := range outcomes {
		count[o.Status]++
	}
	fmt.Fprintf(&b, "## forge build: %s\n\n| package | status | seconds | size | isolation | content |\n|---|---|---:|---:|---|---|\n", closing(len(outcomes), count))
	for _, o := range outcomes {
		size, isolation, content := "", "", ""
		if o.Built != nil {
			size, isolation, content = fmt.Sprintf("%.1f kB", float64(o.Built.Record.Size)/1e3), o.Built.Isolation, "`"+o.Built.Content.Short()+"`"
		}
		fmt.Fprintf(&b, "| %s | %s | %.1f | %s | %s | %s |\n", markdownText(o.Action.Output.String()), o.Status, o.Seconds, size, isolation, content)
	}
	for _, o := range outcomes {
		if o.Status == engine.StatusFailed && o.Err != nil {
			fmt.Fprintf(&b, "\n<details><summary>%s failed</summary>\n\n%s\n</details>\n", htmlText(o.Action.Output.String()), fenced(printableText(o.Err.Error())))
		}
	}
	b.WriteString("\n")
	return b.String()
}

func markdownText(s string) string {
	return strings.NewReplacer("|", `\|`, "_", `\_`, "*", `\*`, "<", "&lt;", "`", "\\`").Replace(diag.Printable(s))
}

func htmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(diag.Printable(s))
}

// fenced is a code block that no line of s can end.
func fenced(s string) string {
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	return fence + "\n" + strings.TrimRight(s, "\n") + "\n" + fence
}

// The elements of JUnit XML as CI systems read it.
type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Errors   int         `xml:"errors,attr"` // always 0: JUnit's word for tests that could not run; readers want the attribute
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string     `xml:"classname,attr"`
	Name    string     `xml:"name,attr"`
	Time    string     `xml:"time,attr"`
	Failure *junitText `xml:"failure,omitempty"`
	Skipped *junitText `xml:"skipped,omitempty"`
	Output  string     `xml:"system-out,omitempty"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"` // which the schema of Ant's JUnit task wants of a failure
	Text    string `xml:",chardata"`
}

func writeJUnit(w io.Writer, outcomes []*engine.Outcome) error {
	s := junitSuite{Name: "forge build", Tests: len(outcomes), Cases: []junitCase{}}
	total := 0.0
	for _, o := range outcomes {
		out := o.Action.Output
		c := junitCase{Class: out.Subdir() + "." + out.Name, Name: out.String(), Time: fmt.Sprintf("%.3f", o.Seconds)}
		total += o.Seconds
		text := ""
		if o.Err != nil {
			text = printableText(o.Err.Error())
		}
		switch o.Status {
		case engine.StatusFailed:
			s.Failures++
			c.Failure = &junitText{Message: lastLine(text), Type: string(o.Status), Text: text}
		case engine.StatusSkipped:
			s.Skipped++
			c.Skipped = &junitText{Message: text}
		default:
			c.Output = string(o.Status)
		}
		s.Cases = append(s.Cases, c)
	}
	s.Time = fmt.Sprintf("%.3f", total)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	if err := enc.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// lastLine is the line of a failure that says what failed: the last one that is not part of the log.
func lastLine(text string) string {
	line := ""
	for _, l := range strings.Split(text, "\n") {
		if l != "" && !strings.HasPrefix(l, "  ") {
			line = l
		}
	}
	return line
}
