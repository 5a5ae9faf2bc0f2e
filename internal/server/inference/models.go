package inference

import (
	"context"

	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Models returns the models that there are, in the order of their names, as far as they
// can be read. The error is a *wire.Error.
func (s *Service) Models(ctx context.Context) ([]host.Entry, error) {
	list, err := s.o.Host.Stored(ctx)
	if err != nil && len(list) == 0 {
		return nil, &wire.Error{Kind: wire.Internal, Message: "the models cannot be listed: " + message(err), Err: err}
	}
	return list, nil
}

// Entry returns what is said of a model. The error is a *wire.Error.
func (s *Service) Entry(ctx context.Context, name string) (host.Entry, error) {
	e, err := s.o.Host.Entry(ctx, name)
	if err != nil {
		return e, s.modelError(name, err)
	}
	return e, nil
}
