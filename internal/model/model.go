package model

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/compressed"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/packed"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Model is an open model: its configuration and its weights, packed. It is read
// only, and may be used by several goroutines, each with a Step of its own.
type Model struct {
	Config Config

	net    network
	embed  *Embedding
	head   *Linear
	heads  heads
	ropes  []*Rope
	memory tensor.Memory // that the weights were packed into
	image  *packed.Image // that they are mapped from; nil: they were packed
	unkept *unkept       // nil: no image is to be written
	// bounded is what reads the experts that are not in memory. nil: all are.
	bounded *bounded
	float   bool
	naming  naming
	weights []*Weight
	// weightBytes is what the packed weights take.
	weightBytes int64
}

// network is an architecture with its weights.
type network interface {
	// bind ties the weights to the fields.
	bind(b *binder, c *Config)
	// forward runs the layers on the step's batch and returns the normed last hidden
	// states of the rows whose logits are wanted.
	forward(s *Step) *Act
	// attention returns the attention of each layer.
	attention() []*Attention
	// tables returns the rope tables.
	tables() []*Rope
}

// recurrent is a network with layers that keep a state. The cache has them behind those of
// attention.
type recurrent interface {
	// states returns the state of each such layer.
	states() []*State
}

// keeper is a network whose layers keep more than attention's keys and values, and states.
type keeper interface {
	// keeps returns what the cache has of each layer.
	keeps(kind kernel.CacheKind) []kvcache.Layer
}

func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Options say how a model is opened.
type Options struct {
	// MemoryLimit is how many bytes the weights may take, 0: any.
	MemoryLimit int64
	// ExpertMemory is how many bytes the experts of a model that has some may take, 0: any.
	// Where that is not all of them the others are read from Images when they are needed.
	ExpertMemory int64
	// Latent is the form of multi-head latent attention.
	Latent LatentForm
	// Rope is what is set of rotary embedding in place of what the files say. The error of
	// Open wraps ErrRope where it cannot be.
	Rope RopeSetting
	// MTP opens the module of multi-token prediction too.
	MTP bool
	// Drafts has the modules of multi-token prediction, or draft layers of blocks, that MTP
	// opens, where they stand in a file of their own. nil: they are in the model's.
	Drafts *checkpoint.Checkpoint
	// Masters has all weights as float32 of the model's own, which may be changed, whatever
	// float type the file has: for training. Quantised ones are refused.
	Masters bool
	// Blank takes a folder that has a config.json and no weights: they are zeros of the
	// shapes that the configuration says.
	Blank bool
	// SharedEnds leaves the copies of embedding and head aside that a module of multi-token
	// prediction may have in the file: it uses the model's.
	SharedEnds bool
	// Images is where packed weights are kept. nil: nowhere.
	Images *Images
	// Interrupted is asked again and again while weights are read, and its error ends
	// that: a context's Err. nil: nothing does.
	Interrupted func() error
	// Progress is told again and again, by several goroutines at once, how many bytes of
	// the weights are in place. nil: nobody is.
	Progress func(done, total int64)
}

// Open reads the weights of a model: a GGUF file, or safetensors with config.json beside
// them. The files stay open, and may be closed afterwards. The error wraps
// fs.ErrNotExist where a file is missing, checkpoint.ErrNoWeights, ErrArch, ErrConfig,
// ErrTensor, gguf.ErrFormat or safetensors.ErrFormat for a refused one, ErrNoRoom where
// it does not fit, ErrNoImage where experts have no place to be read from.
func Open(files *checkpoint.Checkpoint, o Options) (*Model, error) {
	m, b, err := bindFiles(files, o)
	if err != nil {
		return nil, err
	}
	if err := m.fill(b, files); err != nil {
		return nil, err
	}
	m.weightBytes, m.weights = b.heldBytes(), b.weights
	if m.head == nil {
		m.head = &Linear{Matrix: m.embed.Matrix, Param: m.embed.Param} // the same memory
	}
	return m, nil
}

// fill maps the packed weights, or packs them.
func (m *Model) fill(b *binder, files *checkpoint.Checkpoint) (err error) {
	if err := b.checkRoom(b.options.MemoryLimit); err != nil {
		return err
	}
	if b.isBounded() {
		return m.fillBounded(b, files)
	}
	images := b.options.Images
	if images != nil && b.bytes() >= images.Least && b.bytes() > 0 {
		if m.image, err = b.mapped(files, images); m.image != nil || err != nil {
			return err
		}
		if b.damaged {
			m.Config.Assumed = append(m.Config.Assumed, damagedNote)
		}
		m.unkept = &unkept{files, images, b.digest()}
	}
	m.memory, err = b.load()
	return err
}

// damagedNote is said of a model whose image was damaged.
const damagedNote = "its packed weights on disk were damaged, they are packed anew"

// bindFiles binds the weights of a model without reading them.
func bindFiles(files *checkpoint.Checkpoint, o Options) (*Model, *binder, error) {
	src, c, err := openSource(files, o)
	if err != nil {
		return nil, nil, err
	}
	m := &Model{Config: *c, net: c.family.network()}
	b := newBinder(src, c.family, o)
	if err := src.guard(func() error { m.bind(b); return b.err }); err != nil {
		return nil, nil, err
	}
	return m, b, nil
}

