package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"forge/internal/diag"
	"forge/platforms"
)

// markUsageErrors makes wrong positional arguments usage errors, for every verb in one place.
func markUsageErrors(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{argumentsError(cmd, args, err)}
			}
			return nil
		}
	} else if c.HasSubCommands() {
		c.Args = func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownVerb(c, args[0])
			}
			return nil
		}
		c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	for _, sub := range c.Commands() {
		markUsageErrors(sub)
	}
}

// argumentsError says what a verb takes, where cobra only counts.
func argumentsError(c *cobra.Command, args []string, err error) error {
	wants := strings.TrimPrefix(strings.TrimSpace(strings.TrimPrefix(c.Use, c.Name())), "[flags] ")
	switch text := err.Error(); {
	case strings.HasPrefix(text, "unknown command ") && wants == "":
		return fmt.Errorf("%s takes no arguments; there is %q", c.CommandPath(), args[0])
	case strings.Contains(text, " arg(s)") && wants != "":
		given := fmt.Sprintf("%d arguments were given", len(args))
		switch len(args) {
		case 0:
			given = "nothing was given"
		case 1:
			given = fmt.Sprintf("only %q was given", args[0])
		}
		return fmt.Errorf("%s takes %s; %s", c.CommandPath(), wants, given)
	}
	return err
}

// flagError suggests the flag that an unknown one was meant to be, and says of a wrong value what was wanted.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		why := errors.Unwrap(err)
		var number *strconv.NumError
		switch f := invalid.GetFlag(); {
		case f.Value.Type() == "bool":
			why = errors.New("want true or false")
		case errors.As(err, &number):
			why = errors.New("want a whole number")
		}
		return usageError{fmt.Errorf("--%s %q: %w", invalid.GetFlag().Name, invalid.GetValue(), why)}
	}
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return usageError{err}
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if near := diag.Nearest(unknown.GetSpecifiedName(), names); near != "" {
		err = fmt.Errorf("%w; did you mean --%s?", err, near)
	}
	return usageError{err}
}

// mayBeEmpty are the flags that a script may give an empty value: it means what leaving them out does.
var mayBeEmpty = []string{"build-string-prefix"}

// emptyValues refuses flags that were given nothing, which is most often a variable that a script forgot to
// set, and would pass for the flag's default.
func emptyValues(c *cobra.Command) error {
	var first error
	c.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		if first == nil && slices.Contains(values, "") && !slices.Contains(mayBeEmpty, f.Name) {
			first = usageError{fmt.Errorf("the value of --%s is empty; leave the flag out for its default", f.Name)}
		}
	})
	return first
}

// parsePlatform reads the platform that a flag names.
func parsePlatform(flag, name string) (platforms.Platform, error) {
	p, err := platforms.Parse(name)
	if near := diag.Nearest(name, platforms.Subdirs()); err != nil && near != "" {
		err = fmt.Errorf("unknown platform %q; did you mean %q?", name, near)
	}
	if err != nil {
		return p, usageError{fmt.Errorf("%s: %w", flag, err)}
	}
	return p, nil
}
