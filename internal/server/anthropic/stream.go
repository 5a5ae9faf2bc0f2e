package anthropic

import (
	"encoding/json"
	"net/http"

	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// The events of a stream. Each is sent under the name that is its type.
type (
	messageStart struct {
		Type    string   `json:"type"`
		Message *message `json:"message"`
	}
	blockStart struct {
		Type  string `json:"type"`
		Index int    `json:"index"`
		Block any    `json:"content_block"`
	}
	blockDelta struct {
		Type  string `json:"type"`
		Index int    `json:"index"`
		Delta any    `json:"delta"`
	}
	blockStop struct {
		Type  string `json:"type"`
		Index int    `json:"index"`
	}
	messageDelta struct {
		Type  string    `json:"type"`
		Delta stopDelta `json:"delta"`
		Usage usage     `json:"usage"`
	}
	messageStop struct {
		Type    string `json:"type"`
		Receipt string `json:"receipt,omitempty"`
	}
)

// The deltas of blocks and of the message.
type (
	textDelta struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	thinkingDelta struct {
		Type     string `json:"type"`
		Thinking string `json:"thinking"`
	}
	signatureDelta struct {
		Type      string `json:"type"`
		Signature string `json:"signature"`
	}
	inputDelta struct {
		Type        string `json:"type"`
		PartialJSON string `json:"partial_json"`
	}
	stopDelta struct {
		StopReason   string  `json:"stop_reason"`
		StopSequence *string `json:"stop_sequence"`
	}
)

// stream is the sink of an answer that is sent as it comes.
type stream struct {
	events *wire.Events
	hidden bool
	err    error // the client is gone
}

func (s *stream) send(name string, v any) { s.err = s.events.Send(name, v) }

func (s *stream) begin(p *part) {
	var block any
	switch p.kind {
	case output.DeltaReasoning:
		block = thinkingBlock{Type: "thinking"}
	case output.DeltaContent:
		block = textBlock{Type: "text"}
	default:
		block = toolUseBlock{"tool_use", p.id, p.name, json.RawMessage("{}")}
	}
	s.send("content_block_start", blockStart{"content_block_start", p.index, block})
}

func (s *stream) grow(p *part, text string) {
	var delta any
	switch p.kind {
	case output.DeltaReasoning:
		if s.hidden {
			return
		}
		delta = thinkingDelta{"thinking_delta", text}
	case output.DeltaContent:
		delta = textDelta{"text_delta", text}
	default:
		delta = inputDelta{"input_json_delta", text}
	}
	s.delta(p, delta)
}

func (s *stream) delta(p *part, delta any) {
	s.send("content_block_delta", blockDelta{"content_block_delta", p.index, delta})
}

func (s *stream) end(p *part) {
	if p.kind == output.DeltaReasoning {
		s.delta(p, signatureDelta{"signature_delta", signature(p.text.String())})
	}
	s.send("content_block_stop", blockStop{"content_block_stop", p.index})
}

// message sends an answer as it comes. It begins with the first token, when it is
// known what was read; an error before that is a status.
func (s *stream) message(w http.ResponseWriter, a *ask, answers *inference.Answers) error {
	p, started := parts{to: s}, false
	for event, err := range answers.Events() {
		if err != nil {
			return s.fail(w, err)
		}
		if !started {
			started = true
			s.send("message_start", messageStart{"message_start", newMessage(a, answers)})
		}
		for _, d := range event.Token.Deltas {
			p.add(d)
		}
		if s.err != nil {
			return nil
		}
	}
	p.close()
	reason, sequence := stopReason(answers.Choice(0).Finish())
	s.send("message_delta", messageDelta{"message_delta", stopDelta{reason, sequence}, newUsage(answers.Usage())})
	s.send("message_stop", messageStop{"message_stop", answers.Receipts()})
	return nil
}

// fail ends a stream by an error; one that has not begun leaves it to the caller.
func (s *stream) fail(w http.ResponseWriter, err error) error {
	if !s.events.Begun() {
		return err
	}
	s.send("error", newErrorBody(w, wire.AsError(err)))
	return nil
}
