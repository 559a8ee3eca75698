package sandbox

// An Attack is what a hostile build script would try: one line of bash that ends with 0 only if it got
// what it wanted. Its environment names the targets (see newVictim): $SYS makes single system calls,
// $VICTIM is a folder of the caller's, $PID a process of the caller's, $INIT the sandbox's pid 1, $W the
// folder it works in, $RO a folder it may only read.
type Attack struct {
	Name   string   `json:"name"`            // group/name
	Cites  string   `json:"cites,omitempty"` // where it hit somebody, or who tells of it
	Script string   `json:"script"`
	After  string   `json:"after,omitempty"`   // asked outside afterwards; if set, its exit 0 is success, not the script's
	Alone  Setting  `json:"control,omitempty"` // where it works without a sandbox
	Limits Limits   `json:"limits,omitzero"`   // what it runs under beside the usual
	Needs  []string `json:"needs,omitempty"`   // programs; without them it is not tried
}

// Setting is where an attack's positive control runs.
type Setting string

// The settings.
const (
	AsCaller Setting = ""          // as whoever calls, with nothing around it
	AsRoot   Setting = "namespace" // as root of a throw-away user namespace with one of each other kind
	OnlyRoot Setting = "root"      // as whoever calls, who must be root
)

// A Finding is what became of one attack.
type Finding struct {
	Attack  Attack `json:"attack"`
	Held    bool   `json:"held"`              // the sandbox did
	Works   bool   `json:"works"`             // without the sandbox it succeeds: so holding it off means something
	Inside  string `json:"inside,omitempty"`  // how it ended in the sandbox
	Control string `json:"control,omitempty"` // how it ended without, or why it was not tried
}
