package openai

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/tokenizer"
)

// maxNear bounds the texts that stand beside a gap.
const maxNear = 4096

// infillAsk is what is asked for in llama-server's way to fill in the middle.
type infillAsk struct {
	inference.Request
	stream bool
	fields []string // of the answer that are wanted, with their paths; none: all
}

// readInfill reads the fields of what is to be filled in.
func readInfill(o *wire.Object) (*infillAsk, error) {
	a := &infillAsk{}
	r := &a.Request
	if !o.Has("input_prefix") && !o.Has("input_suffix") {
		o.Refuse("input_prefix", "input_prefix is missing, and so is input_suffix")
	}
	// What of the line is there already is the end of what stands in front.
	gap := &tokenizer.Gap{Before: o.Text("input_prefix") + o.Text("prompt"), Behind: o.Text("input_suffix")}
	for _, v := range array(o, "input_extra", maxNear) {
		x := v.Object()
		if x == nil {
			break
		}
		if need(x, "text") {
			gap.Near = append(gap.Near, tokenizer.NamedText{Name: or(x.Text("filename"), "file"), Text: x.Text("text")})
		}
	}
	r.Prompts = []inference.Prompt{{Gap: gap, Param: "model"}}
	readSampling(o, r)
	if r.N > 1 {
		o.Refuse("n", "n is %d, want 1", r.N)
	}
	for _, name := range []string{"max_tokens", "n_predict"} {
		readMaxTokens(o, name, r)
	}
	readFormat(o, &r.Format)
	a.stream = o.True("stream")
	for _, v := range array(o, "response_fields", 64) {
		a.fields = append(a.fields, v.Text())
	}
	refuseUnheld(o)
	return a, o.Err()
}

// filled is the answer, or a chunk of it.
type filled struct {
	Index     int    `json:"index"`
	Content   string `json:"content"`
	Stop      bool   `json:"stop"` // nothing more comes
	Model     string `json:"model,omitempty"`
	Predicted int    `json:"tokens_predicted"`
	Evaluated int    `json:"tokens_evaluated"`
	*filledEnd
}

// filledEnd is what the last chunk has besides.
type filledEnd struct {
	Cached    int     `json:"tokens_cached"`
	Truncated bool    `json:"truncated"`
	StopType  string  `json:"stop_type"` // eos, limit or word
	StopWord  string  `json:"stopping_word"`
	Timings   timings `json:"timings"`
	Receipt   string  `json:"receipt,omitempty"`
}

// timings are in milliseconds, and in tokens a second.
type timings struct {
	Cached     int     `json:"cache_n"`
	PromptN    int     `json:"prompt_n"` // computed, not taken from the cache
	Prompt     float64 `json:"prompt_ms"`
	PromptRate float64 `json:"prompt_per_second"`
	N          int     `json:"predicted_n"`
	Predicted  float64 `json:"predicted_ms"`
	Rate       float64 `json:"predicted_per_second"`
}

// infill fills in what is missing between two texts.
func (d *dialect) infill(w http.ResponseWriter, r *http.Request) error {
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	a, err := readInfill(o)
	if err != nil {
		return err
	}
	if a.Model, err = d.modelOf(r.Context(), o); err != nil {
		return err
	}
	events := wire.EventsIf(a.stream, w)
	defer events.Close()
	answers, err := d.service.Answer(r.Context(), &a.Request)
	if err != nil {
		return brokenOff(events, err)
	}
	defer answers.Close()
	answers.Tell(w, events)
	if a.stream {
		return a.streamTo(events, answers)
	}
	var text strings.Builder
	for e, err := range answers.Events() {
		if err != nil {
			return err
		}
		text.WriteString(e.Token.Text)
	}
	wire.WriteJSON(w, http.StatusOK, a.pick(a.end(answers, text.String())))
	return nil
}

// streamTo writes the answer as a stream, whose end llama-server marks by no event.
func (a *infillAsk) streamTo(events *wire.Events, answers *inference.Answers) error {
	for e, err := range answers.Events() {
		if err != nil {
			return brokenOff(events, err)
		}
		if e.Token.Text == "" {
			continue
		}
		u := answers.Usage()
		if events.Send("", filled{Content: e.Token.Text, Predicted: u.OutputTokens, Evaluated: u.PromptTokens}) != nil {
			return nil // nobody is there any more
		}
	}
	_ = events.Send("", a.pick(a.end(answers, ""))) // the client may be gone
	return nil
}

// end returns the last chunk, or the whole answer.
func (a *infillAsk) end(answers *inference.Answers, text string) filled {
	u, f := answers.Usage(), answers.Choice(0).Finish()
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	x := filled{Content: text, Stop: true, Model: a.Model, Predicted: u.OutputTokens, Evaluated: u.PromptTokens, filledEnd: &filledEnd{
		Cached: u.CachedTokens, StopType: "limit",
		Timings: timings{u.CachedTokens, u.PromptTokens - u.CachedTokens, ms(u.Prefill), u.PrefillRate(), u.OutputTokens, ms(u.Decode), u.DecodeRate()},
	}}
	if a.stream {
		x.Receipt = answers.Receipts()
	}
	switch {
	case a.NoTokens:
	case f.Reason == blitz.FinishStopText && a.asksStop(f.StopText):
		x.StopType, x.StopWord = "word", f.StopText
	case f.Reason == blitz.FinishStopText, f.Reason == blitz.FinishStopToken:
		x.StopType = "eos"
	}
	return x
}

// asksStop says whether the client gave a stop text, which the model's own tokens are, too.
func (a *infillAsk) asksStop(text string) bool {
	for _, stop := range a.Stop {
		if stop == text {
			return true
		}
	}
	return false
}

// pick returns the fields that are wanted, those within others under their paths.
func (a *infillAsk) pick(x filled) any {
	if a.fields == nil {
		return x
	}
	var all map[string]any
	if err := json.Unmarshal(wire.Marshal(x), &all); err != nil {
		panic(err) // it was just written
	}
	picked := map[string]any{}
	for _, path := range a.fields {
		var at any = all
		for _, name := range strings.Split(path, "/") {
			fields, _ := at.(map[string]any)
			at = fields[name]
		}
		if at != nil {
			picked[path] = at
		}
	}
	return picked
}
