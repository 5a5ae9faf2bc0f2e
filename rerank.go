package blitz

import (
	"context"
	"errors"
	"fmt"
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
// fit the context it says which.
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
	case m.tokens == nil:
		return nil, tokenizer.ErrNoTokenizer
	}
	who, err := e.owner(o.Tenant, o.Batch, o.Adapter)
	if err != nil {
		return nil, err
	}
	r := &Ranking{}
	if m.Encodes() {
		pairs, err := m.pairs(query, documents)
		if err != nil {
			return nil, err
		}
		for i := range pairs {
			r.Tokens += len(pairs[i].Tokens)
		}
		r.Scores, err = e.run.Rank(ctx, who, pairs)
		return r, err
	}
	return r, e.rankAsked(ctx, r, who, query, documents)
}

// rankAsked asks the model of each document whether it answers the query.
func (e *Engine) rankAsked(ctx context.Context, r *Ranking, who engine.Owner, query string, documents []string) error {
	t := e.model.tokens
	pairs := make([]engine.Pair, len(documents))
	texts := make([][]int32, len(documents))
	for i, d := range documents {
		ids, err := t.EncodeParts([]tokenizer.Part{
			{Text: rankBegin}, {Text: rankQuery, Plain: true}, {Text: query, Plain: true}, {Text: rankDocument, Plain: true}, {Text: d, Plain: true}, {Text: rankEnd},
		}, 0)
		if err != nil {
			return err
		}
		pairs[i].Tokens, texts[i] = ids, ids
		r.Tokens += len(ids)
	}
	var err error
	if e.model.config.Heads > 0 {
		r.Scores, err = e.run.Rank(ctx, who, pairs)
		return err
	}
	yes, okYes := t.ID("yes")
	no, okNo := t.ID("no")
	if !okYes || !okNo {
		return fmt.Errorf("blitz: the %s model %s has no tokens yes and no: it %w", e.model.config.ModelType, e.model.files.Name(), ErrNoRank)
	}
	r.Scores, err = e.run.RankByAnswer(ctx, who, texts, yes, no)
	return err
}

// pairs writes the query and each document as an encoder was trained with two texts.
func (m *Model) pairs(query string, documents []string) ([]engine.Pair, error) {
	t := m.tokens
	begin, end := t.Around()
	first, err := t.Encode(query, tokenizer.Plain)
	if err != nil {
		return nil, err
	}
	between := end // BERT: one separator, RoBERTa: two
	if m.config.PairEnds == 2 {
		between = append(between[:len(between):len(between)], end...)
	}
	pairs := make([]engine.Pair, len(documents))
	for i, d := range documents {
		second, err := t.Encode(d, tokenizer.Plain)
		if err != nil {
			return nil, err
		}
		ids := append(append(append([]int32{}, begin...), first...), between...)
		pairs[i].Second = len(ids)
		pairs[i].Tokens = append(append(ids, second...), end...)
	}
	return pairs, nil
}
