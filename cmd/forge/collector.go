package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// smallHeap is how many bytes the heap may take before anything is collected.
const smallHeap = 32 << 20

// calmCollector leaves the garbage of small runs where it is: a run that builds one package makes about 20 MB, and to
// collect it four times over costs a seventh of its CPU time. What keeps more than half of smallHeap alive is
// collected as ever, so large runs need no more memory than before. GOGC in the environment is the user's own
// word.
func calmCollector(lookupEnv func(string) (string, bool)) {
	if _, set := lookupEnv("GOGC"); set {
		return
	}
	const first = 4 << 20 // where the runtime begins to collect, at 100 percent
	afterCollection(100 * (smallHeap / first))
}

// afterCollection sets how many percent the heap may grow, and again after each collection from now on.
func afterCollection(percent int) {
	debug.SetGCPercent(percent)
	type sentinel struct{ _ *byte } // dead at once: found so by the next collection
	runtime.AddCleanup(&sentinel{}, func(int) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		afterCollection(max(100, int(100*smallHeap/max(1<<20, live[0].Value.Uint64()))-100))
	}, 0)
}
