package engine

import (
	"sync"
	"testing"
	"time"
)

// pool is a tokenPipe in memory; a build takes and gives with its methods.
type pool struct {
	mu sync.Mutex
	n  int
}

func (p *pool) drain(time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.n
	p.n = 0
	return n
}

func (p *pool) fill(n int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n += n
	return nil
}

func (p *pool) Close() error { return nil }

// member joins without the goroutine, so that the test says when what happens.
func member(t *tokens) (*jobserver, *pool) {
	p := &pool{}
	s := &jobserver{pool: t, pipe: p, stop: func() {}, done: make(chan struct{})}
	close(s.done)
	t.members[s] = true
	return s, p
}

func TestTokens(t *testing.T) {
	all := newTokens(8)
	for range 2 { // two builds
		if n, ok := all.take(1); n != 1 || !ok {
			t.Fatal("no token for a task")
		}
	}
	a, pa := member(all)
	b, pb := member(all)
	held := 0
	for range 6 { // a's make takes all it is offered, b's does nothing
		a.balance()
		held += pa.drain(time.Time{})
		b.balance()
	}
	if held < 5 || held+pb.n+all.free != 6 {
		t.Fatalf("the busy build has %d of 6 tokens, %d lie idle, %d are free", held, pb.n, all.free)
	}
	// A third task waits: nothing more is handed out, what comes back is its own.
	b.balance()
	taken := 2
	for all.free > 0 {
		if _, ok := all.take(1); !ok {
			t.Fatal("a free token was refused")
		}
		taken++
	}
	if _, ok := all.take(1); ok {
		t.Fatal("more tokens than there are")
	}
	pa.fill(1)
	a.balance()
	if pa.n != 0 || all.free != 1 {
		t.Errorf("the token that came back went to the build again, though a task waits: %d", pa.n)
	}
	if _, ok := all.take(1); !ok {
		t.Error("the task that waited gets nothing")
	}
	taken++
	// Forged tokens are not counted; swallowed ones come back with the end of the build.
	pb.fill(1000)
	b.balance()
	if all.free != 0 {
		t.Errorf("%d tokens were forged", all.free)
	}
	a.leave()
	b.leave()
	if all.free != 8-taken {
		t.Errorf("%d free, want the 8 but for the %d of tasks", all.free, taken)
	}
}

// TestTokensReturn: whatever builds do, when all have left, all tokens are free.
func TestTokensReturn(t *testing.T) {
	all := newTokens(5)
	a, pa := member(all)
	b, pb := member(all)
	for i := range 50 {
		a.balance()
		if i%3 == 0 {
			pa.drain(time.Time{}) // and never gives back
		}
		b.balance()
		pb.fill(i)
		if all.free < 0 || all.free > 5 {
			t.Fatalf("step %d: %d of 5 free", i, all.free)
		}
	}
	a.leave()
	b.leave()
	if all.free != 5 {
		t.Errorf("%d free, want 5", all.free)
	}
}
