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
