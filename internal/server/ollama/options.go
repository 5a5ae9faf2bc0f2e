package ollama

import (
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// options are the settings of a request, or of a model that is made.
type options struct {
	sampling  inference.Sampling
	context   *int64
	maxTokens *int64
	stop      []string
}

// The words of options that say how Ollama's own engine runs. They change no answer, so
// only their types are looked at.
var (
	engineCounts  = []string{"num_keep", "num_batch", "num_gpu", "main_gpu", "num_thread", "num_gqa", "draft_num_predict"}
	engineNumbers = []string{"rope_frequency_base", "rope_frequency_scale", "mirostat_eta", "mirostat_tau"}
	engineFlags   = []string{"use_mmap", "use_mlock", "numa", "low_vram", "f16_kv", "logits_all", "vocab_only", "embedding_only", "penalize_newline"}
)

// Bounds of options.
const (
	maxPositions = 1<<31 - 1
	anyNumber    = 1e30
)

// readOptions takes the settings out of an object; nil has none.
func readOptions(o *wire.Object) options {
	var x options
	if o == nil {
		return x
	}
	s := &x.sampling
	s.Temperature = o.Number("temperature", 0, 1000)
	s.TopP = o.Number("top_p", 0, 1)
	s.MinP = o.Number("min_p", 0, 1)
	s.TopK = o.Int("top_k", -maxPositions, maxPositions)
	s.RepeatPenalty = o.Number("repeat_penalty", 0, 1000)
	s.FrequencyPenalty = o.Number("frequency_penalty", -1000, 1000)
	s.PresencePenalty = o.Number("presence_penalty", -1000, 1000)
	if s.Seed = o.Int("seed", -1<<63, 1<<63-1); s.Seed != nil && *s.Seed == -1 {
		s.Seed = nil // any
	}
	x.context = o.Int("num_ctx", 0, maxPositions)
	x.maxTokens = o.Int("num_predict", -2, maxPositions)
	x.stop = inference.ReadStops(o, "stop")
	readWindow(o, s)
	for _, name := range engineCounts {
		o.Int(name, -maxPositions, maxPositions)
	}
	for _, name := range engineNumbers {
		o.Number(name, -anyNumber, anyNumber)
	}
	for _, name := range engineFlags {
		o.Bool(name)
	}
	refuseOther(o)
	return x
}

// readWindow reads over how many of the last tokens a repetition counts. It counts over
// all of them here, or not at all.
func readWindow(o *wire.Object, s *inference.Sampling) {
	last := o.Int("repeat_last_n", -1, maxPositions)
	switch {
	case last == nil || *last == -1:
	case *last == 0:
		s.RepeatPenalty = new(1.0)
	case s.RepeatPenalty != nil && *s.RepeatPenalty != 1 && *s.RepeatPenalty != 0:
		o.Refuse("repeat_last_n", "%s is %d, want -1 (all tokens) or 0 (no penalty)", o.Path("repeat_last_n"), *last)
	}
}

// refuseOther refuses ways of drawing that there are not, unless they are off.
func refuseOther(o *wire.Object) {
	for _, one := range []struct {
		name string
		off  []float64
	}{
		{"mirostat", []float64{0}}, {"typical_p", []float64{0, 1}}, {"tfs_z", []float64{0, 1}},
	} {
		x := o.Number(one.name, -anyNumber, anyNumber)
		on := x != nil
		for _, off := range one.off {
			on = on && *x != off
		}
		if on {
			o.Refuse(one.name, "%s is not supported, want %v (off) or nothing", o.Path(one.name), one.off[len(one.off)-1])
		}
	}
}

// apply puts the settings into a request.
func (x *options) apply(r *inference.Request) {
	r.Sampling, r.Stop = x.sampling, x.stop
	if x.context != nil {
		r.Context = int(*x.context)
	}
	if x.maxTokens != nil {
		if r.MaxTokens = int(*x.maxTokens); r.MaxTokens <= 0 {
			r.MaxTokens = inference.MaxTokens // to the end of the context
		}
	}
}
