package openai

import (
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// chatChunk is an event of a stream.
type chatChunk struct {
	answered
	Choices []chunkChoice `json:"choices"`
	Usage   any           `json:"usage,omitempty"`
	Receipt string        `json:"receipt,omitempty"` // with the end of an answer: its name; at the end those of all
}

type chunkChoice struct {
	Index    int         `json:"index"`
	Delta    delta       `json:"delta"`
	Logprobs *chatScores `json:"logprobs"`
	Finish   *string     `json:"finish_reason"`
}

// delta is what a chunk adds to a message.
type delta struct {
	Role      string      `json:"role,omitempty"`
	Content   *string     `json:"content,omitempty"`
	Reasoning string      `json:"reasoning_content,omitempty"`
	Calls     []callDelta `json:"tool_calls,omitempty"`
}

// callDelta is what a chunk adds to a call: its name, or a piece of its arguments.
type callDelta struct {
	Index    int    `json:"index"`
	ID       string `json:"id,omitempty"`
	Type     string `json:"type,omitempty"`
	Function struct {
		Name      string `json:"name,omitempty"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// chatStream writes answers as they come.
type chatStream struct {
	ask     *chatAsk
	answers *inference.Answers
	events  *wire.Events
	head    answered
	begun   []bool // the answers whose first chunk was written
	scores  scorers
	receipt string // of the answer whose end is written

	chunk   chatChunk // memory of the event that is written
	choice  [1]chunkChoice
	content string
}

// streamTo writes the answers as a stream.
func (a *chatAsk) streamTo(events *wire.Events, answers *inference.Answers, head answered) error {
	head.Object = "chat.completion.chunk"
	s := &chatStream{
		ask: a, answers: answers, events: events, head: head,
		begun: make([]bool, answers.Len()), scores: newScorers(a.Logprobs, answers.Len()),
	}
	tokens := answers.Engine().Model().Tokenizer()
	for e, err := range answers.Events() {
		if err == nil {
			s.scores.add(tokens, &e, answers)
			if s.event(&e) != nil {
				return nil // nobody is there any more
			}
			continue
		}
		return brokenOff(s.events, err)
	}
	s.end()
	return nil
}

// brokenOff tells of an error in a stream. One that has not begun is the handler's.
func brokenOff(events *wire.Events, err error) error {
	if !events.Begun() {
		return err
	}
	_ = events.Send("", bodyOf(wire.AsError(err))) // the client may be gone
	return nil
}

// event writes what happened to an answer. The error says that the client is gone.
func (s *chatStream) event(e *inference.Event) error {
	if !s.begun[e.Choice] {
		s.begun[e.Choice] = true
		if err := s.send(e.Choice, delta{Role: "assistant", Content: new("")}, nil, nil); err != nil {
			return err
		}
	}
	if e.Over {
		return s.over(e.Choice)
	}
	for _, d := range e.Token.Deltas {
		if err := s.delta(e.Choice, d); err != nil {
			return err
		}
	}
	return nil
}

// delta writes an increment of an answer. The log-probabilities come with the content.
func (s *chatStream) delta(choice int, d output.Delta) error {
	switch d.Kind {
	case output.DeltaReasoning:
		if s.ask.thinking.hidden {
			return nil
		}
		return s.send(choice, delta{Reasoning: d.Text}, nil, nil)
	case output.DeltaContent:
		s.content = d.Text
		return s.send(choice, delta{Content: &s.content}, s.scores.take(choice), nil)
	}
	c := callDelta{Index: d.Index}
	if d.Kind == output.DeltaCall {
		c.ID, c.Type, c.Function.Name = idOf(d.ID), "function", d.Name
	} else {
		c.Function.Arguments = d.Text
	}
	return s.send(choice, delta{Calls: []callDelta{c}}, nil, nil)
}

// over writes the end of an answer, and the log-probabilities that came without a text.
func (s *chatStream) over(choice int) error {
	reason := s.answers.Choice(choice).Finish().String()
	if s.ask.NoTokens {
		reason = "length"
	}
	s.receipt = s.answers.Receipt(choice)
	err := s.send(choice, delta{}, s.scores.take(choice), &reason)
	s.receipt = ""
	return err
}

func (s *chatStream) send(choice int, d delta, scores *chatScores, finish *string) error {
	s.choice[0] = chunkChoice{choice, d, scores, finish}
	s.chunk = chatChunk{answered: s.head, Choices: s.choice[:], Receipt: s.receipt}
	if s.ask.stream.usage {
		s.chunk.Usage = noUsage
	}
	return s.events.Send("", &s.chunk)
}

// end writes what the answers took, where that is wanted, and the end.
func (s *chatStream) end() {
	if s.ask.stream.usage {
		_ = s.events.Send("", chatChunk{s.head, []chunkChoice{}, usageOf(s.answers.Usage()), s.answers.Receipts()})
	}
	_ = s.events.Done()
}
