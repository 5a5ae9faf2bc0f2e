package model

import (
	"strings"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
)

// deepseekV4Family is DeepSeek-V4 Flash and Pro.
var deepseekV4Family = family{
	modelType: "deepseek_v4",
	archs:     []string{"deepseek4"},
	defaults: map[string]any{
		"vocab_size": 129280, "hidden_size": 4096, "intermediate_size": 2048, "num_hidden_layers": 43, "num_attention_heads": 64,
		"num_key_value_heads": 1, "head_dim": 512, "hidden_act": "silu", "max_position_embeddings": 1048576, "rms_norm_eps": 1e-6,
		"q_lora_rank": 1024, "o_groups": 8, "o_lora_rank": 1024, "sliding_window": 128, "index_n_heads": 64, "index_head_dim": 128, "index_topk": 512,
		"n_routed_experts": 256, "num_experts_per_tok": 6, "n_shared_experts": 1, "moe_intermediate_size": 2048, "norm_topk_prob": true,
		"routed_scaling_factor": 1.5, "scoring_func": "sqrtsoftplus", "swiglu_limit": 10.0, "hc_mult": 4, "hc_sinkhorn_iters": 20, "hc_eps": 1e-6,
	},
	aliases:       map[string]string{"num_local_experts": "n_routed_experts", "num_experts": "n_routed_experts"},
	readHF:        readDeepSeekV4,
	readGGUF:      readGGUFDeepSeekV4,
	check:         checkDeepSeekV4,
	partialRotary: true,
	hfModules:     "mtp.%d.",
	drafts:        true,
	untrained:     "attention with entries and hyper-connections have no backward",
	hfTop: map[string]string{
		"token_embd": "embed", "output_norm": "norm", "output": "head",
		"output_hc_fn": "hc_head_fn", "output_hc_base": "hc_head_base", "output_hc_scale": "hc_head_scale",
	},
	hfNames: map[string]string{
		"attn_norm": "attn_norm", "ffn_norm": "ffn_norm",
		"attn_sinks": "attn.attn_sink", "attn_q_a": "attn.wq_a", "attn_q_a_norm": "attn.q_norm", "attn_q_b": "attn.wq_b",
		"attn_kv": "attn.wkv", "attn_kv_a_norm": "attn.kv_norm", "attn_output_a": "attn.wo_a", "attn_output_b": "attn.wo_b",
		"attn_compressor_kv": "attn.compressor.wkv", "attn_compressor_gate": "attn.compressor.wgate",
		"attn_compressor_ape": "attn.compressor.ape", "attn_compressor_norm": "attn.compressor.norm",
		"indexer.attn_q_b": "attn.indexer.wq_b", "indexer.proj": "attn.indexer.weights_proj",
		"indexer_compressor_kv": "attn.indexer.compressor.wkv", "indexer_compressor_gate": "attn.indexer.compressor.wgate",
		"indexer_compressor_ape": "attn.indexer.compressor.ape", "indexer_compressor_norm": "attn.indexer.compressor.norm",
		"hc_attn_fn": "hc_attn_fn", "hc_attn_base": "hc_attn_base", "hc_attn_scale": "hc_attn_scale",
		"hc_ffn_fn": "hc_ffn_fn", "hc_ffn_base": "hc_ffn_base", "hc_ffn_scale": "hc_ffn_scale",
		"ffn_gate_inp": "ffn.gate", "ffn_gate_tid2eid": "ffn.gate.tid2eid",
		"ffn_gate_exps": "ffn.experts.%d.w1", "ffn_up_exps": "ffn.experts.%d.w3", "ffn_down_exps": "ffn.experts.%d.w2",
		"dspark.main_proj": "main_proj", "dspark.main_norm": "main_norm", "dspark.markov_w1": "markov_head.markov_w1",
		"dspark.markov_w2": "markov_head.markov_w2", "dspark.confidence": "confidence_head.proj",
		"nextn.e_proj": "e_proj", "nextn.h_proj": "h_proj", "nextn.shared_head_norm": "norm",
		"output_hc_fn": "hc_head_fn", "output_hc_base": "hc_head_base", "output_hc_scale": "hc_head_scale",
		"ffn_gate_shexp": "ffn.shared_experts.w1", "ffn_up_shexp": "ffn.shared_experts.w3", "ffn_down_shexp": "ffn.shared_experts.w2",
	},
	spare: func(_ *binder, _ *Config, name string) string {
		if strings.HasPrefix(name, "mtp.") { // some GGUF files have it too, by the published names
			return "of a module of multi-token prediction"
		}
		return ""
	},
	network: func() network { return new(deepseekV4) },
}

