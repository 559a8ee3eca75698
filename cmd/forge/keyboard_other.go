//go:build !linux && !darwin

package main

import "io"

// keyboard is not read on this system.
type keyboard struct{}

func openKeyboard(io.Reader) *keyboard { return nil }

func (*keyboard) pressed() <-chan byte { return nil }

func (*keyboard) close() {}
