package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"forge/packages"
	"forge/resolver"
)

// solveRequests answers one request a line, in their order, several at once with --jobs. A line that is no
// request stops the run; a request without a verdict does not, but makes it fail in the end.
func (a *app) solveRequests(ctx context.Context, f *solveFlags, provider resolver.Provider, problem resolver.Problem) error {
	in := a.stdin
	if f.requests != "-" {
		file, err := os.Open(f.requests)
		if err != nil {
			return fmt.Errorf("requests: %w", err)
		}
		defer file.Close()
		in = file
	}
	ctx, cancel := context.WithCancel(ctx)
	pool := newSolvePool(ctx, f, provider, problem)
	failed := make(chan error, 1)
	go func() { failed <- pool.print(json.NewEncoder(a.stdout), cancel) }()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	var bad error
	for n := 1; bad == nil && ctx.Err() == nil && lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		specs := splitSpecs(line)
		for _, s := range specs {
			if _, err := packages.ParseMatchSpec(s); err != nil {
				bad = fmt.Errorf("%s, line %d: %w", f.requests, n, err)
			}
		}
		if bad == nil {
			pool.solve(line, specs)
		}
	}
	pool.close()
	err := <-failed
	cancel()
	switch {
	case bad != nil:
		return bad
	case lines.Err() != nil:
		return fmt.Errorf("requests: %w", lines.Err())
	}
	return err
}

// solvePool answers requests on several threads and hands out the answers in order.
type solvePool struct {
	ctx      context.Context
	flags    *solveFlags
	provider resolver.Provider
	problem  resolver.Problem
	tasks    chan solveTask
	answers  chan chan *solveAnswer
	workers  sync.WaitGroup
	clock    *cpuShares
}

type solveTask struct {
	line   string
	specs  []string
	answer chan *solveAnswer
}

func newSolvePool(ctx context.Context, f *solveFlags, provider resolver.Provider, problem resolver.Problem) *solvePool {
	n := max(f.jobs, 1)
	p := &solvePool{ctx: ctx, flags: f, provider: provider, problem: problem, tasks: make(chan solveTask),
		answers: make(chan chan *solveAnswer, 4*n), clock: newCPUShares(n)}
	for i := range n {
		p.workers.Add(1)
		go p.work(i)
	}
	return p
}

// work answers tasks on a thread of its own, so that its processor time can be told.
func (p *solvePool) work(i int) {
	defer p.workers.Done()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p.clock.enter(i)
	for t := range p.tasks {
		problem := p.problem
		problem.Specs = t.specs
		ctx, cancel := context.WithTimeout(p.ctx, p.flags.timeout)
		begin := p.clock.now(i)
		answer, err := answerOf(ctx, p.provider, problem)
		cancel()
		if err != nil {
			answer = &solveAnswer{Verdict: "error", Records: []solvedRecord{}, Explanation: err.Error()}
		}
		answer.Request, answer.CPU = t.line, p.clock.since(i, begin).Seconds()
		t.answer <- answer
	}
}

func (p *solvePool) solve(line string, specs []string) {
	t := solveTask{line, specs, make(chan *solveAnswer, 1)}
	select {
	case p.answers <- t.answer:
		p.tasks <- t
	case <-p.ctx.Done():
	}
}

func (p *solvePool) close() {
	close(p.tasks)
	p.workers.Wait()
	close(p.answers)
}

// print writes the answers in the order of the requests. Where that fails it stops the rest.
func (p *solvePool) print(out *json.Encoder, stop func()) (err error) {
	out.SetEscapeHTML(false)
	unknown := 0
	for answer := range p.answers {
		got := <-answer
		if got.Verdict == "error" {
			unknown++
		}
		if err == nil {
			if err = out.Encode(got); err != nil {
				stop()
			}
		}
	}
	if err == nil && unknown > 0 {
		err = fmt.Errorf("requests without an answer: %d; their lines say why", unknown)
	}
	return err
}