// openSource reads the configuration of a model, with what is set in its place, and
// returns where its tensors are.
func openSource(files *checkpoint.Checkpoint, o Options) (source, *Config, error) {
	src, c, err := readSource(files, o)
	if err == nil {
		err = o.Rope.apply(c)
	}
	return src, c, err
}

func readSource(files *checkpoint.Checkpoint, o Options) (source, *Config, error) {
	if o.Blank {
		return openBlank(files, o.MemoryLimit)
	}
	if f := files.GGUF(); f != nil {
		c, err := configFromGGUF(f)
		if err == nil {
			err = files.CheckWeights()
		}
		if err == nil && o.Drafts != nil {
			src, err := withDrafts(f, c, o.Drafts)
			return src, c, err
		}
		return ggufSource{f}, c, err
	}
	if o.Drafts != nil {
		_, err := withDrafts(nil, nil, o.Drafts)
		return nil, nil, err
	}
	if err := files.CheckWeights(); err != nil {
		return nil, nil, err
	}
	text, err := files.Config()
	if errors.Is(err, checkpoint.ErrFormat) {
		err = fmt.Errorf("model: %w: %w", err, ErrConfig)
	}
	if err != nil {
		return nil, nil, err
	}
	c, err := parseConfig(files.ConfigName(), bytes.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	f, err := files.Safetensors()
	if err != nil {
		return nil, nil, err
	}
	modules, err := files.Modules()
	if errors.Is(err, checkpoint.ErrFormat) {
		err = fmt.Errorf("model: %w: %w", err, ErrConfig)
	}
	if err != nil {
		return nil, nil, err
	}
	c.readModules(modules)
	text = checkpoint.PlainJSON(text)
	packed, err := compressed.Open(f, text)
	if err != nil {
		return nil, nil, fmt.Errorf("model: %w: %w", err, ErrTensor)
	}
	return hfSource{f, packed, compressed.ScaleBlock(text), modules}, c, nil
}

// Close gives the memory of the weights back; nothing may use the model then.
func (m *Model) Close() {
	if m.bounded != nil {
		m.bounded.close()
	}
	m.memory.Free()
	if m.image != nil {
		_ = m.image.Close() // what cannot be unmapped stays mapped
	}
}

// IsFloat says whether every matrix is float.
func (m *Model) IsFloat() bool { return m.float }

// WeightBytes returns what the packed weights take in memory.
func (m *Model) WeightBytes() int64 { return m.weightBytes }

// DefaultCache returns the kind of cache for a model whose user did not choose.
func (m *Model) DefaultCache() kernel.CacheKind {
	if m.float || m.Config.Encoder {
		return kernel.CacheF32
	}
	return kernel.CacheQ8
}

// CacheLayers returns what each layer keeps of a page of positions.
func (m *Model) CacheLayers(kind kernel.CacheKind) []kvcache.Layer {
	var layers []kvcache.Layer
	if k, ok := m.net.(keeper); ok {
		return k.keeps(kind)
	}
	if a := m.net.attention(); m.Config.Encoder { // each layer writes over the pages of the one before
		return append(layers, kvcache.Layer{Bytes: a[0].pageBytes(kind)})
	}
	for _, a := range m.net.attention() {
		layers = append(layers, kvcache.Layer{Bytes: a.pageBytes(kind), Window: a.Window})
	}
	if r, ok := m.net.(recurrent); ok {
		for _, st := range r.states() {
			layers = append(layers, kvcache.Layer{Bytes: st.Sizes.pageBytes(), State: true})
		}
	}
	return layers
}

// ErrTokens says that a token is not in the vocabulary.
var ErrTokens = errors.New("token id out of range")

// CheckTokens returns an error that names the first id that is none.
func (m *Model) CheckTokens(ids []int32) error { return m.Config.CheckTokens(ids) }

// CheckTokens returns an error that names the first id that is none.
func (c *Config) CheckTokens(ids []int32) error {
	for i, id := range ids {
		if id < 0 || int(id) >= c.VocabSize {
			return fmt.Errorf("model: token %d is %d: %w, want 0 to %d (vocab_size %d)", i, id, ErrTokens, c.VocabSize-1, c.VocabSize)
		}
	}
	return nil
}

// Forward computes one step: it fills the caches of the batch's positions and
// returns the last hidden states of the rows whose logits are wanted, segment by
// segment; rows may be longer where a module of multi-token prediction reads more of them.
// They are valid until the next step.
func (m *Model) Forward(s *Step, b *Batch) *Act {
	s.begin(b)
	for i := range b.Segments {
		g := &b.Segments[i]
		for _, r := range m.ropes {
			r.of(min(g.Limit, maxContext)).grow(g.Pos + len(g.Tokens))
		}
	}
	s.embed = m.embed
	return m.net.forward(s)
}

// Logits returns the logits of rows from … to-1 of what Forward returned.
//
//	→ [to-from, V]
func (m *Model) Logits(s *Step, hidden *Act, from, to int) *Act {
	if H := m.Config.HiddenSize; hidden.D > H { // what a module reads stands behind it
		hidden = hidden.columns(s, 0, H)
	}
	y := s.linearOf(hidden, from, to, m.head)
	if softcap := m.Config.FinalLogitSoftcapping; softcap != 0 {
		y = s.softcap(y, softcap)
	}
	return y
}

// attentionScale is the usual scale of scores, d^-0.5.
func attentionScale(d float64) float32 { return float32(1 / math.Sqrt(d)) }
