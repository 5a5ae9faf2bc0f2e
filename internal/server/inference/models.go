package inference

import (
	"context"
	"slices"

	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Models returns the models that the caller may use, in the order of their names, as far
// as they can be read. The error is a *wire.Error.
func (s *Service) Models(ctx context.Context) ([]host.Entry, error) {
	list, err := s.o.Host.Stored(ctx)
	if err != nil && len(list) == 0 {
		return nil, &wire.Error{Kind: wire.Internal, Message: "the models cannot be listed: " + message(err), Err: err}
	}
	return slices.DeleteFunc(list, func(e host.Entry) bool { return !s.o.Meter.May(ctx, e.Name) }), nil
}

// Entry returns what is said of a model, which is not there for a caller who may not use
// it. The error is a *wire.Error.
func (s *Service) Entry(ctx context.Context, name string) (host.Entry, error) {
	e, err := s.o.Host.Entry(ctx, name)
	if err != nil {
		return e, s.modelError(name, err)
	}
	if !s.o.Meter.May(ctx, e.Name) {
		return e, &wire.Error{Kind: wire.Forbidden, Param: "model", Message: "this key may not use the model " + wire.Quote(name)}
	}
	return e, nil
}

// Loaded returns the models in memory that the caller may use.
func (s *Service) Loaded(ctx context.Context) []host.Running {
	return slices.DeleteFunc(s.o.Host.Loaded(), func(r host.Running) bool { return !s.o.Meter.May(ctx, r.Name) })
}
