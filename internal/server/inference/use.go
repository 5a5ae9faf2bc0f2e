package inference

import (
	"context"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Use has f use a model for what is no answer, such as its tokenizer; the use is counted
// as one request. name is the model's in the store. The error is a *wire.Error.
func (s *Service) Use(ctx context.Context, model string, f func(e *blitz.Engine, name string) error) error {
	b, err := s.begin(ctx, model, host.Ask{}, 1)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Deadline)
	defer cancel()
	if err = context.Cause(ctx); err == nil {
		err = f(b.engine(), b.name)
	}
	b.done(Use{Err: err})
	return answerError(err)
}

// OnlyModel returns the model that a request means that names none: the one in memory,
// or else the only one that there is. The error is a *wire.Error.
func (s *Service) OnlyModel(ctx context.Context) (string, error) {
	var names []string
	for _, r := range s.Loaded(ctx) {
		if !r.Loading {
			names = append(names, r.Name)
		}
	}
	if len(names) == 0 {
		list, err := s.Models(ctx)
		if err != nil {
			return "", err
		}
		for _, e := range list {
			names = append(names, e.Name)
		}
	}
	if len(names) == 1 {
		return names[0], nil
	}
	return "", wire.Refuse("model", "model is missing, and it is not clear which of several is meant")
}
