package server

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/anthropic"
	"github.com/blitz-r1/blitz/internal/server/batch"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/ollama"
	"github.com/blitz-r1/blitz/internal/server/openai"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// SiteOptions say what a Site is made of.
type SiteOptions struct {
	Host  host.Options
	Serve []string // models that are loaded at the start: names in the store, or paths
	Gate  GateSettings
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
	// CertificateNames returns the names that the server's certificate is for; nil: there
	// is none.
	CertificateNames func() []string
}

// Site is a server with all that stands behind it: the models, and who may use them.
type Site struct {
	*Server
	o        SiteOptions
	db       *database.DB
	accounts *account.Accounts
	gate     *Gate
	metrics  *metrics
	meter    *meter
	host     *host.Host
	service  *inference.Service
	batches  *batch.Batches
	loading  atomic.Int32 // models of Serve that are not there yet
}

// OpenSite makes a server ready, but for the models of Serve: Load brings them.
func OpenSite(o SiteOptions) (*Site, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Site{o: o}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.closeRecords())
	}
	s.gate = NewGate(s.accounts, o.CertificateNames, o.Gate)
	s.meter = &meter{accounts: s.accounts}
	s.service = inference.New(inference.Options{Host: s.host, Meter: s.meter, Queue: o.Queue})
	s.metrics = newMetrics(o.Version, &live{s.host, s.service})
	s.meter.counted = s.metrics.counted
	s.Server = New(Options{
		Dialects: s.dialects(), Guard: s.gate, ConnContext: s.gate.ConnContext, Log: o.Log, Done: s.metrics.done,
		Ready: func() bool { return s.loading.Load() == 0 },
	})
	s.loading.Store(int32(len(o.Serve)))
	s.startBatches()
	return s, nil
}

// open opens the records and the models.
func (s *Site) open() (err error) {
	ctx := context.Background()
	if s.db, err = database.Open(ctx, filepath.Join(s.o.Host.Home, database.FileName), account.Tables, openai.Tables, batch.Tables); err != nil {
		return err
	}
	if s.accounts, err = account.Open(ctx, s.db, account.Options{Log: s.o.Log}); err != nil {
		return err
	}
	if err := s.openBatches(ctx); err != nil {
		return err
	}
	if s.o.Prefixes != "" && s.o.PrefixesLimit > 0 {
		if s.o.Host.Prefixes, err = blitz.OpenPrefixes(s.o.Prefixes, s.o.PrefixesLimit); err != nil {
			s.o.Log.Warn("what is computed of prompts is not kept on disk", "error", err)
		}
	}
	s.host, err = host.New(s.o.Host)
	return err
}

// closeRecords writes what is not written yet and closes the file of records.
func (s *Site) closeRecords() (err error) {
	if s.accounts != nil {
		err = s.accounts.Close()
	}
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	return err
}

// dialects returns what is spoken; the first is for clients that do not say.
func (s *Site) dialects() []*wire.Dialect {
	return []*wire.Dialect{
		openai.New(s.service, append(s.responses(), s.batches.Routes()...)...),
		anthropic.New(s.service),
		ollama.New(ollama.Options{Service: s.service, Audit: s.accounts.Audit}),
		s.admin(),
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

// URL returns by what programs of this machine reach the server.
func (s *Site) URL() string { return s.o.URL }

// Gate returns who lets requests in; its settings may be changed.
func (s *Site) Gate() *Gate { return s.gate }

// Accounts returns the keys and their usage.
func (s *Site) Accounts() *account.Accounts { return s.accounts }

// Close ends the answers that are under way until ctx ends, and lets everything go.
func (s *Site) Close(ctx context.Context) error {
	stopped := make(chan error, 1)
	go func() { stopped <- s.batches.Close(ctx) }()
	return errors.Join(s.Shutdown(ctx), <-stopped, s.host.Close(ctx), s.closeRecords())
}
