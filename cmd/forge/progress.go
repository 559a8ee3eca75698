package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"forge/engine"
	"forge/internal/diag"
)

// progress shows a run as it happens: a live view on a terminal, one line an event elsewhere.
type progress struct {
	mu         sync.Mutex
	w          io.Writer
	screen     *os.File // the terminal of the live view
	out        bytes.Buffer
	style      string // "live", "plain", "json"
	quiet      bool
	verbose    bool                // show the logs as they are written
	wrap       bool                // break lines of logs at the terminal's width
	clean      func(string) string // makes text harmless for whoever shows it
	after      func(engine.Event)  // called when something ended, with no live view on the screen
	paint      func(role, text string) string
	remedy     func(error) string
	now        func() time.Time
	logDir     string
	total      int
	ended      int
	failed     int
	running    []*activity // in the order they began
	painted    []int       // columns of the lines of the live view on the screen
	start      time.Time
	jobs       int
	expect     map[*engine.Action]float64 // seconds left to expect, of what has not ended
	held       map[*engine.Action]bool    // waits for memory
	heldBefore bool                       // anything
	last       map[*engine.Action]float64 // seconds it took last time
	usage      usage
	keys       *keyboard
	stop       chan struct{}
	stopped    sync.WaitGroup
}

// activity is a build or a test that runs.
type activity struct {
	action *engine.Action
	phase  string
	since  time.Time
	pid    int // of its sandbox, 0 for none
	tail   logTail
}

// newProgress starts showing; close ends it.
func (a *app) newProgress(total int) *progress {
	p := &progress{w: a.stderr, style: "plain", quiet: a.global.quiet, verbose: a.global.verbose > 0, paint: a.painter(a.stderr), remedy: a.remedy, now: time.Now,
		total: total, last: map[*engine.Action]float64{}, held: map[*engine.Action]bool{}, start: time.Now(), stop: make(chan struct{})}
	if a.global.logStyle == "json" {
		p.style = "json"
	}
	if isTerminal(a.stderr) {
		p.screen = a.stderr.(*os.File)
		p.wrap = a.global.wrap == "true" || a.global.wrap == "" && a.getenv("CI") == ""
		if a.global.logStyle == "fancy" && (a.global.fancy || a.getenv("CI") == "") && a.getenv("TERM") != "dumb" && !p.quiet {
			p.style = "live"
			p.keys = openKeyboard(a.stdin)
		}
	}
	if p.style == "live" || p.style == "plain" && p.verbose && !p.quiet {
		p.stopped.Add(1)
		go p.tick()
	}
	return p
}

// foresee gives the view what it needs to say how long it will still take, and where logs are written.
func (p *progress) foresee(req *engine.Request, seconds map[*engine.Action]float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs, p.expect, p.logDir = req.Jobs, seconds, filepath.Join(req.OutputDir, "logs")
	for a, s := range seconds {
		p.last[a] = s
	}
}

// event implements the engine's report function.
func (p *progress) event(e engine.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.flush()
	switch e.Kind {
	case engine.EventStart:
		delete(p.held, e.Action)
		p.activity(e.Action).phase = "starting"
	case engine.EventHeld:
		p.hold(e)
	case engine.EventAlone:
		p.line("note", "alone", e.Action.Output.String()+": "+e.Text, e)
	case engine.EventProcess:
		p.activity(e.Action).pid = e.PID
	case engine.EventPhase, engine.EventProgress:
		act := p.activity(e.Action)
		act.phase = phaseText(e)
		if e.Kind == engine.EventPhase {
			act.pid = 0
			act.tail.follow(p.logFile(e.Action, e.Phase))
			if e.Phase == "build" && p.style != "live" {
				p.line("", "building", e.Action.Output.String(), e)
			}
		}
	case engine.EventWarning:
		p.line("warning", "warning", warningText(e), e)
	case engine.EventRest:
		delete(p.held, e.Action)
		p.drop(e.Action)
	case engine.EventTerminal:
		p.clear()
		p.keys.close()
		p.style = "plain"
	case engine.EventEnd:
		delete(p.held, e.Action)
		p.drop(e.Action)
		delete(p.expect, e.Action)
		p.end(e)
		if p.after != nil {
			p.clear()
			p.flush()
			p.after(e)
		}
	}
	if p.style == "live" && p.painted == nil {
		p.repaint() // it was cleared to print above it
	}
}

