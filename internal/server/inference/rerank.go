package inference

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/host"
)

// Reranking is what documents are ranked for.
type Reranking struct {
	Model     string
	Query     string
	Documents []string
	Top       int // that are told; 0: all
}

// Ranked are documents, the best first.
type Ranked struct {
	Documents []RankedDocument
	Tokens    int // that were read
}

// RankedDocument is a document by its place in the request.
type RankedDocument struct {
	Index int
	Score float32 // from 0 to 1
}

// Rerank ranks documents by how well they answer a query; of equal ones the first comes first.
// The error is a *wire.Error.
func (s *Service) Rerank(ctx context.Context, r *Reranking) (*Ranked, error) {
	b, err := s.begin(ctx, r.Model, host.Ask{}, 1)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Deadline)
	defer cancel()
	out := &Ranked{}
	l := b.lease
	made, err := l.Engine().Rank(ctx, r.Query, r.Documents, &blitz.RankOptions{
		Called: b.name, Tenant: s.o.Meter.Tenant(ctx), Batch: isInBatch(ctx), Adapter: l.Adapter(),
	})
	if err == nil {
		out.Tokens = made.Tokens
		for i, score := range made.Scores {
			out.Documents = append(out.Documents, RankedDocument{i, score})
		}
		slices.SortStableFunc(out.Documents, func(x, y RankedDocument) int { return cmp.Compare(y.Score, x.Score) })
		if r.Top > 0 {
			out.Documents = out.Documents[:min(r.Top, len(out.Documents))]
		}
	}
	b.done(Use{Prompt: out.Tokens, Err: err})
	var one *blitz.DocumentError
	switch {
	case err == nil:
		return out, nil
	case errors.As(err, &one):
		return nil, about(err, fmt.Sprintf("documents[%d]", one.Index))
	}
	return nil, answerError(err)
}
