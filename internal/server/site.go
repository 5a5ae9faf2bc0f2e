package server

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/anthropic"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/ollama"
	"github.com/blitz-r1/blitz/internal/server/openai"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// SiteOptions say what a Site is made of.
type SiteOptions struct {
	Host  host.Options
	Serve []string // models that are loaded at the start: names in the store, or paths
	// Prefixes is a folder for what was computed of prompts, of at most so many bytes; "":
	// nothing outlives a restart.
	Prefixes      string
	PrefixesLimit int64
	Queue         int    // answers that may be under way and waiting; more are refused
	Version       string // of the program
	URL           string // by which programs of this machine reach it, for blitz ps and launch
	PID           int    // of the program
	Stop          func() // has the program end
	Log           *slog.Logger
}

// Site is a server with all that stands behind it: the models, and who may use them.
type Site struct {
	*Server
	o       SiteOptions
	host    *host.Host
	service *inference.Service
	loading atomic.Int32 // models of Serve that are not there yet
}

// OpenSite makes a server ready, but for the models of Serve: Load brings them.
func OpenSite(o SiteOptions) (*Site, error) {
	if o.Prefixes != "" && o.PrefixesLimit > 0 {
		var err error
		if o.Host.Prefixes, err = blitz.OpenPrefixes(o.Prefixes, o.PrefixesLimit); err != nil {
			return nil, err
		}
	}
	h, err := host.New(o.Host)
	if err != nil {
		return nil, err
	}
	s := &Site{o: o, host: h}
	s.service = inference.New(inference.Options{Host: h, Meter: free{}, Queue: o.Queue})
	s.Server = New(Options{Dialects: s.dialects(), Log: o.Log, Ready: func() bool { return s.loading.Load() == 0 }})
	s.loading.Store(int32(len(o.Serve)))
	return s, nil
}

// dialects returns what is spoken; the first is for clients that do not say.
func (s *Site) dialects() []*wire.Dialect {
	return []*wire.Dialect{
		openai.New(s.service),
		anthropic.New(s.service),
		ollama.New(ollama.Options{Service: s.service}),
		s.owner(),
	}
}

// Load brings the models that were named, one after the other, and keeps them for as
// long as others are kept.
func (s *Site) Load(ctx context.Context, names []string) error {
	for _, name := range names {
		l, err := s.host.Acquire(ctx, name, host.Ask{})
		if err != nil {
			return err
		}
		l.Release()
		s.loading.Add(-1)
	}
	return nil
}

// Host returns the models.
func (s *Site) Host() *host.Host { return s.host }

// Close ends the answers that are under way until ctx ends, and lets everything go.
func (s *Site) Close(ctx context.Context) error {
	return errors.Join(s.Shutdown(ctx), s.host.Close(ctx))
}

// free is a Meter for who has no limits.
type free struct{}

func (free) Begin(context.Context, string) (func(inference.Use), error) {
	return func(inference.Use) {}, nil
}
func (free) Tenant(context.Context) string { return "" }
