package output

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/blitz-r1/blitz/chat"
)

// Output is a whole text in its parts. What is empty is nil, and null in JSON;
// no calls are an empty list there.
type Output struct {
	ReasoningContent *string         `json:"reasoning_content"`
	Content          *string         `json:"content"`
	ToolCalls        []chat.ToolCall `json:"tool_calls"`
}

// MarshalJSON writes {"reasoning_content", "content", "tool_calls"}.
func (o Output) MarshalJSON() ([]byte, error) {
	type plain Output // has no MarshalJSON
	if o.ToolCalls == nil {
		o.ToolCalls = []chat.ToolCall{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(plain(o)); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// Collector adds up the increments of one Parser. The zero value is ready.
type Collector struct {
	reasoning, content strings.Builder
	calls              []collectedCall
}

type collectedCall struct {
	name, id  string
	arguments *strings.Builder
}

// Add appends increments, which must come in the order they were given out.
func (c *Collector) Add(deltas []Delta) {
	for _, d := range deltas {
		switch d.Kind {
		case DeltaReasoning:
			c.reasoning.WriteString(d.Text)
		case DeltaContent:
			c.content.WriteString(d.Text)
		case DeltaCall:
			c.calls = append(c.calls, collectedCall{d.Name, d.ID, new(strings.Builder)})
		case DeltaArguments:
			c.calls[d.Index].arguments.WriteString(d.Text)
		}
	}
}

// Output is what was added so far.
func (c *Collector) Output() Output {
	var o Output
	if c.reasoning.Len() > 0 {
		s := c.reasoning.String()
		o.ReasoningContent = &s
	}
	if c.content.Len() > 0 {
		s := c.content.String()
		o.Content = &s
	}
	for _, call := range c.calls {
		o.ToolCalls = append(o.ToolCalls, chat.ToolCall{Name: call.name, Arguments: call.arguments.String(), ID: call.id})
	}
	return o
}