// activity is the one of a, begun now if there is none.
func (p *progress) activity(a *engine.Action) *activity {
	for _, act := range p.running {
		if act.action == a {
			return act
		}
	}
	act := &activity{action: a, since: p.now()}
	p.running = append(p.running, act)
	return act
}

// hold notes that a build waits for memory. The first of a run is said: of a thousand builds, hundreds may wait.
func (p *progress) hold(e engine.Event) {
	if first := len(p.held) == 0 && !p.heldBefore; first || p.verbose || p.style == "json" {
		p.line("note", "waiting", e.Action.Output.String()+": "+e.Text, e)
	}
	p.held[e.Action], p.heldBefore = true, true
}

// drop takes a off the running ones; with -v the rest of its log is shown before.
func (p *progress) drop(a *engine.Action) {
	for i, act := range p.running {
		if act.action == a {
			p.stream(act)
			act.tail.close()
			p.running = append(p.running[:i], p.running[i+1:]...)
			return
		}
	}
}

func (p *progress) logFile(a *engine.Action, phase string) string {
	if p.logDir == "" {
		return ""
	}
	name := a.Output.String() + ".log"
	if phase == "test" {
		name = a.Output.String() + ".test.log"
	}
	return filepath.Join(p.logDir, name)
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

func (p *progress) end(e engine.Event) {
	o := e.Outcome
	if o.Action.Output.Staging && o.Status != engine.StatusFailed {
		return
	}
	p.ended++
	name := o.Action.Output.String()
	switch o.Status {
	case engine.StatusBuilt:
		p.line("built", "built", fmt.Sprintf("%s  %.1f s", name, o.Seconds), e)
	case engine.StatusReused:
		return // the table says it; a null build is quiet
	case engine.StatusFailed:
		p.failed++
		p.line("failed", "failed", name, e)
		if o.Err != nil && p.style != "json" {
			p.text(printableText(o.Err.Error()))
			if help := p.remedy(o.Err); help != "" {
				p.text("  help " + help)
			}
		}
	case engine.StatusSkipped:
		p.line("skipped", "skipped", fmt.Sprintf("%s: %v", name, o.Err), e)
	}
}

func printableText(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = diag.Printable(diag.WithoutColor(l))
	}
	return strings.Join(lines, "\n")
}

// line writes one line above the live view. The caller holds mu.
func (p *progress) line(role, word, text string, e engine.Event) {
	if p.quiet && role != "failed" && role != "warning" {
		return
	}
	if p.style == "json" {
		j := jsonEvent{Event: word, Text: text, Phase: e.Phase}
		if e.Action != nil {
			j.Package = e.Action.Output.String()
		}
		if e.Outcome != nil {
			j.Seconds = e.Outcome.Seconds
			if e.Outcome.Err != nil {
				j.Reason = e.Outcome.Err.Error()
			}
		}
		p.out.WriteString(j.String())
		return
	}
	p.text(fmt.Sprintf("%s %s", p.paint(role, fmt.Sprintf("%9s", word)), diag.Printable(text)))
}

// text writes lines above the live view.
func (p *progress) text(s string) {
	p.clear()
	if p.clean != nil {
		s = p.clean(s)
	}
	if columns, _ := p.size(); p.wrap && columns > 0 {
		lines := strings.Split(s, "\n")
		for i, l := range lines {
			// Lines of logs alone: a command or a path that is broken in two cannot be copied.
			if strings.HasPrefix(strings.TrimLeft(l, " "), "|") && !strings.Contains(l, "\x1b") {
				lines[i] = wrap(l, columns)
			}
		}
		s = strings.Join(lines, "\n")
	}
	fmt.Fprintln(&p.out, s)
}

// size is the terminal's, 0 for none.
func (p *progress) size() (columns, rows int) {
	if p.screen == nil {
		return 0, 0
	}
	columns, rows, err := term.GetSize(int(p.screen.Fd()))
	if err != nil || columns <= 0 || rows <= 0 {
		return 80, 24
	}
	return columns, rows
}

