package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/pflag"
)

// numberFlag is a flag's whole number that may not be less than another one.
type numberFlag struct {
	to    *int
	least int
}

var _ pflag.Value = numberFlag{}

// number makes a flag of to, which keeps what it holds now where the flag is not given.
func number(to *int, least int) numberFlag { return numberFlag{to, least} }

// Set reads what was typed.
func (n numberFlag) Set(text string) error {
	v, err := strconv.Atoi(text)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return errors.New("no such number fits")
	case err != nil:
		return errors.New("want a whole number")
	case v < n.least:
		return fmt.Errorf("want a whole number from %d on", n.least)
	}
	*n.to = v
	return nil
}

// String is the number, empty where it is none that the flag could give.
func (n numberFlag) String() string {
	if n.to == nil || *n.to < n.least {
		return ""
	}
	return strconv.Itoa(*n.to)
}

// Type is the word for it in help.
func (n numberFlag) Type() string { return "int" }
