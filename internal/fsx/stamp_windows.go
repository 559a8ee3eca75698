package fsx

import "errors"

// StampOf fails: Windows has no cheap question for what a Stamp holds, so whoever asks reads the file.
func StampOf(string, bool) (Stamp, error) { return Stamp{}, errors.ErrUnsupported }
