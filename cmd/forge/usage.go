package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"forge/internal/diag"
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

// flagError suggests the flag that an unknown one was meant to be.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
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
