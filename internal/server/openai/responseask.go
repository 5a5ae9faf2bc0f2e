package openai

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// responseAsk is what a response is asked for.
type responseAsk struct {
	inference.Request
	stream bool
	store  bool
	scores bool // log-probabilities come with the text
	record record
	echoed echoed
}

// echoed are the fields of a request that its response repeats.
type echoed struct {
	Background   bool              `json:"background"`
	Instructions json.RawMessage   `json:"instructions"`
	MaxOutput    *int64            `json:"max_output_tokens"`
	MaxToolCalls *int64            `json:"max_tool_calls"`
	Parallel     bool              `json:"parallel_tool_calls"`
	Previous     *string           `json:"previous_response_id"`
	Reasoning    reasoningEcho     `json:"reasoning"`
	ServiceTier  string            `json:"service_tier"`
	Store        bool              `json:"store"`
	Text         textEcho          `json:"text"`
	ToolChoice   json.RawMessage   `json:"tool_choice"`
	Tools        []json.RawMessage `json:"tools"`
	TopLogprobs  int               `json:"top_logprobs"`
	Truncation   string            `json:"truncation"`
	Metadata     map[string]string `json:"metadata"`
	User         *string           `json:"user"`
}

type reasoningEcho struct {
	Effort  *string `json:"effort"`
	Summary *string `json:"summary"`
}

type textEcho struct {
	Format    json.RawMessage `json:"format"`
	Verbosity string          `json:"verbosity,omitempty"`
}

// plainText is the format of an answer that may be anything.
var plainText = json.RawMessage(`{"type":"text"}`)

// readResponse reads the fields of a response, and the conversation that it goes on
// from.
func (d *responses) readResponse(ctx context.Context, o *wire.Object) (*responseAsk, error) {
	a := &responseAsk{}
	a.Model = readModel(o)
	refuseElsewhere(o)
	a.readEchoed(o)
	a.readTools(o)
	a.Sampling = inference.Sampling{Temperature: o.Number("temperature", 0, 2), TopP: o.Number("top_p", 0, 1)}
	a.readLength(o)
	a.readReasoning(o)
	a.readText(o)
	a.readScores(o)
	a.stream = o.True("stream")
	object(o, "stream_options")
	a.store = true
	if store := o.Bool("store"); store != nil {
		a.store = *store
	}
	a.echoed.Store = a.store
	if o.Err() != nil {
		return nil, o.Err()
	}
	return a, d.readTalk(ctx, o, a)
}

// refuseElsewhere refuses what is kept, or done, on the vendor's servers.
func refuseElsewhere(o *wire.Object) {
	for _, name := range []string{"conversation", "prompt"} {
		if v, ok := get(o, name); ok {
			v.Refuse("%s is not supported: it is kept on its vendor's servers, want input", name)
		}
	}
	if o.True("background") {
		o.Refuse("background", "background is not supported, an answer ends with its request")
	}
}

// readEchoed reads what changes no answer.
func (a *responseAsk) readEchoed(o *wire.Object) {
	e := &a.echoed
	e.ServiceTier, e.Metadata, e.Truncation = "default", map[string]string{}, or(o.OneOf("truncation", "auto", "disabled"), "disabled")
	for _, name := range []string{"service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"} {
		o.Text(name)
	}
	if user := o.Text("user"); user != "" {
		e.User = &user
	}
	readMetadata(o, e.Metadata)
	e.MaxToolCalls = o.Int("max_tool_calls", 1, inference.MaxTokens)
}

// Bounds of metadata.
const (
	maxPairs = 16
	maxKey   = 64
	maxValue = 512
)

// readMetadata reads what a client notes down for itself.
func readMetadata(o *wire.Object, to map[string]string) {
	m := object(o, "metadata")
	if m == nil {
		return
	}
	if len(m.Names()) > maxPairs {
		o.Refuse("metadata", "metadata has %d entries, want at most %d", len(m.Names()), maxPairs)
		return
	}
	for _, name := range m.Names() {
		value := m.Text(name)
		if len(name) > maxKey || len(value) > maxValue {
			o.Refuse("metadata", "metadata has an entry of %d and %d bytes, want at most %d and %d", len(name), len(value), maxKey, maxValue)
			return
		}
		to[name] = value
	}
}

