package anthropic

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// message is an answer.
type message struct {
	ID           string  `json:"id"`
	Type         string  `json:"type"`
	Role         string  `json:"role"`
	Model        string  `json:"model"`
	Content      []any   `json:"content"`
	StopReason   *string `json:"stop_reason"`
	StopSequence *string `json:"stop_sequence"`
	Usage        usage   `json:"usage"`
}

func newMessage(a *ask, answers *inference.Answers) *message {
	return &message{
		ID: wire.NewID("msg_"), Type: "message", Role: "assistant", Model: a.Model, Content: []any{}, Usage: newUsage(answers.Usage()),
	}
}

// usage are the counts of an answer. What was read is the sum of the three inputs.
type usage struct {
	Input      int `json:"input_tokens"`
	CacheWrite int `json:"cache_creation_input_tokens"`
	CacheRead  int `json:"cache_read_input_tokens"`
	Output     int `json:"output_tokens"`
}

func newUsage(u blitz.Usage) usage {
	return usage{Input: u.PromptTokens - u.CachedTokens, CacheRead: u.CachedTokens, Output: u.OutputTokens}
}

// The blocks of an answer.
type (
	textBlock struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	thinkingBlock struct {
		Type      string `json:"type"`
		Thinking  string `json:"thinking"`
		Signature string `json:"signature"`
	}
	toolUseBlock struct {
		Type  string          `json:"type"`
		ID    string          `json:"id"`
		Name  string          `json:"name"`
		Input json.RawMessage `json:"input"`
	}
)

// part is a block of an answer as it comes.
type part struct {
	kind     output.DeltaKind // reasoning, content, or a call
	index    int
	id, name string // of a call
	text     strings.Builder
}

// sink is told of the parts of an answer, which come one after the other.
type sink interface {
	begin(*part)
	grow(*part, string)
	end(*part)
}

// parts cuts what a model says into parts.
type parts struct {
	to    sink
	open  *part
	count int
}

// add takes an increment.
func (p *parts) add(d output.Delta) {
	switch d.Kind {
	case output.DeltaCall:
		id := d.ID
		if id == "" {
			id = wire.NewID("toolu_")
		}
		p.begin(&part{kind: output.DeltaCall, id: id, name: d.Name})
		return
	case output.DeltaReasoning, output.DeltaContent:
		if p.open == nil || p.open.kind != d.Kind {
			p.begin(&part{kind: d.Kind})
		}
	}
	p.open.text.WriteString(d.Text)
	p.to.grow(p.open, d.Text)
}

func (p *parts) begin(next *part) {
	p.end()
	next.index = p.count
	p.count++
	p.open = next
	p.to.begin(next)
}

func (p *parts) end() {
	if p.open != nil {
		p.to.end(p.open)
		p.open = nil
	}
}

// close ends the last part. An answer that has none gets one of text, since many clients
// look at the first without a look at their number.
func (p *parts) close() {
	if p.count == 0 {
		p.begin(&part{kind: output.DeltaContent})
	}
	p.end()
}

// signature is what stands for the vendor's seal on reasoning: a digest of it, which
// clients send back and nobody asks for.
func signature(thoughts string) string {
	sum := sha256.Sum256([]byte(thoughts))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// stopReason returns why an answer ended, and by which stop sequence.
func stopReason(f blitz.Finish) (reason string, sequence *string) {
	switch f.Reason {
	case blitz.FinishStopText:
		return "stop_sequence", &f.StopText
	case blitz.FinishToolCalls:
		return "tool_use", nil
	case blitz.FinishLength, blitz.FinishContext:
		return "max_tokens", nil
	}
	return "end_turn", nil
}

// whole is the sink of an answer that is sent at its end.
type whole struct {
	content []any
	hidden  bool
}

func (m *whole) begin(*part)        {}
func (m *whole) grow(*part, string) {}

func (m *whole) end(p *part) {
	text := p.text.String()
	switch p.kind {
	case output.DeltaReasoning:
		b := thinkingBlock{"thinking", text, signature(text)}
		if m.hidden {
			b.Thinking = ""
		}
		m.content = append(m.content, b)
	case output.DeltaContent:
		m.content = append(m.content, textBlock{"text", text})
	default:
		if json.Valid([]byte(text)) { // one that was cut short is nothing to call a tool with
			m.content = append(m.content, toolUseBlock{"tool_use", p.id, p.name, json.RawMessage(text)})
		}
	}
}

// writeMessage writes an answer when it is whole.
func writeMessage(w http.ResponseWriter, a *ask, answers *inference.Answers) error {
	m := &whole{content: []any{}, hidden: a.hidden}
	p := parts{to: m}
	for event, err := range answers.Events() {
		if err != nil {
			return err
		}
		for _, d := range event.Token.Deltas {
			p.add(d)
		}
	}
	p.close()
	out := newMessage(a, answers)
	out.Content = m.content
	reason, sequence := stopReason(answers.Choice(0).Finish())
	out.StopReason, out.StopSequence = &reason, sequence
	wire.WriteJSON(w, http.StatusOK, out)
	return nil
}
