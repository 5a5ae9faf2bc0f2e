package model

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/weights"
)

// entryAttention binds the attention of a layer whose entries are of ratio positions, 0: it
// has none.
func (b *binder) entryAttention(l *EntryAttention, layer, ratio int, c *Config, rope *Rope) {
	l.H, l.D, l.R, l.Window = c.NumAttentionHeads, c.HeadDim, c.rotaryDim(), c.SlidingWindow
	l.Scale, l.rope, l.eps = attentionScale(float64(c.HeadDim)), rope, c.RMSNormEps
	b.linear(&l.QA, "attn_q_a", layer, c.QLoraRank, c.HiddenSize)
	b.norm(&l.QANorm, "attn_q_a_norm", layer, c.QLoraRank, c.RMSNormEps)
	b.linear(&l.Q, "attn_q_b", layer, l.H*l.D, c.QLoraRank)
	b.linear(&l.KV, "attn_kv", layer, l.D, c.HiddenSize)
	b.norm(&l.KVNorm, "attn_kv_a_norm", layer, l.D, c.RMSNormEps)
	l.Sinks, l.SinkParam = b.vector("attn_sinks", layer, b.bare(), l.H)
	b.groupedOutput(l, layer, c)
	if ratio == 0 {
		return
	}
	l.Compress = new(Compressor)
	b.compressor(l.Compress, "attn_compressor", layer, ratio, l.D, c, rope)
	l.open = ring{Width: 2 * l.Compress.width(), Slots: l.Compress.slots()}
	if !l.Compress.Overlaps {
		return
	}
	x := &EntryIndex{Indexer: Indexer{N: c.IndexNHeads, D: c.IndexHeadDim, TopK: c.IndexTopK, rope: rope}}
	b.linear(&x.Q, "indexer.attn_q_b", layer, x.N*x.D, c.QLoraRank)
	b.linear(&x.Weights, "indexer.proj", layer, x.N, c.HiddenSize)
	b.compressor(&x.Compress, "indexer_compressor", layer, ratio, x.D, c, rope)
	l.Index = x
	l.open.Width += 2 * x.Compress.width()
}

// groupedOutput binds the two matrices behind attention, the first of which has rows for
// each group of heads.
func (b *binder) groupedOutput(l *EntryAttention, layer int, c *Config) {
	in := l.H * l.D / c.OGroups
	t, ok := b.find(b.name("attn_output_a", layer, ".weight"), c.OGroups*c.OLoraRank, in)
	l.OA = make([]Linear, c.OGroups)
	for g := range l.OA {
		if ok {
			b.rows(&l.OA[g], t, g*c.OLoraRank, c.OLoraRank, in, 0)
		}
	}
	b.linear(&l.OB, "attn_output_b", layer, c.HiddenSize, c.OGroups*c.OLoraRank)
}

// overlapping is the number of positions of entries that are made of the block before too.
const overlapping = 4

// compressor binds a compressor whose entries are D wide.
func (b *binder) compressor(x *Compressor, role string, layer, ratio, D int, c *Config, rope *Rope) {
	*x = Compressor{Ratio: ratio, D: D, Overlaps: ratio == overlapping, rope: rope}
	b.linear(&x.KV, role+"_kv", layer, x.width(), c.HiddenSize)
	b.linear(&x.Gate, role+"_gate", layer, x.width(), c.HiddenSize)
	name := b.name(role+"_ape", layer, b.bare())
	if t, ok := b.find(name, ratio, x.width()); ok { // GGUF files may have it quantised, as a matrix
		if _, err := weights.New(name, t.DType, ratio, x.width()); err != nil {
			b.refuseType(t, err)
			return
		}
		x.APE, x.APEParam = b.floats(t), Param{Tensor: name, Rows: ratio, Cols: x.width()}
	}
	b.norm(&x.Norm, role+"_norm", layer, D, c.RMSNormEps)
}

