package model

import (
	"fmt"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
)

// dspark are the draft layers of V4's releases of July 2026: they guess a block of tokens at
// once, from what some layers of the model put out (DeepSeek-V4-0731, inference/model.py). Each
// layer keeps rows of the committed positions; those of a block, whose first token is the
// newest and whose others are noise, see the last of them and each other.
type dspark struct {
	block      int
	noise      int32
	targets    []int  // layers whose outputs are read
	proj       Linear // [hidden, hidden*targets]
	projNorm   Norm
	stages     []deepseekV4Layer
	head       hyperHead
	norm       Norm
	token      Embedding // of the token before, [V, rank]
	bias       Linear    // [V, rank]: what that adds to logits
	confidence Linear    // [1, hidden+rank]
}

// bindDSpark binds the draft layers, whose caches stand behind kept others.
func (m *deepseekV4) bindDSpark(b *binder, c *Config, kept int) {
	N, D := c.NumHiddenLayers, c.HiddenSize
	x := &dspark{block: c.DSparkBlockSize, noise: int32(c.DSparkNoise), targets: c.DSparkTargets, stages: make([]deepseekV4Layer, c.NumNextNPredictLayers)}
	last := N + len(x.stages) - 1
	b.linear(&x.proj, "dspark.main_proj", N, D, D*len(x.targets))
	b.norm(&x.projNorm, "dspark.main_norm", N, D, c.RMSNormEps)
	for i := range x.stages {
		l := &x.stages[i]
		m.bindLayer(l, b, c, N+i, 0, false)
		l.attn.block = x.block
		l.attn.Window += x.block
		kept = l.attn.number(kept)
	}
	b.hyperHead(&x.head, last, c)
	b.norm(&x.norm, "nextn.shared_head_norm", last, D, c.RMSNormEps)
	b.embedding(&x.token, b.name("dspark.markov_w1", last, ".weight"), c.VocabSize, c.DSparkRank)
	b.linear(&x.bias, "dspark.markov_w2", last, c.VocabSize, c.DSparkRank)
	b.linear(&x.confidence, "dspark.confidence", last, 1, D+c.DSparkRank)
	m.dspark = x
}

// readDSpark reads what config.json says of such draft layers, which may be none.
func (c *Config) readDSpark(o *object) {
	if !o.has("dspark_block_size") {
		return
	}
	c.DSparkBlockSize = o.count("dspark_block_size", 0, 0, MostGuessed)
	if c.DSparkBlockSize == 0 {
		return
	}
	c.DSparkNoise = o.count("dspark_noise_token_id", 0, 0, c.VocabSize-1)
	if ratios, _ := o.values["compress_ratios"].([]any); len(ratios) > c.NumHiddenLayers { // with those of the draft layers
		c.NumNextNPredictLayers = min(len(ratios)-c.NumHiddenLayers, 16)
	}
	c.DSparkRank = o.count("dspark_markov_rank", 0, 1, maxWidth)
	list, _ := o.values["dspark_target_layer_ids"].([]any)
	if len(list) == 0 || len(list) > c.NumHiddenLayers {
		o.fail("dspark_target_layer_ids", show(o.values["dspark_target_layer_ids"]), "a list of layers")
		return
	}
	for _, v := range list {
		one := &object{file: o.file, values: map[string]any{"dspark_target_layer_ids": v}}
		c.DSparkTargets = append(c.DSparkTargets, one.count("dspark_target_layer_ids", 0, 0, c.NumHiddenLayers-1))
		o.takeError(one)
	}
}

// tap copies the mean over the streams of a layer's output to its places among the
// features.
//
//	S [T, N*H]   features [T, targets*H]
func (s *Step) tap(features, S *Act, x *dspark, layer int) {
	for i, target := range x.targets {
		if target == layer {
			H := features.D / len(x.targets)
			s.eachRow(OpRows, filled(s, &s.records.hyper.mean, meanRows{S, features.columns(s, i*H, H)}), S.T, S.D)
		}
	}
}

type meanRows struct{ S, y *Act }

func (o *meanRows) Operands() Operands { return Operands{In: []*Act{o.S}, Out: []*Act{o.y}} }

func (o *meanRows) row(t int, _ *kernel.Thread) {
	S, y := o.S.Row(t), o.y.Row(t)
	n := len(S) / len(y)
	copy(y, S)
	for i := 1; i < n; i++ {
		kernel.Add(y, y, S[i*len(y):][:len(y)])
	}
	kernel.Div(y, y, float32(n))
}

// commit keeps the rows of the step's positions in the caches of the draft layers.
//
//	features [T, targets*H]
func (x *dspark) commit(s *Step, features *Act) {
	main := s.Norm(s.Linear(features, &x.proj), &x.projNorm)
	for i := range x.stages {
		l := &x.stages[i].attn
		s.storeRow(s.Rope(s.Norm(s.Linear(main, &l.KV), &l.KVNorm), 1, l.rope), l)
	}
}

// Block is what draft layers guess at once: for each of its rows the logits, the token that
// was taken, and how sure of it they are.
type Block struct {
	Logits     []*Act // [1, V] each
	Tokens     []int32
	Confidence []float32
}

// BlockSize returns how many tokens the draft layers guess at once; 0: the model has none, or
// they were not opened.
func (m *Model) BlockSize() int {
	if d, ok := m.net.(*deepseekV4); ok && d.dspark != nil {
		return d.dspark.block
	}
	return 0
}

// DraftBlock guesses the tokens behind anchor, the token at position pos, which no step has
// computed yet: the greedy ones, ties to the lower id. The sequence has BlockSize positions
// reserved from pos on; what is written there counts for nothing. limit is that of its segments.
func (m *Model) DraftBlock(s *Step, seq *kvcache.Sequence, pos, limit int, anchor int32) (*Block, error) {
	d, ok := m.net.(*deepseekV4)
	if !ok || d.dspark == nil {
		return nil, fmt.Errorf("model: draft layers of blocks: %w", ErrNoMTP)
	}
	x := d.dspark
	ids := make([]int32, x.block)
	for i := range ids {
		ids[i] = x.noise
	}
	ids[0] = anchor
	for _, r := range m.ropes {
		r.of(min(limit, maxContext)).grow(pos + x.block)
	}
	s.setBatch(&Batch{Segments: []Segment{{Seq: seq, Pos: pos, Tokens: ids, Limit: limit}}})
	s.embed = m.embed
	S := s.Streams(s.Embed(), d.streams)
	for i := range x.stages {
		S = x.stages[i].mix(s, x.stages[i].attend(s, S))
	}
	h := s.JoinStreams(S, &x.head)
	base := s.Linear(s.Norm(h, &x.norm), m.head)
	b := new(Block)
	s.setBatch(&Batch{Segments: []Segment{{Seq: seq, Pos: pos, Tokens: ids[:1], Limit: limit}}})
	for i := range x.block {
		before := s.act(1, x.token.Cols)
		x.token.Row(before.X, int(anchor))
		logits := s.Add(s.Linear(before, &x.bias), base.rows(s, i, i+1))
		sure := s.Linear(s.join(h.rows(s, i, i+1), before), &x.confidence)
		anchor = kernel.TopK(nil, logits.X, 1)[0]
		b.Logits, b.Tokens, b.Confidence = append(b.Logits, logits), append(b.Tokens, anchor), append(b.Confidence, kernel.Sigmoid(sure.X[0]))
	}
	return b, nil
}
