package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
)

// exactly is cobra.ExactArgs with a usage error that says what is missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return fault.Misuse(fmt.Errorf("%s: %s is missing", cmd.CommandPath(), names[len(args)]))
		}
		if len(args) > len(names) {
			return fault.Misuse(fmt.Errorf("%s: unexpected argument %q", cmd.CommandPath(), args[len(names)]))
		}
		return nil
	}
}

// atLeast wants these arguments; any number may follow.
func atLeast(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return fault.Misuse(fmt.Errorf("%s: %s is missing", cmd.CommandPath(), names[len(args)]))
		}
		return nil
	}
}

// atMost takes n arguments or fewer.
func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return fault.Misuse(fmt.Errorf("%s: unexpected argument %q", cmd.CommandPath(), args[n]))
		}
		return nil
	}
}
