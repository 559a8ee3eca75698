package engine

// EventKind says what an Event tells.
type EventKind int

// The kinds of events.
const (
	EventStart    EventKind = iota // an action began to run
	EventPhase                     // it entered Phase
	EventProgress                  // within Phase, Done of Total bytes
	EventEnd                       // it ended: Outcome is set
	EventWarning                   // something a person should read: Text; without a Phase every run will say it
	EventRest                      // it was built and waits for its tests, or had nothing to do: Outcome is set
	EventTerminal                  // from now on the terminal belongs to a command
	EventProcess                   // a script runs: PID is the first process of its sandbox
	EventMemory                    // its script and all that runs for it has Done bytes of memory now
	EventHeld                      // its build waits until Done bytes of memory are free; Text says what for
	EventAlone                     // its build needs Done bytes, more than there are: nothing runs beside it; Text says so
	EventSummary                   // the run is over: Summary is set, Action is not
)

// Event is one thing that happened during a run, for whoever shows it. Events of one action are in
// order; those of several come as they happen.
type Event struct {
	Kind        EventKind
	Action      *Action
	Phase       string // "fetch", "unpack", "environment", "build", "package", "test", "sign"
	Done, Total int64
	Text        string
	PID         int
	Outcome     *Outcome
	Summary     *Summary
}
