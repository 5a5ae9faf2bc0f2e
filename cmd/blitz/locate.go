package main

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/settings"
)

// homeFolder returns the folder of the store, and what says so: BLITZ_HOME, the
// settings file, or the system's place for such.
func homeFolder(getenv func(string) string) (dir, from string, err error) {
	file, err := settings.Open(getenv)
	if err != nil {
		return "", "", err
	}
	if dir, from, err = settings.Home(getenv, file); dir != "" || err != nil {
		return dir, from, err
	}
	dir, err = hub.DefaultHome(getenv)
	return dir, "default", err
}

// openStore opens the local store.
func openStore(cmd *cobra.Command) (*hub.Store, error) {
	home, _, err := homeFolder(os.Getenv)
	if err != nil {
		return nil, err
	}
	s, err := hub.Open(home)
	if err != nil {
		return nil, err
	}
	s.Offline, _ = cmd.Flags().GetBool("offline")
	s.Settings, s.Places = hub.ReadSettings(os.Getenv), hub.DefaultPlaces(os.Getenv)
	s.Settings.UserAgent = "blitz/" + readBuild().Version
	return s, nil
}

// locate finds a MODEL: a path, a stored name, or a source that is pulled first, with
// progress on stderr. It returns what to open.
func locate(ctx context.Context, cmd *cobra.Command, name string) (string, error) {
	l, err := locateModel(ctx, cmd, name)
	return l.Path, err
}

// locateModel is locate that also returns what the store knows of the model.
func locateModel(ctx context.Context, cmd *cobra.Command, name string) (hub.Location, error) {
	s, err := openStore(cmd)
	if err != nil {
		return withoutStore(name, err)
	}
	p := newProgress(cmd.ErrOrStderr(), os.Getenv)
	defer p.end()
	return s.Locate(ctx, name, p.report)
}

// withoutStore finds a MODEL where there is no store, for the reason given: a path.
func withoutStore(name string, reason error) (hub.Location, error) {
	_, err := os.Stat(name)
	if err == nil || errors.Is(err, fs.ErrPermission) { // what it cannot be opened for, opening says best
		return hub.Location{Path: name}, nil
	}
	if src, err := hub.ParseSource(name); err == nil && src.Kind == hub.KindPath {
		return hub.Location{}, &hub.NotFoundError{Name: name, Path: true}
	}
	return hub.Location{}, reason
}

// openFiles finds a MODEL and opens its files.
func openFiles(cmd *cobra.Command, name string) (*blitz.Files, error) {
	path, err := locate(cmd.Context(), cmd, name)
	if err != nil {
		return nil, err
	}
	return blitz.OpenFiles(path)
}
