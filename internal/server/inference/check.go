package inference

import (
	"context"

	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/receipt"
)

// Receipt returns the receipt of an answer that the caller asked for. The error is a
// *wire.Error where there is none.
func (s *Service) Receipt(ctx context.Context, id string) (*receipt.Receipt, error) {
	if s.o.Receipts == nil {
		return nil, errNoReceipts
	}
	return s.o.Receipts.Find(ctx, s.Tenant(ctx), id)
}

var errNoReceipts = &wire.Error{Kind: wire.NotFound, Message: "this server gives no receipts"}

// CheckReceipt checks the receipt of an answer that the caller asked for: signature and
// log, and the answer, which its model computes again. The error is a *receipt.Error where
// the receipt does not hold, else a *wire.Error.
func (s *Service) CheckReceipt(ctx context.Context, id string) (*receipt.Verdict, error) {
	if s.o.Receipts == nil {
		return nil, errNoReceipts
	}
	one, v, err := s.o.Receipts.Verify(ctx, s.Tenant(ctx), id)
	if err != nil {
		return nil, err
	}
	b, err := s.begin(ctx, v.Statement.Model.Name, host.Ask{}, 1)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Deadline)
	defer cancel()
	err = s.o.Receipts.Again(ctx, b.engine(), b.subject(nil), one, v)
	u := v.Statement.Usage
	b.done(Use{Prompt: int(u.PromptTokens + u.OutputTokens)})
	return v, err
}
