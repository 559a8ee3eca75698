package main

import (
	"errors"
	"strconv"

	"github.com/spf13/pflag"

	"forge/engine"
)

// sizeFlag is a flag's number of bytes, with or without a unit.
type sizeFlag int64

var _ pflag.Value = (*sizeFlag)(nil)

// Set reads what was typed.
func (s *sizeFlag) Set(text string) error {
	n, err := engine.ParseSize(text)
	if err != nil {
		return errors.New("want a size such as 500MB or 20GiB") // what was typed is said already
	}
	*s = sizeFlag(n)
	return nil
}

// String is the number, empty for none.
func (s *sizeFlag) String() string {
	if *s == 0 {
		return ""
	}
	return strconv.FormatInt(int64(*s), 10)
}

// Type is the word for it in help.
func (s *sizeFlag) Type() string { return "size" }
