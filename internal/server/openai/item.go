package openai

import (
	"encoding/json"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Items are what a response is asked and what it answers. Their forms are the same in
// both, so that an answer can be sent back.
type (
	messageItem struct {
		ID      string     `json:"id"`
		Type    string     `json:"type"`
		Status  string     `json:"status"`
		Role    string     `json:"role"`
		Content []textPart `json:"content"`
	}
	reasoningItem struct {
		ID      string     `json:"id"`
		Type    string     `json:"type"`
		Summary []textPart `json:"summary"`
		Content []textPart `json:"content"`
		Status  string     `json:"status"`
	}
	callItem struct {
		ID        string `json:"id"`
		Type      string `json:"type"`
		CallID    string `json:"call_id"`
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
		Status    string `json:"status"`
	}
	resultItem struct {
		ID     string `json:"id"`
		Type   string `json:"type"`
		CallID string `json:"call_id"`
		Output string `json:"output"`
		Status string `json:"status"`
	}
)

// textPart is a part of an item. What the model says has annotations and log-probabilities.
type textPart struct {
	Type        string          `json:"type"` // input_text, output_text, reasoning_text or summary_text
	Text        string          `json:"text"`
	Annotations json.RawMessage `json:"annotations,omitempty"`
	Logprobs    any             `json:"logprobs,omitempty"`
}

// none is an empty list.
var none = json.RawMessage("[]")

// outputText returns a part that the model says. scores may be nil.
func outputText(text string, scores []responseLogprob) textPart {
	p := textPart{Type: "output_text", Text: text, Annotations: none, Logprobs: none}
	if scores != nil {
		p.Logprobs = scores
	}
	return p
}

// The states of an item.
const (
	completed  = "completed"
	incomplete = "incomplete"
	inProgress = "in_progress"
)

// maxItems bounds the items of a request.
const maxItems = 100_000

// readItem adds an item to a conversation, and returns it as it is stored.
func (t *talk) readItem(o *wire.Object) storedItem {
	switch kind := o.Text("type"); kind {
	case "", "message":
		return t.readMessageItem(o)
	case "reasoning":
		return t.readReasoning(o)
	case "function_call":
		return t.readCall(o)
	case "function_call_output":
		return t.readResult(o)
	case "item_reference":
		return t.readReference(o)
	default:
		o.Refuse("type", "%s is %s, which is not supported here", o.Path("type"), wire.Quote(kind))
	}
	return storedItem{}
}

// idOr returns the id of an item, or a new one.
func idOr(o *wire.Object, prefix string) string {
	if id := readName(o, "id"); id != "" {
		return id
	}
	return wire.NewID(prefix)
}

func (t *talk) readMessageItem(o *wire.Object) storedItem {
	need(o, "role")
	m := messageItem{
		ID: idOr(o, "msg_"), Type: "message", Status: completed, Role: o.OneOf("role", "user", "assistant", "system", "developer"), Content: []textPart{},
	}
	if m.Role == "" {
		o.Refuse("role", "%s is empty", o.Path("role"))
	}
	if !need(o, "content") {
		return storedItem{}
	}
	v, _ := o.Get("content")
	texts := readTexts(v)
	for _, text := range texts {
		if m.Role == "assistant" {
			m.Content = append(m.Content, outputText(text, nil))
		} else {
			m.Content = append(m.Content, textPart{Type: "input_text", Text: text})
		}
	}
	t.say(m.Role, texts)
	return newStoredItem(m.ID, m)
}

// readTexts returns the texts of a string, or of a list of parts.
func readTexts(v wire.Value) []string {
	if v.IsText() {
		return []string{v.Text()}
	}
	if !v.IsArray() {
		v.Refuse("%s is neither a string nor a list of parts", v.Path())
		return nil
	}
	var texts []string
	for _, one := range v.Array(maxParts) {
		p := one.Object()
		if p == nil || !need(p, "type") {
			return nil
		}
		switch kind := p.Text("type"); kind {
		case "input_text", "output_text", "text", "summary_text", "reasoning_text":
			need(p, "text")
			texts = append(texts, p.Text("text"))
		case "refusal":
			texts = append(texts, p.Text("refusal"))
		default:
			p.Refuse("type", "%s is %s, and the models here take text only", p.Path("type"), wire.Quote(kind))
			return nil
		}
	}
	return texts
}

// readReasoning reads what the model thought. Where that was sealed elsewhere there is
// nothing to be shown.
func (t *talk) readReasoning(o *wire.Object) storedItem {
	m := reasoningItem{ID: idOr(o, "rs_"), Type: "reasoning", Status: completed}
	m.Summary, m.Content = readParts(o, "summary", "summary_text"), readParts(o, "content", "reasoning_text")
	shown := m.Content
	if len(shown) == 0 {
		shown = m.Summary
	}
	t.think(shown)
	return newStoredItem(m.ID, m)
}

// readParts reads parts of one type.
func readParts(o *wire.Object, name, kind string) []textPart {
	parts := []textPart{}
	if v, ok := get(o, name); ok {
		for _, text := range readTexts(v) {
			parts = append(parts, textPart{Type: kind, Text: text})
		}
	}
	return parts
}

func (t *talk) readCall(o *wire.Object) storedItem {
	need(o, "call_id")
	need(o, "name")
	m := callItem{
		ID: idOr(o, "fc_"), Type: "function_call", CallID: readName(o, "call_id"), Name: readName(o, "name"), Arguments: o.Text("arguments"),
		Status: or(o.OneOf("status", completed, incomplete, inProgress), completed),
	}
	t.call(m)
	return newStoredItem(m.ID, m)
}

func (t *talk) readResult(o *wire.Object) storedItem {
	need(o, "call_id")
	m := resultItem{ID: idOr(o, "fco_"), Type: "function_call_output", CallID: readName(o, "call_id"), Status: completed}
	if v, ok := o.Get("output"); ok {
		m.Output = joined(readTexts(v))
	} else {
		need(o, "output")
	}
	t.result(m)
	return newStoredItem(m.ID, m)
}

// readReference reads an item that a response has.
func (t *talk) readReference(o *wire.Object) storedItem {
	need(o, "id")
	id := readName(o, "id")
	if o.Err() != nil {
		return storedItem{}
	}
	body, err := t.find(id)
	if err != nil {
		t.fail(err)
		return storedItem{}
	}
	return t.again(storedItem{id, body})
}
