package model

import (
	"fmt"
	"strings"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/kernel"
)

// Pooling says which hidden states a vector of a text is made of.
type Pooling uint8

// The ways.
const (
	PoolLast  Pooling = iota // of the last token
	PoolMean                 // the mean of all
	PoolFirst                // of the first token, for models that put it there ("cls")
	PoolModel                // as the model's files say; of a Config: they do not
)

// poolingRank is the pooling_type of a GGUF file whose model says how well two texts go
// together.
const poolingRank = 4

// readGGUFPooling reads which hidden states count, and what they go through.
func (c *Config) readGGUFPooling(k *keys) {
	c.Pooling = PoolModel
	names := []string{"dense_2", "dense_3"}
	pooling := k.count("pooling_type", 0, 0, poolingRank)
	if pooling == 0 && k.hasTensor("cls.weight") && k.hasTensor("cls.output.weight") { // converters say it of few
		pooling = poolingRank
	}
	switch pooling {
	case 1:
		c.Pooling = PoolMean
	case 2:
		c.Pooling = PoolFirst
	case 3:
		c.Pooling = PoolLast
	case poolingRank:
		c.Ranks, c.Pooling, c.AnyLength = true, c.rankPooling(), true
		names = []string{"cls", "cls.output"}
	}
	for _, name := range names {
		if t, ok := k.f.Tensor(name + ".weight"); ok && len(t.Shape) == 2 {
			h := headConfig{name: name, in: t.Shape[1], out: t.Shape[0], bias: k.hasTensor(name + ".bias"), tanh: name == "cls"}
			c.heads = append(c.heads, h)
		}
	}
}

// rankPooling returns which hidden state tells how well two texts go together.
func (c *Config) rankPooling() Pooling {
	if c.Encoder {
		return PoolFirst
	}
	return PoolLast
}

// readRanking finds out whether a checkpoint was made to tell how well two texts go together:
// it classifies, and there is one class.
func (c *Config) readRanking(o *object) {
	list, _ := o.values["architectures"].([]any)
	labels, _ := o.values["id2label"].(map[string]any)
	if len(list) != 1 || len(labels) != 1 {
		return
	}
	if name, _ := list[0].(string); !strings.HasSuffix(name, "ForSequenceClassification") {
		return
	}
	D := c.HiddenSize
	switch {
	case !c.Encoder:
		c.heads = []headConfig{{name: "score", in: D, out: 1}}
	case c.family == &bertFamily:
		c.heads = []headConfig{{name: "pooler.dense", in: D, out: D, bias: true, tanh: true}, {name: "classifier", in: D, out: 1, bias: true}}
	case c.GatedMLP:
		return
	default:
		c.heads = []headConfig{{name: "classifier.dense", in: D, out: D, bias: true, tanh: true}, {name: "classifier.out_proj", in: D, out: 1, bias: true}}
	}
	c.Ranks, c.Pooling, c.AnyLength = true, c.rankPooling(), true
}

// Dimensions returns how many numbers a vector of a text has.
func (c *Config) Dimensions() int {
	if n := len(c.heads); n > 0 {
		return c.heads[n-1].out
	}
	return c.HiddenSize
}

// heads are the matrices that a pooled hidden state goes through, one after the other.
type heads []head

type head struct {
	Linear
	tanh bool // of what comes out; else it stays as it is
}

// Project sends a pooled hidden state through the heads of a model that has some. What it
// returns is valid until the step's mark is released.
//
//	x [D] → [C]
func (m *Model) Project(s *Step, x []float32) []float32 {
	a := s.act(1, len(x))
	copy(a.X, x)
	for i := range m.heads {
		h := &m.heads[i]
		a = s.Linear(a, &h.Linear)
		if h.tanh {
			a = s.tanh(a)
		}
	}
	return a.Row(0)
}