// v4Experts binds the chosen experts of a layer, and what they are chosen by: a table of
// tokens, or scores with a bias.
func (b *binder) v4Experts(layer int, c *Config, hashed bool) *Experts {
	e := &Experts{
		Choose: kernel.Router{Softplus: true, TopK: c.NumExpertsPerTok, Normalise: c.NormTopKProb, Factor: c.RoutedScalingFactor},
		Act:    c.HiddenAct, Limit: c.SwigluLimit,
		number: layer,
	}
	E, D, I := c.NumExperts, c.HiddenSize, c.MoEIntermediateSize
	b.linear(&e.Router, "ffn_gate_inp", layer, E, D)
	if hashed {
		e.Table = b.expertTable(layer, c)
	} else {
		role := "exp_probs_b"
		if b.hf { // a bias of the gate's
			role = "ffn_gate_inp"
		}
		e.Choose.Bias, e.BiasParam = b.vector(role, layer, ".bias", E)
		b.last().Corrects = e.number
	}
	first := len(b.plan)
	e.Gate = b.fourBitExperts("ffn_gate_exps", layer, E, I, D)
	e.Up = b.fourBitExperts("ffn_up_exps", layer, E, I, D)
	e.Down = b.fourBitExperts("ffn_down_exps", layer, E, D, I)
	b.sameForm("ffn_gate_exps", layer, e.Gate, e.Up)
	b.sameForm("ffn_down_exps", layer, e.Down)
	b.byExpert(e, layer, first)
	return e
}

// expertTable returns the experts of each token, ascending.
//
//	[V, NumExpertsPerTok]
func (b *binder) expertTable(layer int, c *Config) []int32 {
	K := c.NumExpertsPerTok
	name := b.name("ffn_gate_tid2eid", layer, b.bare())
	t, ok := b.find(name, c.VocabSize, K)
	if !ok {
		return nil
	}
	if t.DType != tensor.I64 && t.DType != tensor.I32 {
		b.fail(wrongTensor(b.src, name, "type "+t.DType.String(), "I64 or I32"))
		return nil
	}
	data, err := b.src.data(name)
	if err != nil {
		b.fail(fmt.Errorf("model: %w", err))
		return nil
	}
	table := make([]int32, c.VocabSize*K)
	size := t.DType.RowBytes(1)
	for i := range table {
		id := int64(int32(binary.LittleEndian.Uint32(data[i*size:])))
		if size == 8 {
			id = int64(binary.LittleEndian.Uint64(data[i*size:]))
		}
		if id < 0 || id >= int64(c.NumExperts) {
			b.fail(wrongTensor(b.src, name, fmt.Sprintf("element %d is %d", i, id), fmt.Sprintf("an expert below %d", c.NumExperts)))
			return nil
		}
		table[i] = int32(id)
	}
	for token := range c.VocabSize {
		row := table[token*K:][:K]
		slices.Sort(row)
		for i := range row[1:] {
			if row[i] == row[i+1] {
				b.fail(wrongTensor(b.src, name, fmt.Sprintf("token %d has expert %d twice", token, row[i]), "different ones"))
				return nil
			}
		}
	}
	return table
}

// fourBitExperts is experts, of which a checkpoint may have packed ones: codes of MXFP4, two a
// byte, as I8 [rows, cols/2], with powers of two beside them, NAME.scale [rows, cols/32].
func (b *binder) fourBitExperts(role string, layer, E, rows, cols int) []Linear {
	single := b.name(role, layer, "")
	if t, ok := b.src.find(fmt.Sprintf(single, 0) + ".weight"); !b.hf || !ok || t.DType != tensor.I8 {
		return b.experts(role, layer, E, rows, cols)
	}
	list := make([]Linear, E)
	for e := range list {
		one := fmt.Sprintf(single, e)
		b.fourBits(&list[e], one, rows, cols)
		if b.called != nil {
			b.called[one+".weight"] = Role{Name: role, Layer: layer, Part: ".weight", Expert: e}
		}
	}
	return list
}

// fourBits binds a packed matrix [rows, cols].
func (b *binder) fourBits(dst *Linear, name string, rows, cols int) {
	if b.options.Masters || cols%mxfp4Block != 0 {
		b.fail(wrongTensor(b.src, name+".weight", fmt.Sprintf("is packed, with rows of %d", cols), "whole blocks of 32 of a model that is not trained"))
		return
	}
	codes, ok := b.find(name+".weight", rows, cols/2)
	powers, okS := b.find(name+".scale", rows, cols/mxfp4Block)
	if !ok || !okS {
		return
	}
	if codes.DType != tensor.I8 || powers.DType != tensor.F8E8M0 {
		b.fail(wrongTensor(b.src, codes.Name, fmt.Sprintf("types %s and %s of its scales", codes.DType, powers.DType), "I8 and F8_E8M0"))
		return
	}
	packed, ok := b.packedTensor(codes, powers, cols)
	if !ok {
		return
	}
	b.gathered(dst, codes, tensor.MXFP4, rows, cols, 0, packed.gather("MXFP4", func(r int) int { return r }))
}
