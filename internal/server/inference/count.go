package inference

import (
	"context"

	"github.com/blitz-r1/blitz/internal/host"
)

// Count returns how many tokens the prompt of a conversation has, as Answer would read
// it. The error is a *wire.Error.
func (s *Service) Count(ctx context.Context, r *Request) (int, error) {
	b, err := s.begin(ctx, r.Model, host.Ask{KeepAlive: r.KeepAlive}, 1)
	if err != nil {
		return 0, err
	}
	one, err := r.resolve(b.lease, s.o.Meter.Tenant(ctx))
	var ids []int32
	if err == nil {
		ids, err = b.engine().PromptIDs(ctx, one)
	}
	b.done(Use{Err: err})
	return len(ids), answerError(err)
}

// Counting has f count prompts of one model, as one request. room is how many positions a
// sequence has. The error is a *wire.Error.
func (s *Service) Counting(ctx context.Context, model string, f func(room int, count func(*Request) (int, error)) error) error {
	b, err := s.begin(ctx, model, host.Ask{}, 1)
	if err != nil {
		return err
	}
	tenant := s.o.Meter.Tenant(ctx)
	err = f(b.engine().Context(), func(r *Request) (int, error) {
		one, err := r.resolve(b.lease, tenant)
		if err != nil {
			return 0, err
		}
		ids, err := b.engine().PromptIDs(ctx, one)
		return len(ids), err
	})
	b.done(Use{Err: err})
	return answerError(err)
}