// flush writes what has come together, in one piece: nothing is seen half drawn.
func (p *progress) flush() {
	if p.out.Len() > 0 {
		_, _ = p.w.Write(p.out.Bytes())
		p.out.Reset()
	}
}

// clear takes the live view off the screen.
func (p *progress) clear() {
	if p.painted != nil {
		p.toTop()
		p.out.WriteString("\x1b[J\x1b[?25h")
		p.painted = nil
	}
}

// toTop goes to the first line of the live view. A terminal that was made narrower since has broken its
// lines in two.
func (p *progress) toTop() {
	columns, _ := p.size()
	up := 0
	for _, n := range p.painted {
		up += max(1, (n+columns-1)/max(1, columns))
	}
	fmt.Fprintf(&p.out, "\r\x1b[%dA", up)
}

// repaint draws the live view over the last one. The caller holds mu and flushes.
func (p *progress) repaint() {
	columns, rows := p.size()
	p.out.WriteString("\x1b[?2026h\x1b[?25l") // one update, where the terminal knows that; no cursor
	if p.painted != nil {
		p.toTop()
	}
	p.painted = []int{}
	for _, l := range p.view().lines(columns-1, rows) { // the last column stays free: some terminals break there
		p.out.WriteString(l + "\x1b[K\n")
		p.painted = append(p.painted, columnsOf(diag.WithoutColor(l)))
	}
	p.out.WriteString("\x1b[J\x1b[?2026l")
}

// view is what is known now.
func (p *progress) view() liveView {
	v := liveView{ended: p.ended, total: p.total, failed: p.failed, elapsed: p.now().Sub(p.start).Seconds(), left: p.remaining(),
		waiting: max(0, p.total-p.ended-len(p.running)), held: len(p.held), logs: p.verbose, keys: p.keys != nil, paint: p.paint}
	for _, act := range p.running {
		r := liveRow{name: act.action.Output.String(), phase: act.phase, elapsed: p.now().Sub(act.since).Seconds(), expected: p.last[act.action]}
		r.cpu, r.memory = p.usage.of(act.pid)
		v.cpu, v.memory = v.cpu+r.cpu, v.memory+r.memory
		if p.verbose {
			r.log = act.tail.lines()
		}
		v.rows = append(v.rows, r)
	}
	return v
}

// remaining is about how long it will still take in seconds, 0 where earlier runs do not tell: the work
// that is left over the builds at once, and no less than the longest of what runs.
func (p *progress) remaining() float64 {
	left, longest := 0.0, 0.0
	for a, seconds := range p.expect {
		for _, act := range p.running {
			if act.action == a {
				seconds = max(0, seconds-p.now().Sub(act.since).Seconds())
				longest = max(longest, seconds)
			}
		}
		left += seconds
	}
	return max(longest, left/float64(max(1, p.jobs)))
}

// stream shows what has been added to a log, with -v where there is no live view.
func (p *progress) stream(act *activity) {
	if p.style != "plain" || !p.verbose || p.quiet {
		return
	}
	for _, l := range act.tail.fresh() {
		p.text(fmt.Sprintf("%s | %s", act.action.Output.Name, diag.Printable(diag.WithoutColor(l))))
	}
}

func (p *progress) tick() {
	defer p.stopped.Done()
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-p.stop:
			return
		case key := <-p.keys.pressed():
			p.mu.Lock()
			if p.style == "live" && key == 'l' {
				p.verbose = !p.verbose
				p.repaint()
			}
			p.flush()
			p.mu.Unlock()
		case <-t.C:
			p.mu.Lock()
			if p.style == "live" {
				p.usage.sample(p.now())
				p.repaint()
			}
			for _, act := range p.running {
				p.stream(act)
			}
			p.flush()
			p.mu.Unlock()
		}
	}
}

// close clears the live view.
func (p *progress) close() {
	close(p.stop)
	p.stopped.Wait()
	p.keys.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, act := range p.running {
		act.tail.close()
	}
	p.clear()
	p.flush()
}
