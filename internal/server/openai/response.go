package openai

import (
	"net/http"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// response is an answer.
type response struct {
	ID          string         `json:"id"`
	Object      string         `json:"object"`
	CreatedAt   int64          `json:"created_at"`
	CompletedAt *int64         `json:"completed_at"`
	Status      string         `json:"status"`
	Error       *responseError `json:"error"`
	Incomplete  *incompleteFor `json:"incomplete_details"`
	Model       string         `json:"model"`
	Output      []any          `json:"output"`
	Temperature float32        `json:"temperature"`
	TopP        float32        `json:"top_p"`
	Usage       *responseUsage `json:"usage"`
	echoed
}

type responseError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type incompleteFor struct {
	Reason string `json:"reason"`
}

// responseUsage counts tokens.
type responseUsage struct {
	Input   int `json:"input_tokens"`
	InputOf struct {
		Cached  int `json:"cached_tokens"`
		Written int `json:"cache_write_tokens"`
	} `json:"input_tokens_details"`
	Output   int `json:"output_tokens"`
	OutputOf struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	Total int `json:"total_tokens"`
}

func responseUsageOf(u blitz.Usage) *responseUsage {
	x := &responseUsage{Input: u.PromptTokens, Output: u.OutputTokens, Total: u.PromptTokens + u.OutputTokens}
	x.InputOf.Cached, x.OutputOf.Reasoning = u.CachedTokens, u.ReasoningTokens
	return x
}

// responseLogprob is a token with its log-probability as responses have it.
type responseLogprob struct {
	Token   string    `json:"token"`
	Logprob float32   `json:"logprob"`
	Bytes   []int     `json:"bytes"`
	Top     []toplist `json:"top_logprobs"`
}

// newResponse returns a response that is under way.
func newResponse(a *responseAsk, answers *inference.Answers) *response {
	s := answers.Choice(0).Settings()
	return &response{
		ID: wire.NewID("resp_"), Object: "response", CreatedAt: time.Now().Unix(), Status: inProgress, Model: a.Model, Output: []any{},
		Temperature: s.Temperature, TopP: s.TopP, echoed: a.echoed,
	}
}

// parts cuts what a model says into items, which come one after the other.
type parts struct {
	to     sink
	open   *part
	count  int
	scores scorers
}

// part is an item as it comes. Its text is that of its one part, or its arguments.
type part struct {
	kind   output.DeltaKind // reasoning, content, or a call
	index  int
	id     string
	callID string
	name   string // of the tool
	text   []byte
	scores []responseLogprob
	status string // at its end
}

// sink is told of the items.
type sink interface {
	begin(*part)
	grow(*part, string, []responseLogprob)
	end(*part)
}

// add takes in what happened.
func (p *parts) add(e *inference.Event) {
	for _, d := range e.Token.Deltas {
		switch d.Kind {
		case output.DeltaCall:
			p.begin(&part{kind: d.Kind, id: wire.NewID("fc_"), callID: idOf(d.ID), name: d.Name})
			continue
		case output.DeltaReasoning:
			p.need(d.Kind, "rs_")
		case output.DeltaContent:
			p.need(d.Kind, "msg_")
		}
		p.grow(d)
	}
}

func (p *parts) grow(d output.Delta) {
	var scores []responseLogprob
	if d.Kind == output.DeltaContent {
		if c := p.scores.take(0); c != nil {
			for _, l := range c.Content {
				scores = append(scores, responseLogprob(l))
			}
		}
	}
	p.open.text = append(p.open.text, d.Text...)
	p.open.scores = append(p.open.scores, scores...)
	p.to.grow(p.open, d.Text, scores)
}

// need opens an item of a kind where the open one is of another.
func (p *parts) need(kind output.DeltaKind, prefix string) {
	if p.open == nil || p.open.kind != kind {
		p.begin(&part{kind: kind, id: wire.NewID(prefix)})
	}
}

func (p *parts) begin(next *part) {
	p.end(completed)
	next.index, next.status = p.count, inProgress
	p.count++
	p.open = next
	p.to.begin(next)
}

func (p *parts) end(status string) {
	if p.open != nil {
		p.open.status = status
		p.to.end(p.open)
		p.open = nil
	}
}

// close ends the last item, in the state that the response is in. One without any gets an
// empty message.
func (p *parts) close(status string) {
	if p.count == 0 {
		p.need(output.DeltaContent, "msg_")
	}
	if p.open != nil && p.open.kind == output.DeltaCall && isWhole(string(p.open.text)) {
		status = completed
	}
	p.end(status)
}

// item returns an item as far as it has come.
func (p *part) item() any {
	text := string(p.text)
	switch p.kind {
	case output.DeltaReasoning:
		return reasoningItem{p.id, "reasoning", []textPart{}, p.contents(textPart{Type: "reasoning_text", Text: text}), p.status}
	case output.DeltaContent:
		return messageItem{p.id, "message", p.status, "assistant", p.contents(outputText(text, p.scores))}
	}
	return callItem{p.id, "function_call", p.callID, p.name, text, p.status}
}

// contents returns the parts of an item: none while it has just begun.
func (p *part) contents(one textPart) []textPart {
	if p.status == inProgress {
		return []textPart{}
	}
	return []textPart{one}
}

// collector is the sink of a response that is sent at its end.
type collector struct{ items []storedItem }

func (c *collector) begin(*part)                           {}
func (c *collector) grow(*part, string, []responseLogprob) {}
func (c *collector) end(p *part)                           { c.items = append(c.items, newStoredItem(p.id, p.item())) }

// conclude fills in what is known at the end. items are the output.
func (x *response) conclude(answers *inference.Answers, items []storedItem) {
	for _, item := range items {
		x.Output = append(x.Output, item.raw())
	}
	now := time.Now().Unix()
	x.Status, x.Usage, x.CompletedAt = stateOf(answers), responseUsageOf(answers.Usage()), &now
	if x.Status == incomplete {
		x.CompletedAt, x.Incomplete = nil, &incompleteFor{"max_output_tokens"}
	}
}

// stateOf returns the state of a response that is over.
func stateOf(answers *inference.Answers) string {
	switch answers.Choice(0).Finish().Reason {
	case blitz.FinishLength, blitz.FinishContext:
		return incomplete
	}
	return completed
}

// keep stores a response that is over, where that is wanted.
func (d *responses) keep(r *http.Request, a *responseAsk, x *response, items []storedItem) error {
	if !a.store {
		return nil
	}
	rec := &a.record
	rec.id, rec.body, rec.output = x.ID, wire.Marshal(x), items
	return d.stored.put(r.Context(), rec)
}

// writeResponse writes a response when it is whole.
func (d *responses) writeResponse(w http.ResponseWriter, r *http.Request, a *responseAsk, answers *inference.Answers) error {
	c := &collector{}
	p := parts{to: c, scores: newScorers(a.scores, 1)}
	tokens := answers.Engine().Model().Tokenizer()
	for e, err := range answers.Events() {
		if err != nil {
			return err
		}
		p.scores.add(tokens, &e, answers)
		p.add(&e)
	}
	p.close(stateOf(answers))
	x := newResponse(a, answers)
	x.conclude(answers, c.items)
	if err := d.keep(r, a, x, c.items); err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, x)
	return nil
}