// bindHeads binds what a pooled hidden state goes through.
func (b *binder) bindHeads(m *Model) {
	c := &m.Config
	in := c.HiddenSize
	for i := range c.heads {
		h := &c.heads[i]
		if h.in != in || h.out < 1 {
			b.fail(fmt.Errorf("model: %s: %s takes %d numbers and makes %d, want %d and one or more: %w", b.src.name(), h.name, h.in, h.out, in, ErrTensor))
		}
		m.heads = append(m.heads, head{tanh: h.tanh})
		in = h.out
	}
	b.checkRanking(c)
	for i := range c.heads {
		h, l := &c.heads[i], &m.heads[i].Linear
		name := h.name
		if _, there := b.src.find(name + ".weight"); !there && b.hf {
			name = b.prefix[0] + name
		}
		t, ok := b.find(name+".weight", h.out, h.in)
		if !ok {
			return
		}
		if b.called != nil {
			role := Role{Name: c.headRole(i), Layer: noLayer, Part: ".weight", Expert: noExpert}
			b.called[name+".weight"] = role
			if role.Part = ".bias"; h.bias {
				b.called[name+".bias"] = role
			}
		}
		b.rows(l, t, 0, h.out, h.in, 0)
		if h.bias && b.err == nil {
			b.biasOf(l, name+".bias", h.out)
		}
	}
	c.Heads = len(m.heads)
}

// headRole returns what GGUF files call head i: those of rankings are a first one, where there
// are two, and one that answers; those of vectors are counted behind the two modules that every
// model has.
func (c *Config) headRole(i int) string {
	switch {
	case !c.Ranks:
		return fmt.Sprintf("dense_%d", i+2)
	case i < len(c.heads)-1:
		return "cls"
	}
	return "cls.output"
}

// HeadShapes returns the inputs and outputs of the heads, in order, and whether one of them is
// told to GGUF files otherwise than it is: by a bias or a tangent of vectors, or the lack of one
// before the last of a ranking.
func (c *Config) HeadShapes() (shapes [][2]int, odd bool) {
	for i := range c.heads {
		h := &c.heads[i]
		shapes = append(shapes, [2]int{h.in, h.out})
		last := i == len(c.heads)-1
		odd = odd || h.tanh != (c.Ranks && !last) || h.bias && !c.Ranks
	}
	return shapes, odd || c.Ranks && len(shapes) > 2
}

// checkRanking refuses a model that is to tell how well two texts go together, and has no head
// of one or two answers. One that writes text and has no head at all is asked.
func (b *binder) checkRanking(c *Config) {
	if n := len(c.heads); c.Ranks && (n == 0 && c.Encoder || n > 0 && c.heads[n-1].out > 2) {
		answers := 0
		if n > 0 {
			answers = c.heads[n-1].out
		}
		b.fail(fmt.Errorf("model: %s: a %s model that ranks has a head of %d answers, want 1 or 2: %w", b.src.name(), c.ModelType, answers, ErrTensor))
	}
}

// headConfig is a matrix that a pooled hidden state goes through, as files describe it.
type headConfig struct {
	name       string // of its tensors
	in, out    int
	bias, tanh bool
}

// readModules takes what sentence-transformers does with the hidden states.
func (c *Config) readModules(m *checkpoint.Modules) {
	if m == nil || c.Ranks {
		return
	}
	c.Ranks = m.Ranks
	switch m.Pooling {
	case "mean":
		c.Pooling = PoolMean
	case "cls":
		c.Pooling = PoolFirst
	case "lasttoken":
		c.Pooling = PoolLast
	}
	c.AnyLength = !m.Normalize
	for _, h := range m.Heads {
		c.heads = append(c.heads, headConfig{name: h.Folder + "/linear", in: h.In, out: h.Out, bias: h.Bias, tanh: h.Tanh})
	}
}

// tanh returns the hyperbolic tangent of x, which is not read again.
func (s *Step) tanh(x *Act) *Act {
	y := s.result(x)
	s.eachRow(OpRows, filled(s, &s.records.tanh, tanhRows{x, y}), x.T, x.D)
	return y
}

type tanhRows struct{ x, y *Act }

func (o *tanhRows) Operands() Operands { return Operands{In: []*Act{o.x}, Out: []*Act{o.y}} }

func (o *tanhRows) row(t int, _ *kernel.Thread) { kernel.TanhAll(o.y.Row(t), o.x.Row(t)) }

// ConfigOf returns the configuration of a model without its weights. Its errors are those of
// Open.
func ConfigOf(files *checkpoint.Checkpoint) (*Config, error) {
	_, c, err := openSource(files, Options{})
	return c, err
}
