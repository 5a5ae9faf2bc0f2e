package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/attest"
	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/mcp"
	"github.com/blitz-r1/blitz/internal/server/anthropic"
	"github.com/blitz-r1/blitz/internal/server/batch"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/ollama"
	"github.com/blitz-r1/blitz/internal/server/openai"
	"github.com/blitz-r1/blitz/internal/server/receipts"
	"github.com/blitz-r1/blitz/internal/server/ui"
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
	Notary        *attest.Notary // signs a receipt of every answer; nil: there are none
	// Nodes compute what batches ask; nil: this server does. Digests is a folder in which digests
	// of files are remembered; "": nowhere.
	Nodes   *inference.Nodes
	Digests string
	Payment string // the address that is asked whether a request is paid; "": none is
	// Tools are the MCP servers of the owner's settings, which end with the site; Allowed are
	// the tools that people allow for good. Both may be nil.
	Tools   *mcp.Tools
	Allowed *mcp.Allowed
	// CertificateNames returns the names that the server's certificate is for; nil: there
	// is none.
	CertificateNames func() []string
	// Documents is the command that reads a PDF for the page, in a child; nil: none are read.
	Documents []string
	// Confine is the command that confines it; nil: it has bounds alone.
	Confine []string
	// Settings returns what the page shows of the settings; nil: nothing.
	Settings func() []ui.Setting
}

// Site is a server with all that stands behind it: the models, and who may use them.
type Site struct {
	*Server
	o        SiteOptions
	db       *database.DB
	accounts *account.Accounts
	gate     *Gate
	metrics  *metrics
	failures failures
	meter    *meter
	host     *host.Host
	service  *inference.Service
	receipts *receipts.Receipts // nil: there are none
	jobs     *inference.Jobs
	batches  *batch.Batches
	chats    *history.Store
	page     *ui.UI
	loading  atomic.Int32 // models that are loaded at the start and are not there yet
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
	s.meter = &meter{accounts: s.accounts, payment: newPayment(o.Payment)}
	if o.Notary != nil {
		s.receipts = receipts.New(receipts.Options{Notary: o.Notary, DB: s.db, Log: o.Log})
	}
	if err := s.openJobs(); err != nil {
		return nil, errors.Join(err, s.host.Close(context.Background()), s.closeRecords())
	}
	s.service = inference.New(inference.Options{Host: s.host, Meter: s.meter, Queue: o.Queue, Receipts: s.receipts, Jobs: s.jobs})
	s.metrics = newMetrics(o.Version, &live{s.host.Loaded, s.service})
	s.meter.counted = func(u inference.Use) { s.metrics.counted(u); s.failures.counted(u) }
	var err error
	if s.page, err = ui.New(ui.Options{
		Service: s.service, Accounts: s.accounts, Store: s.chats, From: s.gate.From, Caller: s.gate.Caller, MCP: o.Tools, Allowed: o.Allowed, Version: o.Version, Log: o.Log, Served: o.Serve,
		DB: s.db, Catalogue: o.Host.Catalogue, Documents: o.Documents, Confine: o.Confine, Disk: s.disk, Failures: s.failures.recent, Settings: o.Settings,
	}); err != nil {
		s.jobs.Close()
		return nil, errors.Join(err, s.host.Close(context.Background()), s.closeRecords())
	}
	s.Server = New(Options{
		Dialects: s.dialects(), Guard: s.gate, ConnContext: s.gate.ConnContext, Log: o.Log, Done: s.done,
		Ready: func() bool { return s.loading.Load() == 0 },
	})
	s.loading.Store(int32(len(o.Serve)))
	s.startBatches()
	return s, nil
}

// done counts a request that was answered. See Options.Done.
func (s *Site) done(r *http.Request, route string, status int, took time.Duration) {
	s.metrics.done(r, route, status, took)
	s.failures.done(r, route, status)
}

// disk returns what is kept of prompts on the disk.
func (s *Site) disk() ui.Disk {
	if s.o.Host.Prefixes == nil {
		return ui.Disk{}
	}
	p := s.o.Host.Prefixes.Stats()
	return ui.Disk{Bytes: p.Bytes, Limit: p.Limit}
}

// open opens the records and the models.
func (s *Site) open() (err error) {
	ctx := context.Background()
	if s.db, err = database.Open(ctx, filepath.Join(s.o.Host.Home, database.FileName), account.Tables, openai.Tables, batch.Tables, history.Tables, ui.Tables, receipts.Tables); err != nil {
		return err
	}
	if s.accounts, err = account.Open(ctx, s.db, account.Options{Log: s.o.Log}); err != nil {
		return err
	}
	if err := s.openBatches(ctx); err != nil {
		return err
	}
	if s.chats, err = history.Open(ctx, s.db, history.Options{}); err != nil {
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
	if s.chats != nil {
		s.chats.Close()
	}
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	return err
}

// dialects returns what is spoken; the first is for clients that do not say.
func (s *Site) dialects() []*wire.Dialect {
	return []*wire.Dialect{
		openai.New(s.service, slices.Concat(s.responses(), s.batches.Routes(), s.receipts.Routes(func(r *http.Request) string { return account.CallerOf(r.Context()).Tenant() }))...),
		anthropic.New(s.service),
		ollama.New(ollama.Options{Service: s.service, Page: s.page.Page, Audit: s.accounts.Audit}),
		s.page.Dialect(),
		s.admin(),
		s.owner(),
	}
}

// Load brings the models that were named, one after the other, and keeps them for as
// long as others are kept.
func (s *Site) Load(ctx context.Context, names []string) error {
	s.loading.Store(int32(len(names))) // adapters of the models of Serve are among them
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

// Tools returns the MCP servers, nil where there are none; they may be changed.
func (s *Site) Tools() *mcp.Tools { return s.o.Tools }

// Accounts returns the keys and their usage.
func (s *Site) Accounts() *account.Accounts { return s.accounts }

// Close ends the answers that are under way until ctx ends, and lets everything go.
func (s *Site) Close(ctx context.Context) error {
	stopped := make(chan error, 2)
	go func() { stopped <- s.batches.Close(ctx) }()
	go func() { stopped <- s.page.Close(ctx) }()
	err := errors.Join(s.Shutdown(ctx), <-stopped, <-stopped)
	s.jobs.Close()
	if s.o.Tools != nil {
		s.o.Tools.Close()
	}
	return errors.Join(err, s.host.Close(ctx), s.closeRecords())
}
