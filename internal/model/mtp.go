package model

import (
	"errors"
	"fmt"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// ErrNoMTP says that a model has no module of multi-token prediction.
var ErrNoMTP = errors.New("the model has no module of multi-token prediction")

// mtp is a module of multi-token prediction (DeepSeek-V3 §2.2): from the hidden state
// of position t and the embedding of token t+1 it guesses token t+2, through a
// decoder layer of its own with a cache of its own.
type mtp struct {
	enorm, hnorm Norm
	proj         Linear // [D, 2D] on the embedding, then the hidden state
	layer        deepseekLayer
	norm         Norm
	embed        *Embedding // the model's where the file has no copy
	head         *Linear    // likewise, nil: the model's
}

// bindMTP binds the first module, which stands behind the last layer.
func (m *deepseek) bindMTP(b *binder, c *Config) {
	i := c.NumHiddenLayers
	if c.NumNextNPredictLayers == 0 || !b.may("nextn.eh_proj", i, ".weight") {
		b.fail(fmt.Errorf("model: %s: %w", b.src.name(), ErrNoMTP))
		return
	}
	m.mtp = m.bindModule(b, c, i)
	for i++; b.modules && i < c.NumHiddenLayers+c.NumNextNPredictLayers; i++ {
		m.bindModule(b, c, i)
	}
}

// bindModule binds the module that stands in the place of layer i.
func (m *deepseek) bindModule(b *binder, c *Config, i int) *mtp {
	x := &mtp{embed: &b.embed}
	D := c.HiddenSize
	b.norm(&x.enorm, "nextn.enorm", i, D, c.RMSNormEps)
	b.norm(&x.hnorm, "nextn.hnorm", i, D, c.RMSNormEps)
	b.linear(&x.proj, "nextn.eh_proj", i, D, 2*D)
	m.bindLayer(&x.layer, b, c, i, c.NumExperts > 0)
	if b.may("nextn.shared_head_norm", i, ".weight") {
		b.norm(&x.norm, "nextn.shared_head_norm", i, D, c.RMSNormEps)
	} else {
		x.norm = m.norm
	}
	if b.options.SharedEnds {
		b.leaveEnds(i)
		return x
	}
	if b.has("nextn.embed_tokens", i, ".weight") {
		x.embed = new(Embedding)
		b.embedding(x.embed, b.name("nextn.embed_tokens", i, ".weight"), c.VocabSize, D)
	}
	if b.has("nextn.shared_head_head", i, ".weight") {
		x.head = new(Linear)
		b.linear(x.head, "nextn.shared_head_head", i, c.VocabSize, D)
	}
	return x
}

// leaveEnds takes the module's copies of embedding and head without reading them.
func (b *binder) leaveEnds(layer int) {
	for _, role := range []string{"nextn.embed_tokens", "nextn.shared_head_head"} {
		if name := b.name(role, layer, ".weight"); b.has(role, layer, ".weight") {
			b.taken[name] = true
		}
	}
}

// Draft runs the module on a step's rows: hidden are what Forward returned for all
// rows of the batch, whose tokens are those that follow, so that row t has the hidden
// state of position t and token t+1. It returns the hidden states of the guesses.
//
//	hidden [T, D] → [T, D]
func (m *Model) Draft(s *Step, b *Batch, hidden *Act) *Act {
	return m.net.(drafter).draft(m, s, b, hidden)
}

// drafter is a network that may have a module of multi-token prediction.
type drafter interface {
	// drafts says whether it was opened.
	drafts() bool
	draft(m *Model, s *Step, b *Batch, hidden *Act) *Act
	// draftHead returns the output matrix of the guesses; nil: the model's.
	draftHead() *Linear
}

func (d *deepseek) drafts() bool { return d.mtp != nil }

func (d *deepseek) draftHead() *Linear { return d.mtp.head }

func (d *deepseek) draft(_ *Model, s *Step, b *Batch, hidden *Act) *Act {
	x := d.mtp
	s.setBatch(b)
	s.embed = x.embed
	h, e := s.Norm(hidden, &x.hnorm), s.Norm(s.Embed(), &x.enorm)
	y := s.Linear(s.join(e, h), &x.proj)
	y = s.Add(y, s.Latent(s.Norm(y, &x.layer.attnNorm), &x.layer.latent, d.rope))
	y = s.sharedAndChosen(y, s.Norm(y, &x.layer.ffnNorm), &x.layer.mlp, x.layer.experts)
	return s.Norm(y, &x.norm)
}

// DraftLogits returns the logits of the guesses.
//
//	→ [to-from, V]
func (m *Model) DraftLogits(s *Step, hidden *Act, from, to int) *Act {
	head := m.net.(drafter).draftHead()
	if head == nil {
		head = m.head
	}
	return s.linearOf(hidden, from, to, head)
}

// HasMTP says whether the module of multi-token prediction was opened.
func (m *Model) HasMTP() bool {
	d, ok := m.net.(drafter)
	return ok && d.drafts()
}

// join returns the rows of a, each with that of b behind it.
//
//	a [T, A]   b [T, B] → [T, A+B]
func (s *Step) join(a, b *Act) *Act {
	y := s.act(a.T, a.D+b.D)
	s.eachRow(OpRows, filled(s, &s.records.join, joinRows{a, b, y}), y.T, y.D)
	return y
}

type joinRows struct{ a, b, y *Act }

func (o *joinRows) Operands() Operands { return Operands{In: []*Act{o.a, o.b}, Out: []*Act{o.y}} }

func (o *joinRows) row(t int, _ *kernel.Thread) {
	y := o.y.Row(t)
	copy(y[copy(y, o.a.Row(t)):], o.b.Row(t))
}

func (o *joinRows) backward(t *Tape) {
	dy := t.have(o.y)
	if dy == nil {
		return
	}
	a, b := t.Grad(o.a), t.Grad(o.b)
	t.eachRow(dy.T, dy.D, func(r int, _ *kernel.Thread) {
		kernel.Add(a.Row(r), a.Row(r), dy.Row(r)[:a.D])
		kernel.Add(b.Row(r), b.Row(r), dy.Row(r)[a.D:])
	})
}
