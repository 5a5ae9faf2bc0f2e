package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/hub"
)

// openStore opens the local store.
func openStore(cmd *cobra.Command) (*hub.Store, error) {
	home, err := hub.DefaultHome(os.Getenv)
	if err != nil {
		return nil, err
	}
	s, err := hub.Open(home)
	if err != nil {
		return nil, err
	}
	s.Offline, _ = cmd.Flags().GetBool("offline")
	return s, nil
}

// locate finds a MODEL: a path, a stored name, or a source that is pulled first. It
// returns what to open.
func locate(ctx context.Context, cmd *cobra.Command, name string) (string, error) {
	s, err := openStore(cmd)
	if err != nil {
		return "", err
	}
	l, err := s.Locate(ctx, name, nil)
	return l.Path, err
}
