package model

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// bind ties all weights to fields: the two ends that every model has, and its network
// between them.
func (m *Model) bind(b *binder) {
	c := &m.Config
	b.layers = c.NumHiddenLayers
	m.embed = &b.embed
	embed, head := b.name("token_embd", noLayer, ".weight"), b.name("output", noLayer, ".weight")
	if c.VocabSize == 0 { // a GGUF file, where this tensor tells
		b.fail(wrongTensor(b.src, embed, "is missing or no matrix", fmt.Sprintf("one row of %d numbers a token", c.HiddenSize)))
	}
	if b.hf {
		embed = b.tie(c, embed, head)
	} else {
		c.TieWordEmbeddings = !b.has("output", noLayer, ".weight")
	}
	b.embedding(m.embed, embed, c.VocabSize, c.HiddenSize)
	if !c.TieWordEmbeddings {
		m.head = new(Linear)
		b.linear(m.head, "output", noLayer, c.VocabSize, c.HiddenSize)
	}
	if b.options.MTP && !c.family.drafts {
		b.fail(fmt.Errorf("model: %s: %w", b.src.name(), ErrNoMTP))
	}
	m.net.bind(b, c)
	b.bindHeads(m)
	m.ropes = m.net.tables()
	m.float = true
	for _, p := range b.plan {
		m.float = m.float && p.matrix.IsFloat()
	}
	if c.Rope.Divisors != nil {
		b.taken[ropeFreqs] = true // with the configuration
	}
	if c.Rope.Long != nil {
		b.taken[ropeLong], b.taken[ropeShort] = true, true
	}
	b.checkUnused(c)
	m.naming = naming{hf: b.hf, prefix: b.prefix[0], head: b.head, linears: b.linears, spare: b.unread}
}

// tie finds out, as transformers does, what a checkpoint whose configuration says that
// the two ends are one matrix means, and returns the name of the embedding: one of them
// alone is both, two that are equal are one, two that differ are two.
func (b *binder) tie(c *Config, embed, head string) string {
	e, hasEmbed := b.src.find(embed)
	h, hasHead := b.src.find(head)
	switch {
	case !c.TieWordEmbeddings || !hasHead:
	case !hasEmbed:
		return head
	case b.sameNumbers(e, h):
		b.taken[head] = true
	default:
		c.TieWordEmbeddings = false
		c.assume("tie_word_embeddings is true, but %s and %s differ: both are used", embed, head)
	}
	return embed
}

// sameNumbers says whether two tensors hold the same numbers, whatever their float types.
func (b *binder) sameNumbers(x, y tensor.Tensor) bool {
	dx, err := b.src.data(x.Name)
	dy, errY := b.src.data(y.Name)
	if err != nil || errY != nil || !slices.Equal(x.Shape, y.Shape) {
		return false
	}
	if x.DType == y.DType {
		return bytes.Equal(dx, dy)
	}
	if !x.DType.IsFloat() || !y.DType.IsFloat() {
		return false
	}
	const run = 4096
	vx, vy := make([]float32, run), make([]float32, run)
	sx, sy := x.DType.RowBytes(1), y.DType.RowBytes(1)
	for len(dx) > 0 {
		n := min(run, len(dx)/sx)
		if quant.Decode(vx[:n], x.DType, dx[:n*sx]) != nil || quant.Decode(vy[:n], y.DType, dy[:n*sy]) != nil || !slices.Equal(vx[:n], vy[:n]) {
			return false
		}
		dx, dy = dx[n*sx:], dy[n*sy:]
	}
	return true
}
