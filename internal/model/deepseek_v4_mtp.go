package model

import "fmt"

// deepseekV4Module is V4's module of multi-token prediction: from the streams of position t
// and the embedding of token t+1 it guesses token t+2, through a layer that sees a window.
type deepseekV4Module struct {
	enorm, hnorm Norm
	E, H         Linear // of the embedding, and of each stream
	layer        deepseekV4Layer
	head         hyperHead
	norm         Norm
}

// bindDrafts binds what a checkpoint has behind the last layer, whose caches stand behind
// kept others: draft layers of blocks, or a module of multi-token prediction.
func (m *deepseekV4) bindDrafts(b *binder, c *Config, kept int) {
	switch {
	case c.NumNextNPredictLayers > 0 && b.hf && c.DSparkBlockSize > 0:
		m.bindDSpark(b, c, kept)
	case c.NumNextNPredictLayers > 0 && b.hf && b.may("nextn.e_proj", c.NumHiddenLayers, ".weight"):
		m.bindModule(b, c, kept)
	default:
		b.fail(fmt.Errorf("model: %s: %w", b.src.name(), ErrNoMTP))
	}
}

// bindModule binds the first module.
func (m *deepseekV4) bindModule(b *binder, c *Config, kept int) {
	x, i, D := new(deepseekV4Module), c.NumHiddenLayers, c.HiddenSize
	b.norm(&x.enorm, "nextn.enorm", i, D, c.RMSNormEps)
	b.norm(&x.hnorm, "nextn.hnorm", i, D, c.RMSNormEps)
	b.linear(&x.E, "nextn.e_proj", i, D, D)
	b.linear(&x.H, "nextn.h_proj", i, D, D)
	m.bindLayer(&x.layer, b, c, i, 0, false)
	b.hyperHead(&x.head, i, c)
	b.norm(&x.norm, "nextn.shared_head_norm", i, D, c.RMSNormEps)
	x.layer.attn.number(kept)
	m.mtp = x
}

func (m *deepseekV4) drafts() bool { return m.mtp != nil }

func (m *deepseekV4) draftHead() *Linear { return nil }

// draft reads the streams that stand behind the hidden states.
//
//	hidden [T, (1+N)*H] → [T, H]
func (m *deepseekV4) draft(model *Model, s *Step, b *Batch, hidden *Act) *Act {
	x, n, D := m.mtp, m.streams, model.Config.HiddenSize
	s.setBatch(b)
	s.embed = model.embed
	e := s.Linear(s.Norm(s.Embed(), &x.enorm), &x.E)
	h := s.Norm(hidden.columns(s, D, n*D), &x.hnorm) // each stream
	owners := s.owners
	s.owners = nil // a stream is no row that an adapter is of
	streams := s.Linear(s.reshape(h, n*h.T, D), &x.H)
	s.owners = owners
	S := s.Add(s.reshape(streams, h.T, n*D), s.Streams(e, n))
	S = x.layer.mix(s, x.layer.attend(s, S))
	return s.Norm(s.JoinStreams(S, &x.head), &x.norm)
}
