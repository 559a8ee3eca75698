package main

import (
	"sync/atomic"
	"time"
)

// cpuShares tells the processor time of several threads that work at once: their own and, of what the
// process used besides (the garbage collector above all), a part in proportion.
type cpuShares struct{ threads []atomic.Int64 }

// cpuMoment is what was used up to a moment.
type cpuMoment struct{ own, all, process time.Duration }

func newCPUShares(n int) *cpuShares { return &cpuShares{threads: make([]atomic.Int64, n)} }

// enter says that the calling thread is the i-th. It must be locked.
func (c *cpuShares) enter(i int) { c.threads[i].Store(threadID()) }

// now is the moment as the i-th thread sees it.
func (c *cpuShares) now(i int) (m cpuMoment) {
	m.process = cpuTime()
	if len(c.threads) == 1 {
		m.own, m.all = m.process, m.process
		return m
	}
	for k := range c.threads {
		t := threadTime(c.threads[k].Load())
		if m.all += t; k == i {
			m.own = t
		}
	}
	return m
}

// since is what the i-th thread's work took.
func (c *cpuShares) since(i int, begin cpuMoment) time.Duration {
	end := c.now(i)
	own, all := end.own-begin.own, end.all-begin.all
	if own <= 0 || all <= 0 {
		return end.process - begin.process // no clock of threads here: an upper bound
	}
	rest := max(0, end.process-begin.process-all)
	return own + time.Duration(float64(rest)*float64(own)/float64(all))
}
