package fsx

import "errors"

// StampOf fails: Windows has no cheap question for what a Stamp holds, so whoever asks reads the file.
func StampOf(string, bool) (Stamp, error) { return Stamp{}, errors.ErrUnsupported }

// Stamps gives the stamps of one path after the other.
type Stamps struct{}

// Of is StampOf.
func (*Stamps) Of(path string, follow bool) (Stamp, error) { return StampOf(path, follow) }

// Close does nothing.
func (*Stamps) Close() {}
