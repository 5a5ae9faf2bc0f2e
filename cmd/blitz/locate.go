package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/countdown"
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
	s.Settings, s.Places = readHubs(), hub.DefaultPlaces(os.Getenv)
	s.Voucher, err = readTrusted(cmd, os.Getenv)
	return s, err
}

// readHubs returns where sources are, as the environment says.
func readHubs() hub.Settings {
	s := hub.ReadSettings(os.Getenv)
	s.UserAgent = "blitz/" + readBuild().Version
	return s
}

// locate finds a MODEL: a path, a stored name, a name of the catalogue or a source, which
// are pulled first, with progress on stderr. It returns what to open.
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
	if has(cmd, "fit") {
		if name, err = fittingSource(cmd, s, name); err != nil {
			return hub.Location{}, err
		}
	}
	p := newProgress(cmd.ErrOrStderr(), os.Getenv)
	began := time.Now()
	l, err := s.Locate(ctx, name, p.report)
	p.end()
	if err == nil && l.Model != nil && l.Model.PulledAt.After(began) {
		auditModel(cmd, "model.pull", l.Model.Name.String(), l.Model.Digest())
	}
	var missing *hub.NotFoundError
	if errors.As(err, &missing) && !missing.Path && missing.Name != "" && isName(name) {
		l, err = locateCatalogued(cmd, s, name, missing)
	}
	if err == nil && l.Model != nil && cmd.Name() != "show" && cmd.Name() != "doctor" { // who only looks does not use
		s.Touch(l.Model)
	}
	return l, err
}

// fittingSource returns the source to fetch of one that is not stored, and other names as
// they are.
func fittingSource(cmd *cobra.Command, s *hub.Store, name string) (string, error) {
	src, err := hub.ParseSource(name)
	if err != nil || !src.Remote() {
		return name, nil // which Locate says
	}
	if _, err := s.Find(src); err == nil {
		return name, nil
	}
	src, err = fittingOffer(cmd, s, src)
	return src.String(), err
}

// isName reports whether a MODEL can be nothing but a name.
func isName(name string) bool {
	src, err := hub.ParseSource(name)
	return err == nil && src.Kind == hub.KindName
}

// locateCatalogued fetches the model of a name that is not stored, and finds it.
func locateCatalogued(cmd *cobra.Command, s *hub.Store, name string, missing *hub.NotFoundError) (hub.Location, error) {
	m, err := catalogued(cmd, s, name, missing)
	if err != nil {
		return hub.Location{}, err
	}
	path, err := s.Path(m)
	return hub.Location{Path: path, Model: m}, err
}

// withoutStore finds a MODEL where there is no store, for the reason given: a path, or the
// model in the program.
func withoutStore(name string, reason error) (hub.Location, error) {
	if m, err := hub.Within(); err != nil || m.IsCalled(name) {
		return hub.Location{Path: countdown.Path, Model: m}, err
	}
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
	l, err := locateModel(cmd.Context(), cmd, name)
	if err != nil {
		return nil, err
	}
	return openLocated(l)
}

// openLocated opens the files of a MODEL that was found, with the digests that the store
// knows.
func openLocated(l hub.Location) (*blitz.Files, error) {
	files, err := blitz.OpenFiles(l.Path)
	if err == nil && l.Model != nil {
		if sums, ok := l.Model.SumsAt(l.Path); ok {
			files.Know(sums)
		}
	}
	return files, err
}
