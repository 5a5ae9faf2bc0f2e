package blitz

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/tokenizer"
)

var (
	// ErrNoRank is a ranking by a model that was not made for it.
	ErrNoRank = errors.New("was not made to rank documents")
	// ErrRanks is an embedding by a model that ranks documents alone.
	ErrRanks = errors.New("ranks documents and makes no vectors")
)

// DocumentError is what one of the documents that are ranked cannot be ranked for.
type DocumentError struct {
	Index int
	Err   error
}

// Error says which document, and what of it.
func (e *DocumentError) Error() string { return fmt.Sprintf("document %d: %v", e.Index, e.Err) }

// Unwrap returns what is wrong with it.
func (e *DocumentError) Unwrap() error { return e.Err }

// RankOptions say how Rank reads, and for whom.
type RankOptions struct {
	// Called is a further name of the model: where its files do not say that it ranks, its
	// name does, with rerank in it.
	Called  string
	Tenant  string // as those of a Request
	Batch   bool
	Adapter *Adapter
}

// Ranking is how well documents answer a query.
type Ranking struct {
	Scores []float32 // [documents], from 0 to 1
	Tokens int       // that were read
}

// Ranks says whether the model's files tell that it ranks documents.
func (m *Model) Ranks() bool { return m.config.Ranks }

// ranksCalled says whether the model ranks, by its files or by a name of it.
func (m *Model) ranksCalled(name string) bool {
	if m.Ranks() {
		return true
	}
	for _, name := range []string{name, m.files.Name()} {
		if !m.Encodes() && strings.Contains(strings.ToLower(name), "rerank") {
			return true
		}
	}
	return false
}

// The texts around a query and a document as Qwen3-Reranker was trained with them (Zhang et al.
// 2025, figure 2).
const (
	rankBegin = "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. " +
		"Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n"
	rankQuery    = "<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n<Query>: "
	rankDocument = "\n<Document>: "
	rankEnd      = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
)

// Rank tells how well each document answers a query: a model with a head for that reads both
// as a pair, one without is asked, and how likely it says yes counts. Documents run in batches.
// o may be nil. The error wraps what Score's does, and ErrNoRank; of a document that does not
// fit the context it is a *DocumentError.
func (e *Engine) Rank(ctx context.Context, query string, documents []string, o *RankOptions) (*Ranking, error) {
	if o == nil {
		o = &RankOptions{}
	}
	m := e.model
	switch {
	case e.run == nil:
		return nil, errFar
	case !m.ranksCalled(o.Called):
		return nil, fmt.Errorf("blitz: the %s model %s %w", m.config.ModelType, m.files.Name(), ErrNoRank)
	case m.config.Heads > 0 && m.Dimensions() > 2: // of vectors, not of a yes
		return nil, fmt.Errorf("blitz: the %s model %s makes vectors of %d numbers: it %w", m.config.ModelType, m.files.Name(), m.Dimensions(), ErrNoRank)
	case m.tokens == nil:
		return nil, tokenizer.ErrNoTokenizer
	}
	who, err := e.owner(o.Tenant, o.Batch, o.Adapter)
	if err != nil {
		return nil, err
	}
	r := &Ranking{}
	if !m.Encodes() {
		return r, e.rankAsked(ctx, r, who, query, documents)
	}
	pair, err := m.pairs(query)
	if err != nil {
		return nil, err
	}
	return r, e.rankEach(ctx, r, documents, pair, func(pairs []engine.Pair) ([]float32, error) { return e.run.Rank(ctx, who, pairs) })
}

// mostPairTokens bounds the pairs that are there at once: each has the query again.
var mostPairTokens = 1 << 20

// rankEach ranks documents: of as many as mostPairTokens lets, pair makes pairs and rank tells
// the scores.
func (e *Engine) rankEach(ctx context.Context, r *Ranking, documents []string, pair func(string) (engine.Pair, error), rank func([]engine.Pair) ([]float32, error)) error {
	var pairs []engine.Pair
	held := 0
	for i, d := range documents {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := pair(d)
		if err != nil {
			return err
		}
		if n := len(p.Tokens); n > e.Context() {
			return &DocumentError{i, &ContextError{Prompt: n, Context: e.Context()}}
		}
		pairs, held = append(pairs, p), held+len(p.Tokens)
		if held < mostPairTokens && i < len(documents)-1 {
			continue
		}
		scores, err := rank(pairs)
		if err != nil {
			return err
		}
		r.Scores, r.Tokens = append(r.Scores, scores...), r.Tokens+held
		pairs, held = nil, 0
	}
	return nil
}

// rankAsked asks the model of each document whether it answers the query.
func (e *Engine) rankAsked(ctx context.Context, r *Ranking, who engine.Owner, query string, documents []string) error {
	m, t := e.model, e.model.tokens
	pair := func(d string) (engine.Pair, error) {
		ids, err := t.EncodeParts([]tokenizer.Part{
			{Text: rankBegin}, {Text: rankQuery, Plain: true}, {Text: query, Plain: true}, {Text: rankDocument, Plain: true}, {Text: d, Plain: true}, {Text: rankEnd},
		}, 0)
		return engine.Pair{Tokens: ids}, err
	}
	if m.config.Heads > 0 {
		return e.rankEach(ctx, r, documents, pair, func(pairs []engine.Pair) ([]float32, error) { return e.run.Rank(ctx, who, pairs) })
	}
	yes, okYes := t.ID("yes")
	no, okNo := t.ID("no")
	if !okYes || !okNo {
		return fmt.Errorf("blitz: the %s model %s has no tokens yes and no: it %w", m.config.ModelType, m.files.Name(), ErrNoRank)
	}
	return e.rankEach(ctx, r, documents, pair, func(pairs []engine.Pair) ([]float32, error) {
		texts := make([][]int32, len(pairs))
		for i := range pairs {
			texts[i] = pairs[i].Tokens
		}
		return e.run.RankByAnswer(ctx, who, texts, yes, no)
	})
}

// pairs returns what writes the query and a document as an encoder was trained with two texts.
func (m *Model) pairs(query string) (func(document string) (engine.Pair, error), error) {
	t := m.tokens
	begin, end := t.Around()
	first, err := t.Encode(query, tokenizer.Plain)
	if err != nil {
		return nil, err
	}
	between := end // BERT: one separator, RoBERTa: two
	if m.config.PairEnds == 2 {
		between = slices.Concat(end, end)
	}
	return func(document string) (engine.Pair, error) {
		second, err := t.Encode(document, tokenizer.Plain)
		if err != nil {
			return engine.Pair{}, err
		}
		before := len(begin) + len(first) + len(between)
		return engine.Pair{Tokens: slices.Concat(begin, first, between, second, end), Second: before}, nil
	}, nil
}
