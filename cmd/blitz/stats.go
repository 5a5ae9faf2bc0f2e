package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/kernel"
)

// stats are the counts and times of an answer, as --stats-json prints them.
type stats struct {
	Model          string       `json:"model"`
	LoadSeconds    float64      `json:"load_s"`        // of the model, before the first answer
	TotalTime      float64      `json:"total_s"`       // from the request to the last token
	FirstToken     float64      `json:"first_token_s"` // from the request to the first token
	PromptTokens   int          `json:"prompt_tokens"`
	CachedTokens   int          `json:"cached_tokens"` // of the prompt, not computed again
	PrefillTime    float64      `json:"prefill_s"`     // from the engine's beginning to the first token
	PrefillRate    float64      `json:"prefill_tokens_per_s"`
	OutputTokens   int          `json:"output_tokens"`
	ReasonTokens   int          `json:"reasoning_tokens"` // of the output
	Drafted        int          `json:"drafted"`          // tokens that were guessed and computed before they were drawn
	Accepted       int          `json:"accepted"`         // of them, those that were drawn
	DecodeTime     float64      `json:"decode_s"`         // from the first token to the last
	DecodeRate     float64      `json:"decode_tokens_per_s"`
	Experts        *expertStats `json:"experts,omitempty"` // of a model that has not all of them in memory
	Finish         string       `json:"finish"`            // stop, length, tool_calls, cancelled or error
	Sampling       sampling     `json:"sampling"`
	Context        int          `json:"context"`
	Cache          string       `json:"cache"`
	Threads        int          `json:"threads"`
	Implementation string       `json:"implementation"`
}

// sampling is what an answer was drawn with; a share or a penalty of 1 is off.
type sampling struct {
	Temperature   float32 `json:"temperature"`
	TopK          int     `json:"top_k"`
	TopP          float32 `json:"top_p"`
	MinP          float32 `json:"min_p"`
	RepeatPenalty float32 `json:"repeat_penalty"`
	Seed          uint64  `json:"seed"`
}

// expertStats are what was read of experts that are not all in memory, since the stats before.
type expertStats struct {
	Memory    int64   `json:"memory_bytes"` // that experts may take
	Needed    uint64  `json:"needed"`       // experts, by layers
	Hits      uint64  `json:"hits"`         // of them, those in memory
	Late      uint64  `json:"late"`         // those on their way, since they were guessed
	Guessed   uint64  `json:"guessed"`
	Confirmed uint64  `json:"confirmed"` // of the guessed, those that were needed next
	Reads     uint64  `json:"reads"`
	ReadBytes uint64  `json:"read_bytes"`
	Waited    float64 `json:"waited_s"` // with nothing to compute
}

// countExperts returns what was read of experts since it was called last; nil where all are
// in memory.
func (o *running) countExperts() *expertStats {
	all, memory, ok := o.model.Experts()
	if !ok {
		return nil
	}
	s := all.Sub(o.experts)
	o.experts = all
	return &expertStats{memory, s.Needed, s.Hits, s.Late, s.Guessed, s.Confirmed, s.Reads, s.ReadBytes, s.Waited.Seconds()}
}

// newStats returns what is said of an answer of a running model.
func newStats(o *running, a *blitz.Answer) stats {
	c, s, e := a.Usage(), a.Settings(), o.engine
	round := func(x float64) float64 { return math.Round(x*1e4) / 1e4 }
	return stats{
		Model: o.name, LoadSeconds: round(o.load), Experts: o.countExperts(),
		TotalTime: round((c.FirstToken + c.Decode).Seconds()), FirstToken: round(c.FirstToken.Seconds()), ReasonTokens: c.ReasoningTokens,
		PromptTokens: c.PromptTokens, CachedTokens: c.CachedTokens, PrefillTime: round(c.Prefill.Seconds()), PrefillRate: round(c.PrefillRate()),
		OutputTokens: c.OutputTokens, Drafted: c.DraftedTokens, Accepted: c.AcceptedTokens, DecodeTime: round(c.Decode.Seconds()), DecodeRate: round(c.DecodeRate()), Finish: a.Finish().String(),
		Sampling: sampling{s.Temperature, s.TopK, s.TopP, s.MinP, s.RepeatPenalty, s.Seed},
		Context:  e.Context(), Cache: e.Cache(), Threads: e.Threads(), Implementation: kernel.Current().String(),
	}
}

// finishText says in words why an answer ended.
func (s *stats) finishText() string {
	switch s.Finish {
	case "stop", "tool_calls":
		return "the model ended it"
	case "length":
		if s.PromptTokens+s.OutputTokens >= s.Context {
			return "the context is full"
		}
		return "the most tokens allowed"
	case "cancelled":
		return "interrupted"
	}
	return s.Finish
}

// write writes the stats for people.
func (s *stats) write(w io.Writer) error {
	drawn := "greedy"
	if g := s.Sampling; g.Temperature > 0 {
		drawn = fmt.Sprintf("temperature %v, top-k %d, top-p %v, min-p %v, repeat penalty %v", g.Temperature, g.TopK, g.TopP, g.MinP, g.RepeatPenalty)
	}
	reasoning := ""
	if s.ReasonTokens > 0 {
		reasoning = fmt.Sprintf(", %d of them reasoning,", s.ReasonTokens)
	}
	guessed := ""
	if s.Drafted > 0 {
		guessed = fmt.Sprintf("; of %s that were guessed %d were right", counted(s.Drafted, "token"), s.Accepted)
	}
	experts := ""
	if x := s.Experts; x != nil && x.Needed > 0 {
		experts = fmt.Sprintf("experts   %d needed, %.0f %% of them in memory, %d read: %s; %.0f %% of %d guesses right\n", x.Needed,
			100*float64(x.Hits)/float64(x.Needed), x.Reads, hub.FormatBytes(int64(x.ReadBytes)), 100*float64(x.Confirmed)/float64(max(x.Guessed, 1)), x.Guessed)
	}
	_, err := fmt.Fprintf(w, `load      %.2f s
prompt    %s, %d of them cached, in %.2f s: %.1f tokens/s
answer    %s%s in %.2f s: %.1f tokens/s; %s%s
total     %.2f s, the first token after %.2f s
%ssampling  %s; seed %d
engine    %d of %d positions, cache %s, %s, %s
`,
		s.LoadSeconds, counted(s.PromptTokens, "token"), s.CachedTokens, s.PrefillTime, s.PrefillRate,
		counted(s.OutputTokens, "token"), reasoning, s.DecodeTime, s.DecodeRate, s.finishText(), guessed,
		s.TotalTime, s.FirstToken,
		experts, drawn, s.Sampling.Seed,
		s.PromptTokens+s.OutputTokens, s.Context, s.Cache, counted(s.Threads, "thread"), s.Implementation)
	return err
}

// writeJSON writes the stats as one line.
func (s *stats) writeJSON(w io.Writer) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}
