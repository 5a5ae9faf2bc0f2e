package openai

import (
	"net/http"

	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// The events of a stream of a response. Each is sent under the name that is its type, and
// numbered.
type (
	eventHead struct {
		Type   string `json:"type"`
		Number int    `json:"sequence_number"`
	}
	errorEvent struct {
		eventHead
		Code    string `json:"code"`
		Message string `json:"message"`
		Param   string `json:"param"`
	}
	responseEvent struct {
		eventHead
		Response *response `json:"response"`
		Receipt  string    `json:"receipt,omitempty"` // in the last event
	}
	itemEvent struct {
		eventHead
		Index int `json:"output_index"`
		Item  any `json:"item"`
	}
	partPlace struct {
		eventHead
		ItemID  string `json:"item_id"`
		Index   int    `json:"output_index"`
		Content int    `json:"content_index"`
	}
	partEvent struct {
		partPlace
		Part textPart `json:"part"`
	}
	textDelta struct {
		partPlace
		Delta    string `json:"delta"`
		Logprobs any    `json:"logprobs,omitempty"`
	}
	textDone struct {
		partPlace
		Text     string `json:"text"`
		Logprobs any    `json:"logprobs,omitempty"`
	}
	callPlace struct {
		eventHead
		ItemID string `json:"item_id"`
		Index  int    `json:"output_index"`
	}
	argumentsDelta struct {
		callPlace
		Delta string `json:"delta"`
	}
	argumentsDone struct {
		callPlace
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	}
)

// responseStream is the sink of a response that is sent as it comes.
type responseStream struct {
	collector
	events  *wire.Events
	number  int
	receipt string // of the response, once it is over
	err     error  // the client is gone
}

// head returns the beginning of the next event.
func (s *responseStream) head(kind string) eventHead {
	h := eventHead{kind, s.number}
	s.number++
	return h
}

func (s *responseStream) send(h eventHead, v any) { s.err = s.events.Send(h.Type, v) }

// tell sends word of the response itself.
func (s *responseStream) tell(kind string, x *response) {
	h := s.head("response." + kind)
	s.send(h, responseEvent{h, x, s.receipt})
}

func (s *responseStream) item(kind string, p *part) {
	h := s.head("response.output_item." + kind)
	s.send(h, itemEvent{h, p.index, p.item()})
}

// place returns where the text of an item stands.
func (s *responseStream) place(kind string, p *part) partPlace {
	return partPlace{eventHead: s.head("response." + kind), ItemID: p.id, Index: p.index}
}

// textKind returns what the text of an item is called.
func textKind(p *part) string {
	if p.kind == output.DeltaReasoning {
		return "reasoning_text"
	}
	return "output_text"
}

// textOf returns the part of an item.
func textOf(p *part, text string) textPart {
	if p.kind == output.DeltaReasoning {
		return textPart{Type: "reasoning_text", Text: text}
	}
	if text == "" {
		return outputText("", nil)
	}
	return outputText(text, p.scores)
}

// scoresOf returns the log-probabilities as events have them: those of reasoning have
// none.
func scoresOf(p *part, scores []responseLogprob) any {
	switch {
	case p.kind == output.DeltaReasoning:
		return nil
	case scores == nil:
		return none
	}
	return scores
}

func (s *responseStream) begin(p *part) {
	s.item("added", p)
	if p.kind != output.DeltaCall {
		at := s.place("content_part.added", p)
		s.send(at.eventHead, partEvent{at, textOf(p, "")})
	}
}

func (s *responseStream) grow(p *part, text string, scores []responseLogprob) {
	if p.kind == output.DeltaCall {
		h := s.head("response.function_call_arguments.delta")
		s.send(h, argumentsDelta{callPlace{h, p.id, p.index}, text})
		return
	}
	at := s.place(textKind(p)+".delta", p)
	s.send(at.eventHead, textDelta{at, text, scoresOf(p, scores)})
}

func (s *responseStream) end(p *part) {
	text := string(p.text)
	if p.kind == output.DeltaCall {
		h := s.head("response.function_call_arguments.done")
		s.send(h, argumentsDone{callPlace{h, p.id, p.index}, p.name, text})
	} else {
		at := s.place(textKind(p)+".done", p)
		s.send(at.eventHead, textDone{at, text, scoresOf(p, p.scores)})
		at = s.place("content_part.done", p)
		s.send(at.eventHead, partEvent{at, textOf(p, text)})
	}
	s.item("done", p)
	s.collector.end(p)
}

// streamResponse sends a response as it comes. It is stored before its end is told. An
// error before the first token is a status.
func (d *responses) streamResponse(events *wire.Events, r *http.Request, a *responseAsk, answers *inference.Answers) error {
	s := &responseStream{events: events}
	x := newResponse(a, answers)
	p := parts{to: s, scores: newScorers(a.scores, 1)}
	tokens := answers.Engine().Model().Tokenizer()
	for e, err := range answers.Events() {
		if err != nil {
			return s.fail(x, err)
		}
		if s.number == 0 {
			s.tell("created", x)
			s.tell(inProgress, x)
		}
		p.scores.add(tokens, &e, answers)
		p.add(&e)
		if s.err != nil {
			return nil // nobody is there any more
		}
	}
	p.close(stateOf(answers))
	x.conclude(answers, s.items)
	if err := d.keep(r, a, x, s.items); err != nil {
		return s.fail(x, err)
	}
	s.receipt = answers.Receipts()
	s.tell(x.Status, x)
	return nil
}

// neverBegun ends a stream by an error before there is a response. One of which nothing was
// sent leaves it to the caller.
func neverBegun(events *wire.Events, err error) error {
	if !events.Begun() {
		return err
	}
	e := wire.AsError(err)
	_ = events.Send("error", errorEvent{eventHead{Type: "error"}, e.Code, e.Message, e.Param}) // the client may be gone
	return nil
}

// fail ends a stream by an error; one that has not begun leaves it to the caller.
func (s *responseStream) fail(x *response, err error) error {
	if !s.events.Begun() {
		return err
	}
	e := wire.AsError(err)
	x.Status, x.Error, x.Output, x.CompletedAt, x.Incomplete = "failed", &responseError{or(e.Code, "server_error"), e.Message}, []any{}, nil, nil
	for _, item := range s.items {
		x.Output = append(x.Output, item.raw())
	}
	s.tell("failed", x)
	return nil
}
