package blitz

import (
	"context"
	"fmt"

	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/model"
)

// Pooling says which hidden states an embedding is made of.
type Pooling uint8

// The ways of pooling.
const (
	PoolLast  = Pooling(engine.PoolLast)  // of the last token
	PoolMean  = Pooling(engine.PoolMean)  // the mean of all
	PoolFirst = Pooling(engine.PoolFirst) // of the first token
	PoolModel = Pooling(engine.PoolModel) // as the model's files say; the mean where they do not
)

// EmbedOptions say what Embed returns, and for whom.
type EmbedOptions struct {
	Pooling Pooling
	Length  Length
	Tenant  string // as those of a Request
	Batch   bool
	Adapter *Adapter
}

// Length says how long vectors are.
type Length uint8

// The lengths.
const (
	LengthModel = Length(engine.LengthModel) // 1, unless the model's files leave them as they are
	LengthOne   = Length(engine.LengthOne)
	LengthAny   = Length(engine.LengthAny) // as they are
)

// ErrEncoder is a request for text of a model that makes vectors of texts and writes nothing.
var ErrEncoder = engine.ErrEncoder

// Encodes says whether the model makes vectors of texts and writes nothing.
func (m *Model) Encodes() bool { return m.config.Encoder }

// Dimensions returns how many numbers an embedding has.
func (m *Model) Dimensions() int { return m.config.Dimensions() }

// Embed returns the embedding of one text; see EmbedAll.
func (e *Engine) Embed(ctx context.Context, ids []int32, o *EmbedOptions) ([]float32, error) {
	all, err := e.EmbedAll(ctx, [][]int32{ids}, o)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// EmbedAll returns, for each text, the hidden states behind the model's last norm, pooled,
// sent through the model's heads of vectors where it has some, and scaled: to length 1 unless
// the model's files or o say otherwise. Texts run in batches, beside answers, as Score does. o
// may be nil: as the files say. The error wraps what Score's does, and ErrPrompt.
func (e *Engine) EmbedAll(ctx context.Context, texts [][]int32, o *EmbedOptions) ([][]float32, error) {
	if o == nil {
		o = &EmbedOptions{Pooling: PoolModel}
	}
	if e.run == nil {
		return nil, errFar
	}
	if m := e.model; m.Ranks() {
		return nil, fmt.Errorf("blitz: the %s model %s %w", m.config.ModelType, m.files.Name(), ErrRanks)
	}
	who, err := e.owner(o.Tenant, o.Batch, o.Adapter)
	if err != nil {
		return nil, err
	}
	return e.run.Embed(ctx, who, texts, engine.EmbedOptions{Pooling: engine.Pooling(o.Pooling), Length: engine.Length(o.Length)})
}

// Encodes says whether the files are of a model that makes vectors of texts, or ranks documents,
// and writes nothing. Its errors are those of Open.
func (f *Files) Encodes() (bool, error) {
	c, err := model.ConfigOf(f.c)
	if err != nil {
		return false, err
	}
	return c.Encoder, nil
}