func (a *responseAsk) readLength(o *wire.Object) {
	if n := o.Int("max_output_tokens", 1, inference.MaxTokens); n != nil {
		a.MaxTokens, a.echoed.MaxOutput = int(*n), n
	}
}

// readReasoning reads how much the model may reason. What it thinks is shown as it is:
// there is nobody to sum it up.
func (a *responseAsk) readReasoning(o *wire.Object) {
	r := object(o, "reasoning")
	if r == nil {
		return
	}
	if effort := r.OneOf("effort", inference.Efforts...); effort != "" {
		a.Think, a.echoed.Reasoning.Effort = inference.Effort(effort), &effort
		a.TellEffort(effort)
	}
	for _, name := range []string{"summary", "generate_summary"} {
		if word := r.OneOf(name, "auto", "concise", "detailed", "none"); word != "" {
			a.echoed.Reasoning.Summary = &word
		}
	}
}

// readText reads what the text has to be.
func (a *responseAsk) readText(o *wire.Object) {
	a.echoed.Text.Format = plainText
	t := object(o, "text")
	if t == nil {
		return
	}
	a.echoed.Text.Verbosity = t.OneOf("verbosity", "low", "medium", "high")
	f := object(t, "format")
	if f == nil {
		return
	}
	need(f, "type")
	switch f.OneOf("type", "text", "json_object", "json_schema") {
	case "json_object":
		a.Format.JSON, a.Format.Param = true, f.Path("type")
	case "json_schema":
		if need(f, "schema") {
			readConstraint(f, "schema", "schema", &a.Format)
		}
	}
	v, _ := t.Get("format")
	a.echoed.Text.Format = slices.Clone(v.Raw())
}

// readScores reads whether log-probabilities come with the text. All else that can be
// included belongs to tools of the vendor's, whose answers there are none of.
func (a *responseAsk) readScores(o *wire.Object) {
	for _, v := range array(o, "include", 64) {
		a.scores = a.scores || v.Text() == "message.output_text.logprobs"
	}
	if n := o.Int("top_logprobs", 0, inference.MaxTopTokens); n != nil {
		a.echoed.TopLogprobs = int(*n)
		a.scores = a.scores || *n > 0
	}
	a.Logprobs, a.TopTokens = a.scores, a.echoed.TopLogprobs
}

// readTalk reads the conversation: instructions, which are for this response alone, what
// came before, and what is new.
func (d *responses) readTalk(ctx context.Context, o *wire.Object, a *responseAsk) error {
	tenant := d.service.Tenant(ctx)
	t := newTalk(func(id string) ([]byte, error) { return d.stored.item(ctx, tenant, id) })
	a.echoed.Instructions = json.RawMessage("null")
	if v, ok := get(o, "instructions"); ok {
		t.say("system", []string{v.Text()})
		a.echoed.Instructions = slices.Clone(v.Raw())
	}
	a.record.tenant = tenant
	if previous := readName(o, "previous_response_id"); previous != "" {
		items, before, err := d.stored.talkBefore(ctx, tenant, previous)
		if err != nil {
			return err
		}
		for _, item := range items {
			t.again(item)
		}
		a.record.previous, a.record.before, a.echoed.Previous = previous, before, &previous
	}
	a.readInput(o, t)
	if t.err != nil {
		return t.err
	}
	a.Messages = t.messages()
	return o.Err()
}

// readInput reads what is new.
func (a *responseAsk) readInput(o *wire.Object, t *talk) {
	v, ok := o.Get("input")
	switch {
	case !ok:
		o.Refuse("input", "input is missing")
	case v.IsText():
		m := messageItem{ID: wire.NewID("msg_"), Type: "message", Status: completed, Role: "user", Content: []textPart{{Type: "input_text", Text: v.Text()}}}
		t.say("user", []string{v.Text()})
		a.record.input = append(a.record.input, newStoredItem(m.ID, m))
	case isEmpty(v):
		v.Refuse("input is empty")
	default:
		for _, one := range v.Array(maxItems) {
			item := one.Object()
			if item == nil {
				return
			}
			a.record.input = append(a.record.input, t.readItem(item))
			if o.Err() != nil || t.err != nil {
				return
			}
		}
	}
}
