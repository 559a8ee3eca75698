package engine

import (
	"context"
	"sync"
	"time"
)

// tokens are the jobs that all builds of a run may do at once, -j of them. A task holds one as long as it
// runs: the one that GNU make's protocol calls implicit. What is free goes to the jobservers of the builds
// that show they can use more, and comes back to the pool when they do not, or when a new task waits.
type tokens struct {
	mu      sync.Mutex
	size    int
	free    int
	wanted  int // a task waits for so many: nothing is handed out meanwhile
	members map[*jobserver]bool
	changed chan struct{} // gets a value when more is free and a task waits, or more is known of one that runs
}

func newTokens(n int) *tokens {
	n = max(1, n)
	return &tokens{size: n, free: n, members: map[*jobserver]bool{}, changed: make(chan struct{}, 1)}
}

// take takes n tokens, or all there are where n is more. If they are not free it takes none, and what
// comes back is kept for whoever asks next.
func (t *tokens) take(n int) (got int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n = min(n, t.size)
	if t.free < n {
		t.wanted = n
		return 0, false
	}
	t.free -= n
	t.wanted = 0
	return n, true
}

// unwant says that no task waits any more.
func (t *tokens) unwant() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wanted = 0
}

func (t *tokens) put(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.back(n)
}

// back counts n tokens as free. The caller holds mu.
func (t *tokens) back(n int) {
	t.free += n
	if n > 0 && t.wanted > 0 {
		t.wake()
	}
}

// wake lets the schedule look at what waits.
func (t *tokens) wake() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// A jobserver is one build's share of the tokens: a pipe with a byte for each that GNU make, ninja and
// others take and give back. Each build has its own, so that what a build does with it, by dying or on
// purpose, is never more than keeping what it was given until it ends.
type jobserver struct {
	pool   *tokens
	pipe   tokenPipe
	stop   context.CancelFunc
	done   chan struct{}
	given  int // tokens in the pipe and with the build's jobs
	left   int // tokens in the pipe when last seen
	hungry bool
	tick   int
}

// tokenPipe is the near end of a jobserver's pipe.
type tokenPipe interface {
	// drain takes out all that lies there and returns how much that was. It waits for the first byte until
	// the deadline, if there is one.
	drain(deadline time.Time) int
	// fill puts n tokens in.
	fill(n int) error
	Close() error
}

// balancing is how often a jobserver is looked at: a token that nobody uses wanders on after so long.
const balancing = 20 * time.Millisecond

// join starts to share tokens through pipe; leave ends it.
func (t *tokens) join(pipe tokenPipe, now func() time.Time) *jobserver {
	ctx, stop := context.WithCancel(context.Background())
	s := &jobserver{pool: t, pipe: pipe, stop: stop, done: make(chan struct{})}
	t.mu.Lock()
	t.members[s] = true
	t.mu.Unlock()
	go func() {
		defer close(s.done)
		for ctx.Err() == nil {
			s.wait(ctx, now)
			s.balance()
		}
	}()
	return s
}

// wait waits a moment. While a task waits it waits at the pipe, to get what a job gives back before
// another job of the same build does.
func (s *jobserver) wait(ctx context.Context, now func() time.Time) {
	s.pool.mu.Lock()
	urgent := s.pool.wanted > 0
	s.pool.mu.Unlock()
	if urgent {
		s.got(s.pipe.drain(now().Add(balancing)))
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(balancing):
	}
}

// got counts n tokens as back. More than was given is not: somebody put them there.
func (s *jobserver) got(n int) {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	n = min(n, s.given)
	s.given -= n
	s.left = max(0, s.left-n)
	s.pool.back(n)
}

// balance takes back what lies in the pipe and puts in what the build may have now. A build that took all
// it was offered gets more, the poorer first; one that did not is asked again now and then.
func (s *jobserver) balance() {
	t := s.pool
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(s.pipe.drain(time.Time{}), s.given)
	if s.left > 0 {
		s.hungry = n == 0
	}
	s.given -= n
	s.left = 0
	t.back(n)
	if t.wanted > 0 || t.free == 0 {
		return
	}
	s.tick++
	others, poorer := false, false
	for m := range t.members {
		if m != s && m.hungry {
			others = true
			poorer = poorer || m.given < s.given
		}
	}
	offer := 1
	switch {
	case !s.hungry && others && s.tick%5 != 0:
		return
	case s.hungry && !poorer:
		offer = 1 + s.given
	}
	offer = min(offer, t.free)
	if s.pipe.fill(offer) != nil {
		return
	}
	t.free -= offer
	s.given += offer
	s.left = offer
}

// leave ends sharing when no process of the build lives any more: all it was given is free again.
func (s *jobserver) leave() {
	if s == nil {
		return
	}
	s.stop()
	<-s.done
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	delete(s.pool.members, s)
	s.pool.back(s.given)
	s.given = 0
	s.pipe.Close()
}
