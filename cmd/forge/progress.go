package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"time"

	"forge/engine"
	"forge/internal/diag"
)

// progress shows a run as it happens: a live view on a terminal, one line an event elsewhere.
type progress struct {
	mu      sync.Mutex
	w       io.Writer
	style   string // "live", "plain", "json"
	quiet   bool
	clean   func(string) string // makes text harmless for whoever shows it
	after   func(engine.Event)  // called when something ended, with no live view on the screen
	paint   func(role, text string) string
	now     func() time.Time
	total   int
	ended   int
	running map[*engine.Action]*activity
	painted int // lines of the live view on the screen
	start   time.Time
	jobs    int
	expect  map[*engine.Action]float64 // seconds left to expect, of what has not ended
	stop    chan struct{}
	stopped sync.WaitGroup
}

type activity struct {
	phase string
	since time.Time
}

// newProgress starts showing; close ends it.
func (a *app) newProgress(total int) *progress {
	p := &progress{w: a.stderr, style: "plain", quiet: a.global.quiet, paint: a.painter(a.stderr), now: time.Now,
		total: total, running: map[*engine.Action]*activity{}, start: time.Now(), stop: make(chan struct{})}
	if a.global.logStyle == "json" {
		p.style = "json"
	} else if a.global.logStyle == "fancy" && isTerminal(a.stderr) && a.getenv("TERM") != "dumb" && !p.quiet {
		p.style = "live"
		p.stopped.Add(1)
		go p.tick()
	}
	return p
}

// foresee gives the view what it needs to say how long it will still take.
func (p *progress) foresee(jobs int, seconds map[*engine.Action]float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs, p.expect = jobs, seconds
}

// event implements the engine's report function.
func (p *progress) event(e engine.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.Kind {
	case engine.EventStart:
		p.running[e.Action] = &activity{phase: "starting", since: p.now()}
	case engine.EventPhase, engine.EventProgress:
		act := p.running[e.Action]
		if act == nil {
			act = &activity{since: p.now()}
			p.running[e.Action] = act
		}
		act.phase = phaseText(e)
		if e.Kind == engine.EventPhase && e.Phase == "build" && p.style != "live" {
			p.line("", "building", e.Action.Output.String())
		}
	case engine.EventWarning:
		p.line("warning", "warning", warningText(e))
	case engine.EventTerminal:
		p.erase()
		p.style = "plain"
	case engine.EventEnd:
		delete(p.running, e.Action)
		delete(p.expect, e.Action)
		p.end(e.Outcome)
		if p.after != nil {
			p.erase()
			p.after(e)
		}
	}
	p.repaint()
}

func warningText(e engine.Event) string { return e.Action.Output.Name + ": " + e.Text }

func phaseText(e engine.Event) string {
	switch {
	case e.Total > 0:
		return fmt.Sprintf("%s %d%%", e.Phase, 100*e.Done/e.Total)
	case e.Done > 0:
		return fmt.Sprintf("%s %.1f MB", e.Phase, float64(e.Done)/1e6)
	}
	return e.Phase
}

func (p *progress) end(o *engine.Outcome) {
	if o.Action.Output.Staging && o.Status != engine.StatusFailed {
		return
	}
	p.ended++
	name := o.Action.Output.String()
	switch o.Status {
	case engine.StatusBuilt:
		p.line("built", "built", fmt.Sprintf("%s  %.1f s", name, o.Seconds))
	case engine.StatusReused:
		if p.style != "live" {
			return // the table says it; a null build is quiet
		}
	case engine.StatusFailed:
		p.line("failed", "failed", name)
		if o.Err != nil && p.style != "json" {
			p.text(printableText(o.Err.Error()))
			if help := remedy(o.Err); help != "" {
				p.text("  help " + help)
			}
		}
	case engine.StatusSkipped:
		p.line("skipped", "skipped", fmt.Sprintf("%s: %v", name, o.Err))
	}
}

func printableText(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = diag.Printable(l)
	}
	return strings.Join(lines, "\n")
}

// line writes one line above the live view. The caller holds mu.
func (p *progress) line(role, word, text string) {
	if p.quiet && role != "failed" && role != "warning" {
		return
	}
	if p.style == "json" {
		b, err := json.Marshal(map[string]string{"event": word, "text": text})
		if err == nil {
			fmt.Fprintf(p.w, "%s\n", b)
		}
		return
	}
	p.text(fmt.Sprintf("%s %s", p.paint(role, fmt.Sprintf("%9s", word)), diag.Printable(text)))
}

func (p *progress) text(s string) {
	p.erase()
	if p.clean != nil {
		s = p.clean(s)
	}
	fmt.Fprintln(p.w, s)
}

func (p *progress) erase() {
	if p.painted > 0 {
		fmt.Fprintf(p.w, "\x1b[%dA\x1b[J", p.painted)
		p.painted = 0
	}
}

// repaint draws what runs, how long it has been running and what is left. The caller holds mu.
func (p *progress) repaint() {
	if p.style != "live" {
		return
	}
	p.erase()
	var lines []string
	for a, act := range p.running {
		lines = append(lines, fmt.Sprintf("%9s %-40.40s %-24.24s %6.0f s", "", a.Output.String(), act.phase, p.now().Sub(act.since).Seconds()))
	}
	sort.Strings(lines)
	left := fmt.Sprintf("%9s %d of %d, %.0f s%s", "", p.ended, p.total, p.now().Sub(p.start).Seconds(), p.remaining())
	lines = append(lines, p.paint("dim", left))
	fmt.Fprintln(p.w, strings.Join(lines, "\n"))
	p.painted = len(lines)
}

// remaining says about how long it will still take, where earlier runs tell.
func (p *progress) remaining() string {
	left := 0.0
	for a, seconds := range p.expect {
		if act := p.running[a]; act != nil {
			seconds -= p.now().Sub(act.since).Seconds()
		}
		left += max(0, seconds)
	}
	if left < 1 {
		return ""
	}
	return fmt.Sprintf(", about %.0f s left", left/float64(max(1, p.jobs)))
}

func (p *progress) tick() {
	defer p.stopped.Done()
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-t.C:
			p.mu.Lock()
			p.repaint()
			p.mu.Unlock()
		}
	}
}

// close clears the live view.
func (p *progress) close() {
	close(p.stop)
	p.stopped.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
}
