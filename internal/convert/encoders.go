package convert

import (
	"slices"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/quantize"
)

// Models that make vectors of texts, or rank documents.

// What pooling_type says.
const (
	poolingMean  = 1
	poolingFirst = 2
	poolingLast  = 3
	poolingRank  = 4
)

// pooling writes what a vector or a score is made of, where the folder says so, and notes what
// is lost.
func (m *metadata) pooling(tokens []gguf.KeyValue) error {
	c := m.c
	if m.arch == "bert" || m.arch == "nomic-bert" {
		m.yesOrNo("attention.causal", false)
		m.put("tokenizer.ggml.token_type_count", gguf.ValueOf(uint32(max(c.TypeVocabSize, 1))))
	}
	shapes, odd := c.HeadShapes()
	switch {
	case odd:
		return errLost("the matrices that a pooled state goes through: GGUF files have heads of vectors with nothing behind them, and of rankings a tangent before the last")
	case c.Ranks:
		return m.ranking(tokens)
	case len(shapes) > 0 && m.arch != "gemma-embedding":
		return errLost("modules of kind Dense: the GGUF architecture %s has none", m.arch)
	case len(shapes) > 2:
		return errLost("%d modules of kind Dense: GGUF files have two", len(shapes))
	}
	for i, s := range shapes {
		name := []string{"dense_2", "dense_3"}[i]
		m.count(name+"_feat_in", s[0])
		m.count(name+"_feat_out", s[1])
	}
	switch c.Pooling {
	case model.PoolMean:
		m.count("pooling_type", poolingMean)
	case model.PoolFirst:
		m.count("pooling_type", poolingFirst)
	case model.PoolLast:
		m.count("pooling_type", poolingLast)
	}
	switch p, err := m.f.files.Prompts(); {
	case err != nil:
		m.f.note("prompts cannot be read, and are not in the file: %v", err)
	case len(p.Texts) > 0:
		m.f.note("prompts %s are not in the file: who asks for vectors puts them before texts", p.Listed())
	}
	if c.AnyLength && c.Pooling != model.PoolModel {
		m.f.note("vectors are scaled to length 1 by readers of the file, and not by the folder's modules")
	}
	return nil
}

// ranking writes what a model that ranks has.
func (m *metadata) ranking(tokens []gguf.KeyValue) error {
	c := m.c
	for _, kv := range tokens {
		if words, _ := kv.Value.Text(); c.Encoder && kv.Key == "tokenizer.ggml.model" && (words == "bert") != (c.PairEnds == 1) {
			return errLost("a tokenizer of kind %s: readers put other tokens between the two texts of a %s model", words, c.ModelType)
		}
	}
	m.count("pooling_type", poolingRank)
	if m.f.asks() {
		m.put(m.arch+".classifier.output_labels", gguf.ArrayOf(answers))
	}
	return nil
}

// yesOrNo writes a truth.
func (m *metadata) yesOrNo(key string, x bool) { m.put(m.arch+"."+key, gguf.ValueOf(x)) }

// answers are the tokens with which a model that is asked answers, in the order of its head.
var answers = []string{"yes", "no"}

// asks says whether the model ranks by what it answers, of which GGUF files make a head.
func (f *Folder) asks() bool {
	c := &f.read.Config
	shapes, _ := c.HeadShapes()
	return c.Ranks && !c.Encoder && len(shapes) == 0
}

// addAnswers adds the head of a model that is asked: the rows of its two answers in the output
// matrix.
func (f *Folder) addAnswers() error {
	if !f.asks() {
		return nil
	}
	t, err := f.files.Tokenizer()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(f.tensors, func(t quantize.Tensor) bool { return t.Name == "output.weight" })
	if at < 0 {
		at = slices.IndexFunc(f.tensors, func(t quantize.Tensor) bool { return t.Name == "token_embd.weight" })
	}
	r := f.recipes[at]
	for _, word := range answers {
		id, ok := t.ID(word)
		if !ok || int(id) >= f.read.Config.VocabSize {
			return errLost("the tokenizer has no token %q, with which a model that ranks answers", word)
		}
		r.pick = append(r.pick, int(id))
	}
	f.put("cls.output.weight", []int{len(answers), f.read.Config.HiddenSize}, r)
	return nil
}
