package server

import (
	"context"
	"errors"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/server/batch"
	"github.com/blitz-r1/blitz/internal/server/openai"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// openBatches makes files and batches ready. They run from startBatches on.
func (s *Site) openBatches(ctx context.Context) (err error) {
	s.batches, err = batch.Open(ctx, batch.Options{
		Database: s.db, Home: s.o.Host.Home, Log: s.o.Log, As: s.as,
		Tenant: func(ctx context.Context) string { return account.CallerOf(ctx).Tenant() },
	})
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
