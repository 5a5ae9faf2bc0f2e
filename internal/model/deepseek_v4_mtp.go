package model

import "fmt"

// deepseekV4Module is V4's module of multi-token prediction: from the streams of position t
// and the embedding of token t+1 it guesses token t+2, through a layer that sees a window.
type deepseekV4Module struct {
	enorm, hnorm Norm
	E, H         Linear // of the embedding, and of each stream
	EH           Linear // of the embedding with each stream behind it, in place of both: GGUF files have it so
	layer        deepseekV4Layer
	head         hyperHead
	norm         Norm
}

// bindDrafts binds what a checkpoint has behind the last layer, whose caches stand behind
// kept others: draft layers of blocks, or a module of multi-token prediction.
func (m *deepseekV4) bindDrafts(b *binder, c *Config, kept int) {
	_, drafted := b.src.(draftedSource)
	switch apart := b.hf && b.may("nextn.e_proj", c.NumHiddenLayers, ".weight"); {
	case c.NumNextNPredictLayers > 0 && (b.hf || drafted) && c.DSparkBlockSize > 0:
		m.bindDSpark(b, c, kept)
	case c.NumNextNPredictLayers > 0 && (apart || drafted):
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
	if b.hf {
		b.linear(&x.E, "nextn.e_proj", i, D, D)
		b.linear(&x.H, "nextn.h_proj", i, D, D)
	} else {
		b.linear(&x.EH, "nextn.eh_proj", i, D, 2*D)
	}
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
	e := s.Norm(s.Embed(), &x.enorm)
	h := s.Norm(hidden.columns(s, D, n*D), &x.hnorm) // each stream
	owners := s.owners
	s.owners = nil // a stream is no row that an adapter is of
	var S *Act
	if x.EH.Rows > 0 {
		both := s.join(s.reshape(s.Streams(e, n), n*h.T, D), s.reshape(h, n*h.T, D))
		S = s.reshape(s.Linear(both, &x.EH), h.T, n*D)
		s.owners = owners
	} else {
		streams := s.Linear(s.reshape(h, n*h.T, D), &x.H)
		s.owners = owners
		S = s.Add(s.reshape(streams, h.T, n*D), s.Streams(s.Linear(e, &x.E), n))
	}
	S = x.layer.mix(s, x.layer.attend(s, S))
	return s.Norm(s.JoinStreams(S, &x.head), &x.norm)
}