// deepseekV4 is DeepSeek-V4 (DeepSeek-AI 2026): hyper-connections around attention over a
// window and compressed entries of what lies before it, and around experts, of which the
// first layers choose by a table.
type deepseekV4 struct {
	layers []deepseekV4Layer
	head   hyperHead
	norm   Norm
	mtp    *deepseekV4Module // where it was asked for
	dspark *dspark           // likewise
	// Rope of layers that see a window alone, and of those with entries.
	local, rope *Rope
	streams     int
}

type deepseekV4Layer struct {
	attnHyper, ffnHyper Hyper
	attnNorm, ffnNorm   Norm
	attn                EntryAttention
	experts             *Experts
	shared              GatedMLP
}

func (m *deepseekV4) bind(b *binder, c *Config) {
	m.local, m.rope = newRope(c.RopeLocal, c.rotaryDim()), newRope(&c.Rope, c.rotaryDim())
	m.streams = c.HCMult
	m.layers = make([]deepseekV4Layer, c.NumHiddenLayers)
	kept := 0 // layers of the cache
	for i := range m.layers {
		l := &m.layers[i]
		m.bindLayer(l, b, c, i, c.CompressRatios[i], i < c.NumHashLayers)
		if b.err != nil {
			return
		}
		kept = l.attn.number(kept)
	}
	b.hyperHead(&m.head, noLayer, c)
	b.norm(&m.norm, "output_norm", noLayer, c.HiddenSize, c.RMSNormEps)
	if b.options.MTP && b.err == nil {
		m.bindDrafts(b, c, kept)
	}
}

// bindLayer binds layer i, whose entries are of ratio positions.
func (m *deepseekV4) bindLayer(l *deepseekV4Layer, b *binder, c *Config, i, ratio int, hashed bool) {
	rope := m.local
	if ratio > 0 {
		rope = m.rope
	}
	b.hyper(&l.attnHyper, "attn", i, c)
	b.norm(&l.attnNorm, "attn_norm", i, c.HiddenSize, c.RMSNormEps)
	b.entryAttention(&l.attn, i, ratio, c, rope)
	b.hyper(&l.ffnHyper, "ffn", i, c)
	b.norm(&l.ffnNorm, "ffn_norm", i, c.HiddenSize, c.RMSNormEps)
	l.experts = b.v4Experts(i, c, hashed)
	if c.NumSharedExperts > 0 {
		b.sharedExperts(&l.shared, i, c)
		l.shared.Limit = c.SwigluLimit
	}
}

func (m *deepseekV4) forward(s *Step) *Act {
	S := s.Streams(s.Embed(), m.streams)
	var features *Act
	if m.dspark != nil {
		features = s.act(S.T, len(m.dspark.targets)*S.D/m.streams)
	}
	for i := range m.layers {
		l := &m.layers[i]
		mark := s.Mark()
		S = l.attend(s, S)
		last := i == len(m.layers)-1
		early := l.experts.Table == nil && m.dspark == nil // all rows of the last layer matter to others
		if last && early {
			S = s.Wanted(S)
			mark = s.Mark()
		}
		S = l.mix(s, S)
		if m.dspark != nil {
			s.tap(features, S, m.dspark, i)
		}
		s.Release(mark)
		if last && !early {
			if m.dspark != nil {
				m.dspark.commit(s, features)
			}
			S = s.Wanted(S)
		}
	}
	x := s.Norm(s.JoinStreams(S, &m.head), &m.norm)
	if m.mtp != nil { // which goes on from the streams
		x = s.join(x, S)
	}
	return x
}

// attend is the first sublayer.
//
//	S [T, N*H] → [T, N*H]
func (l *deepseekV4Layer) attend(s *Step, S *Act) *Act {
	x, mix := s.ReadStreams(S, &l.attnHyper)
	return s.WriteStreams(S, s.EntryAttention(s.Norm(x, &l.attnNorm), &l.attn), mix)
}

// mix is the second one: experts.
//
//	S [T, N*H] → [T, N*H]
func (l *deepseekV4Layer) mix(s *Step, S *Act) *Act {
	x, mix := s.ReadStreams(S, &l.ffnHyper)
	h := s.Norm(x, &l.ffnNorm)
	y := s.Experts(h, l.experts)
	if l.shared.Gate.Rows > 0 {
		y = s.Add(y, s.GatedMLP(h, &l.shared))
	}
	return s.WriteStreams(S, y, mix)
}

func (m *deepseekV4) attention() []*Attention { return nil }

func (m *deepseekV4) keeps(kind kernel.CacheKind) (list []kvcache.Layer) {
	for i := range m.layers {
		list = append(list, m.layers[i].attn.keeps(kind)...)
	}
	if m.mtp != nil {
		list = append(list, m.mtp.layer.attn.keeps(kind)...)
	}
	if m.dspark != nil {
		for i := range m.dspark.stages {
			list = append(list, m.dspark.stages[i].attn.keeps(kind)...)
		}
	}
	return list
}

func (m *deepseekV4) tables() []*Rope { return []*Rope{m.local, m.rope} }
