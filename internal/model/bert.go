package model

// bertFamily is BERT, which many models of texts were made of: bge, MiniLM, E5, GTE. GGUF
// files of RoBERTa and XLM-R are of this architecture too.
var bertFamily = family{
	modelType: "bert",
	archs:     []string{"bert"},
	defaults: map[string]any{
		"vocab_size": 30522, "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
		"hidden_act": "gelu", "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
	},
	readHF:     readBERT,
	readGGUF:   readGGUFBERT,
	hfTop:      bertTop,
	hfNames:    bertNames,
	hfLayers:   "encoder.layer.",
	hfPrefixes: bertPrefixes,
	layerNorms: true,
	spare:      spareBERT,
	untrained:  untrainedEncoder,
	network:    func() network { return new(bert) },
}

// robertaFamily is RoBERTa (Liu et al. 2019): its positions begin behind that of padding.
var robertaFamily = family{
	modelType: "roberta",
	defaults: map[string]any{
		"vocab_size": 50265, "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
		"hidden_act": "gelu", "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 1,
	},
	readHF:     readRoBERTa,
	hfTop:      bertTop,
	hfNames:    bertNames,
	hfLayers:   bertFamily.hfLayers,
	hfPrefixes: bertPrefixes,
	layerNorms: true,
	spare:      spareBERT,
	untrained:  untrainedEncoder,
	network:    func() network { return new(bert) },
}

// xlmRobertaFamily is XLM-R (Conneau et al. 2019), RoBERTa for a hundred languages:
// multilingual E5, bge-m3.
var xlmRobertaFamily = family{
	modelType: "xlm-roberta",
	defaults: map[string]any{
		"vocab_size": 30522, "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
		"hidden_act": "gelu", "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 1,
	},
	readHF:     readRoBERTa,
	hfTop:      bertTop,
	hfNames:    bertNames,
	hfLayers:   bertFamily.hfLayers,
	hfPrefixes: bertPrefixes,
	layerNorms: true,
	spare:      spareBERT,
	untrained:  untrainedEncoder,
	network:    func() network { return new(bert) },
}

// untrainedEncoder is why encoders are not trained.
const untrainedEncoder = "attention to both sides has no backward"

var bertTop = map[string]string{
	"token_embd":      "embeddings.word_embeddings",
	"position_embd":   "embeddings.position_embeddings",
	"token_types":     "embeddings.token_type_embeddings",
	"token_embd_norm": "embeddings.LayerNorm",
}

var bertNames = map[string]string{
	"attn_q":            "attention.self.query",
	"attn_k":            "attention.self.key",
	"attn_v":            "attention.self.value",
	"attn_output":       "attention.output.dense",
	"attn_output_norm":  "attention.output.LayerNorm",
	"ffn_up":            "intermediate.dense",
	"ffn_down":          "output.dense",
	"layer_output_norm": "output.LayerNorm",
}

// bertPrefixes stand before the names of models that were saved with a head.
var bertPrefixes = [][2]string{{"", ""}, {"bert.", ""}, {"roberta.", ""}}

// spareBERT says what the tensors are that only a head for another purpose needs.
func spareBERT(b *binder, _ *Config, name string) string {
	if !b.hf {
		return ""
	}
	for _, head := range []string{"pooler.", "cls.", "lm_head.", "embeddings.position_ids"} {
		for _, p := range bertPrefixes {
			if rest := p[0] + head; len(name) >= len(rest) && name[:len(rest)] == rest {
				return "of heads that vectors do not need"
			}
		}
	}
	return ""
}

func readBERT(c *Config, o *object) {
	c.readEncoder(o)
	c.TypeVocabSize = o.count("type_vocab_size", 0, 1, maxVocab)
	if kind := o.text("position_embedding_type", "absolute"); kind != "absolute" {
		o.fail("position_embedding_type", show(kind), "absolute")
	}
	for _, key := range []string{"is_decoder", "add_cross_attention"} {
		if o.bool(key, false) {
			o.fail(key, "true", "false")
		}
	}
	c.AttentionBias, c.OutputBias, c.MLPBias = true, true, true
}

// readEncoder reads what all encoders with norms that have a mean share.
func (c *Config) readEncoder(o *object) {
	c.Encoder, c.TieWordEmbeddings, c.PairEnds = true, true, 1 // there is no head
	c.RMSNormEps = float32(o.number("layer_norm_eps", 0))
	c.Rope = RopeConfig{Type: "default", Theta: 10000, Partial: 1}
	switch act := o.text("hidden_act", ""); act {
	case "gelu":
		c.HiddenAct = GeluErf
	case "gelu_new", "gelu_pytorch_tanh":
		c.HiddenAct = GeluTanh
	case "silu", "swish":
		c.HiddenAct = Silu
	default:
		o.fail("hidden_act", show(act), "gelu, gelu_new or gelu_pytorch_tanh")
	}
}

