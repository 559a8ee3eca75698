//go:build !windows

package sandbox

// SystemEnv are the variables without which no program of this system runs: none on Unix.
func SystemEnv() map[string]string { return nil }
