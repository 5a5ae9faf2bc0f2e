package server

import (
	"context"
	"errors"
	"strings"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/attest"
	"github.com/blitz-r1/blitz/internal/server/batch"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/openai"
	"github.com/blitz-r1/blitz/internal/server/receipts"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// openBatches makes files and batches ready. They run from startBatches on.
func (s *Site) openBatches(ctx context.Context) (err error) {
	s.batches, err = batch.Open(ctx, batch.Options{
		Database: s.db, Home: s.o.Host.Home, Log: s.o.Log, As: s.as,
		Tenant: func(ctx context.Context) string { return account.CallerOf(ctx).Tenant() },
	})
	return err
}

// openJobs makes the queue ready by which batches go.
func (s *Site) openJobs() (err error) {
	r := s.receipts
	if r == nil { // results have receipts, which nobody sees
		key, err := signed.Generate(signed.Ed25519)
		if err != nil {
			return err
		}
		program := receipt.Program{Version: "0", SHA256: strings.Repeat("0", 64)}
		r = receipts.New(receipts.Options{Notary: &attest.Notary{Key: key, Program: program, Digests: s.o.Digests}, DB: s.db, Log: s.o.Log})
	}
	s.jobs, err = inference.NewJobs(s.o.Nodes, r, s.o.Log)
	return err
}

// as returns a context in which a line of a batch is asked by who made the batch, though
// they sent no request with it: as far as their key counts, and within its limits.
func (s *Site) as(ctx context.Context, tenant string) (context.Context, error) {
	c, err := s.accounts.Recall(tenant)
	switch {
	case errors.Is(err, account.ErrUnknown), errors.Is(err, account.ErrRevoked), errors.Is(err, account.ErrExpired):
		return nil, &wire.Error{Kind: wire.Key, Message: "the key that the batch was made with does not count any more", Err: err}
	case err != nil:
		return nil, err
	case !c.May(account.Inference):
		return nil, &wire.Error{Kind: wire.Forbidden, Message: "the key that the batch was made with has no scope inference"}
	}
	return account.With(ctx, c), nil
}

// startBatches has lines of batches answered by what answers requests, without its guard.
func (s *Site) startBatches() {
	lines := New(Options{Dialects: []*wire.Dialect{openai.New(s.service, s.responses()...)}, Log: s.o.Log})
	s.batches.Start(lines.Handler())
}

// responses returns the routes of responses that are kept.
func (s *Site) responses() []wire.Route {
	return openai.Responses(s.service, openai.NewStored(s.db))
}
