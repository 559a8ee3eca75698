package engine

// relocate makes the library paths of executables relative to themselves.
func (j *job) relocate(paths []string) error { return nil }
