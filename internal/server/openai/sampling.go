package openai

import (
	"math"
	"strconv"

	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// maxPenalty bounds a repetition penalty; 0 and 1 are none.
const maxPenalty = 100

// readSampling reads how tokens are drawn, how many answers there are and what ends them.
func readSampling(o *wire.Object, r *inference.Request) {
	s := &r.Sampling
	s.Temperature = o.Number("temperature", 0, 2)
	s.TopP = o.Number("top_p", 0, 1)
	s.MinP = o.Number("min_p", 0, 1)
	s.TopK = o.Int("top_k", -1, math.MaxInt32)
	s.FrequencyPenalty = o.Number("frequency_penalty", -2, 2)
	s.PresencePenalty = o.Number("presence_penalty", -2, 2)
	for _, name := range []string{"repetition_penalty", "repeat_penalty"} { // vLLM's and llama-server's
		if p := o.Number(name, 0, maxPenalty); p != nil {
			s.RepeatPenalty = p
		}
	}
	s.Seed = o.Int("seed", math.MinInt64, math.MaxInt64)
	s.LogitBias = readBias(o)
	if n := o.Int("n", 1, inference.MaxChoices); n != nil {
		r.N = int(*n)
	}
	if _, ok := get(o, "stop"); ok {
		r.Stop = inference.ReadStops(o, "stop")
	}
	r.IgnoreEnd = o.True("ignore_eos")
}

// readBias reads what is added to the logits of tokens: an object of ids.
func readBias(o *wire.Object) map[int32]float32 {
	biases := object(o, "logit_bias")
	if biases == nil {
		return nil
	}
	names := biases.Names()
	if len(names) > inference.MaxBiases {
		o.Refuse("logit_bias", "logit_bias has %d entries, want at most %d", len(names), inference.MaxBiases)
		return nil
	}
	list := make(map[int32]float32, len(names))
	for _, name := range names {
		id, err := strconv.ParseInt(name, 10, 32)
		if err != nil || id < 0 {
			o.Refuse("logit_bias", "logit_bias has a bias for %s, which is no token id", wire.Quote(name))
			return nil
		}
		if bias := biases.Number(name, -100, 100); bias != nil {
			list[int32(id)] = float32(*bias)
		}
	}
	return list
}

// streamed says how an answer is streamed.
type streamed struct {
	on    bool
	usage bool // the last chunk says what the answer took
}

func readStream(o *wire.Object) (s streamed) {
	s.on = o.True("stream")
	if options := object(o, "stream_options"); options != nil {
		s.usage = options.True("include_usage")
	}
	return s
}
