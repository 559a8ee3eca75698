package main

import (
	"runtime"
	"runtime/debug"
)

// smallHeap is how many bytes the heap may take before anything is collected.
const smallHeap = 32 << 20

// calmCollector leaves the garbage of small runs where it is: a run that builds one package makes about 20 MB, and to
// collect it four times over costs a seventh of its CPU time. Past smallHeap the collector works as it always
// does, so what large runs need stays the same. GOGC in the environment is the user's own word.
func calmCollector(lookupEnv func(string) (string, bool)) {
	if _, set := lookupEnv("GOGC"); set {
		return
	}
	const first = 4 << 20 // where the runtime begins to collect, at 100 percent
	debug.SetGCPercent(100 * (smallHeap / first))
	type sentinel struct{ _ *byte } // collected first, like everything that nobody holds
	runtime.AddCleanup(&sentinel{}, func(percent int) { debug.SetGCPercent(percent) }, 100)
}
