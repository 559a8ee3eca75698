package engine

// takeBack makes what the sandbox's uid left readable for us.
func (j *job) takeBack() error { return nil }

// relocate makes the library paths of executables relative to themselves.
func (j *job) relocate(paths []string) error { return nil }
