package sandbox

import "fmt"

// Places reports whether the level can show a folder at another path than its own. Where it cannot, a
// Spec's mounts must have equal Source and Target, and its Links and Files are left to the machine.
func (i Isolation) Places() bool { return i == Full }

// checkInPlace refuses what a level without a mount namespace cannot give.
func (s Spec) checkInPlace(level Isolation) error {
	for _, m := range s.Mounts {
		if m.Source != m.Target {
			from := m.Source
			if from == "" {
				from = "an empty folder"
			}
			return fmt.Errorf("run in sandbox: isolation %s cannot show %s at %s; use paths that are the same inside and out", level, from, m.Target)
		}
	}
	return nil
}
