// Package resolver picks versions of packages and explains conflicts.
package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"forge/packages"
	"forge/platforms"
)

// Provider offers candidates. It does no I/O that depends on the clock; the resolver asks for each
// name at most once.
type Provider interface {
	// Candidates returns every record of that name, in any order. Unknown names give none.
	Candidates(name string) ([]*packages.Record, error)
	// Names lists the names it has, for suggestions; it may be slow.
	Names() []string
}

// ChannelPriority is conda's channel_priority.
type ChannelPriority int

// The priorities: Strict takes a name from the first channel that has it and from no other.
const (
	Strict ChannelPriority = iota
	Flexible
	Disabled
)

var priorityNames = [...]string{Strict: "strict", Flexible: "flexible", Disabled: "disabled"}

// String is conda's word for it.
func (p ChannelPriority) String() string {
	if p < 0 || int(p) >= len(priorityNames) {
		return fmt.Sprintf("channel priority %d", int(p))
	}
	return priorityNames[p]
}

// MarshalText writes conda's word; an error where p is none of the priorities.
func (p ChannelPriority) MarshalText() ([]byte, error) {
	if p < 0 || int(p) >= len(priorityNames) {
		return nil, errors.New(p.String())
	}
	return []byte(p.String()), nil
}

// UnmarshalText reads strict, flexible or disabled.
func (p *ChannelPriority) UnmarshalText(b []byte) error {
	i := slices.Index(priorityNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("%q: want strict, flexible or disabled", b)
	}
	*p = ChannelPriority(i)
	return nil
}

// Problem is one environment to solve.
type Problem struct {
	Specs        []string // wanted, as match specs
	Constraints  []string // must hold if the package is there
	Virtual      []platforms.VirtualPackage
	Channels     []string // in order of priority; records of other channels come last, in name order
	Priority     ChannelPriority
	Favored      []*packages.Record // taken where they fit
	Locked       []*packages.Record // taken, or no solution
	ExcludeNewer int64              // milliseconds since 1970; 0 for no bound
}

// Solution is the lock of one environment: records in an order in which they can be installed.
type Solution struct {
	Records []*packages.Record
}

// Solver solves problems.
type Solver interface {
	// Solve returns the best solution, always the same for the same problem and candidates. Where
	// there is none the error is a *Conflict.
	Solve(ctx context.Context, provider Provider, problem Problem) (*Solution, error)
}

// Conflict explains why there is no solution.
type Conflict struct {
	Root *Reason
	Hint string // what would make it solvable, if one change would
}

// Reason is a node of the explanation: a requirement and why it cannot be met.
type Reason struct {
	Text   string
	Causes []*Reason
}