func readRoBERTa(c *Config, o *object) {
	readBERT(c, o)
	c.PairEnds = 2
	c.PositionOffset = o.count("pad_token_id", 0, 0, maxVocab) + 1
	if o.err == nil && c.PositionOffset >= c.MaxPositionEmbeddings {
		o.fail("max_position_embeddings", show(c.MaxPositionEmbeddings), "more than pad_token_id and one")
		return
	}
	c.MaxPositionEmbeddings -= c.PositionOffset
}

func readGGUFBERT(c *Config, k *keys) {
	c.readGGUFEncoder(k)
	c.Rope = RopeConfig{Type: "default", Theta: 10000, Partial: 1}
	c.HiddenAct, c.AttentionBias, c.OutputBias, c.MLPBias = GeluErf, true, true, true
}

// readGGUFEncoder reads what GGUF files tell of all encoders.
func (c *Config) readGGUFEncoder(k *keys) {
	c.Encoder, c.PairEnds = true, 1
	if words, _ := k.f.String("tokenizer.ggml.model"); words != "bert" { // RoBERTa
		c.PairEnds = 2
	}
	if k.bool("attention.causal", false) {
		k.fail(k.name("attention.causal"), "false")
	}
	c.HeadDim = max(1, c.HiddenSize/c.NumAttentionHeads)
	if t, ok := k.f.Tensor("token_types.weight"); ok && len(t.Shape) == 2 {
		c.TypeVocabSize = t.Shape[0]
	}
}

// bert is BERT (Devlin et al. 2019): vectors of positions and of kinds of texts are added to
// those of the tokens, norms stand behind each sum, every token sees its whole text.
// nomic-embed (Nussbaum et al. 2024) turns queries and keys instead, and has a gated MLP.
type bert struct {
	places Places
	norm   LayerNorm
	layers []bertLayer
	rope   *Rope // nil: positions are added
}

type bertLayer struct {
	Q, K, V, O Linear
	attn       Attention
	attnNorm   LayerNorm
	mlp        PlainMLP
	gated      GatedMLP // instead
	norm       LayerNorm
}

func (m *bert) bind(b *binder, c *Config) {
	if c.TypeVocabSize > 0 {
		b.embedding(&m.places.Types, b.name("token_types", noLayer, ".weight"), c.TypeVocabSize, c.HiddenSize)
	}
	if c.GatedMLP {
		m.rope = newRope(&c.Rope, c.HeadDim)
	} else {
		m.places.Offset = c.PositionOffset
		b.embedding(&m.places.Positions, b.name("position_embd", noLayer, ".weight"), c.PositionOffset+c.MaxPositionEmbeddings, c.HiddenSize)
	}
	b.layerNorm(&m.norm, "token_embd_norm", noLayer, c.HiddenSize, c.RMSNormEps)
	m.layers = make([]bertLayer, c.NumHiddenLayers)
	for i := range m.layers {
		l := &m.layers[i]
		b.jointAttention(&l.Q, &l.K, &l.V, &l.O, i, c)
		l.attn = newAttention(c, i, attentionScale(float64(c.HeadDim)))
		b.layerNorm(&l.attnNorm, "attn_output_norm", i, c.HiddenSize, c.RMSNormEps)
		if c.GatedMLP {
			b.mlp(&l.gated, i, c)
		} else {
			l.mlp.Act = c.HiddenAct
			b.biased(&l.mlp.Up, c.MLPBias, "ffn_up", i, c.IntermediateSize, c.HiddenSize)
			b.biased(&l.mlp.Down, c.MLPBias, "ffn_down", i, c.HiddenSize, c.IntermediateSize)
		}
		b.layerNorm(&l.norm, "layer_output_norm", i, c.HiddenSize, c.RMSNormEps)
		if b.err != nil {
			return
		}
	}
}

func (m *bert) forward(s *Step) *Act {
	x := s.LayerNormOver(s.Adjoin(s.Embed(), &m.places), &m.norm)
	for i := range m.layers {
		l := &m.layers[i]
		mark := s.Mark()
		q, k, v := s.Linear3(x, &l.Q, &l.K, &l.V)
		if m.rope != nil {
			q = s.Rope(q, l.attn.H, m.rope)
			k = s.Rope(k, l.attn.HKV, m.rope)
		}
		x = s.LayerNormOver(s.Add(x, s.Linear(s.Attend(q, k, v, &l.attn), &l.O)), &l.attnNorm)
		if i == len(m.layers)-1 {
			x = s.Wanted(x)
			mark = s.Mark()
		}
		if l.mlp.Up.Rows > 0 {
			x = s.Add(x, s.PlainMLP(x, &l.mlp))
		} else {
			x = s.Add(x, s.GatedMLP(x, &l.gated))
		}
		x = s.LayerNormOver(x, &l.norm)
		s.Release(mark)
	}
	return x
}

func (m *bert) attention() (list []*Attention) {
	for i := range m.layers {
		list = append(list, &m.layers[i].attn)
	}
	return list
}

func (m *bert) tables() []*Rope {
	if m.rope == nil {
		return nil
	}
	return []*Rope{m.rope}
}
