package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/jinja"
)

// ask returns what a model is asked for an answer to a conversation. The error is a
// *wire.Error.
func (u *UI) ask(ctx context.Context, p *history.Parameters, messages []chat.Message) (*inference.Request, error) {
	r := &inference.Request{
		Model: p.Model, Messages: messages,
		Sampling: inference.Sampling{Temperature: p.Temperature, TopP: p.TopP, MinP: p.MinP, RepeatPenalty: p.RepeatPenalty, Seed: p.Seed},
	}
	if r.Model == "" {
		var err error
		if r.Model, err = u.offered(ctx); err != nil {
			return nil, err
		}
	}
	if p.System != "" {
		r.Messages = append([]chat.Message{chat.System(p.System)}, messages...)
	}
	if p.TopK != nil {
		r.Sampling.TopK = new(int64(*p.TopK))
	}
	if p.MaxTokens != nil {
		r.MaxTokens = *p.MaxTokens
	}
	r.Think = think(p)
	if schema := bytes.TrimSpace(p.Schema); len(schema) > 0 {
		r.Format = inference.Format{Schema: schema, Param: "schema"}
	}
	return r, u.addTools(ctx, p, r)
}

// think returns what of reasoning is wanted.
func think(p *history.Parameters) blitz.Think {
	var t blitz.Think
	switch p.Reasoning {
	case "on":
		t.Mode = blitz.ThinkOn
	case "off":
		return blitz.Think{Mode: blitz.ThinkOff}
	}
	switch {
	case p.ReasoningBudget == nil:
	case *p.ReasoningBudget == 0:
		return blitz.Think{Mode: blitz.ThinkOff}
	default:
		t.Budget = *p.ReasoningBudget
	}
	return t
}

// addTools adds the tools of the person and of the servers that the person chose.
func (u *UI) addTools(ctx context.Context, p *history.Parameters, r *inference.Request) error {
	names := map[string]bool{}
	if tools := bytes.TrimSpace(p.Tools); len(tools) > 0 {
		if err := readTools(tools, names, r); err != nil {
			return err
		}
	}
	if len(p.MCP) == 0 {
		return nil
	}
	if u.o.Tools == nil {
		return wire.Refuse("mcp", "this server has no servers of tools")
	}
	tools, err := u.o.Tools(ctx, p.MCP)
	if err != nil {
		return err
	}
	text, err := json.Marshal(tools)
	if err != nil {
		return err
	}
	return readTools(text, names, r)
}

// readTools reads a list of tools in OpenAI's form. names are those that there are.
func readTools(list []byte, names map[string]bool, r *inference.Request) error {
	o, err := wire.Parse(append(append([]byte(`{"tools":`), list...), '}'))
	if err != nil {
		return wire.Refuse("tools", "tools cannot be read: %s", err)
	}
	for _, v := range o.Array("tools", inference.MaxTools) {
		t := v.Object()
		if t == nil {
			break
		}
		t.OneOf("type", "function")
		f := t.Object("function")
		if f == nil {
			t.Refuse("function", "%s is missing", t.Path("function"))
			break
		}
		name, tool := inference.ReadFunction(f)
		if names[name] {
			f.Refuse("name", "%s is %s, which another tool is called, too", f.Path("name"), wire.Quote(name))
		}
		names[name] = true
		if f.True("strict") {
			r.Calls.Strict = append(r.Calls.Strict, name)
		}
		r.Tools = append(r.Tools, tool)
	}
	r.Calls.Param = "tools"
	return o.Err()
}

// conversation returns what a model reads of a path of messages: from the last cut on it,
// whose summary stands for what was before.
func conversation(cuts []history.Cut, path []history.Message) []chat.Message {
	from, summary := lastCut(cuts, path)
	path = path[from:]
	var list []chat.Message
	if summary != "" && (len(path) == 0 || path[0].Role != history.User) {
		list = append(list, chat.User(summarised(summary)))
		summary = ""
	}
	for i := range path {
		m := &path[i]
		switch m.Role {
		case history.User:
			text := userText(m)
			if summary != "" { // in one message with what follows: many templates want turns to alternate
				text, summary = summarised(summary)+"\n\n"+text, ""
			}
			list = append(list, chat.User(text))
		case history.Tool:
			for _, result := range m.Results {
				list = append(list, chat.Message{Role: "tool", Name: result.Name, ToolCallID: result.Call, Content: jinja.String(result.Content)})
			}
		default:
			answered := i+1 < len(path) && path[i+1].Role == history.Tool
			list = append(list, said(m, answered))
		}
	}
	return list
}

// said returns what a model said. Calls that nobody answered are left out: no template
// goes on behind them.
func said(m *history.Message, answered bool) chat.Message {
	x := chat.Message{Role: "assistant", ReasoningContent: m.Reasoning}
	if answered {
		for _, c := range m.Calls {
			x.ToolCalls = append(x.ToolCalls, chat.ToolCall{ID: c.ID, Name: c.Name, Arguments: c.Arguments})
		}
	}
	if m.Content != "" || len(x.ToolCalls) == 0 {
		x.Content = jinja.String(m.Content)
	}
	return x
}

// lastCut returns where on a path the last cut is, and its summary.
func lastCut(cuts []history.Cut, path []history.Message) (from int, summary string) {
	for i := len(path) - 1; i >= 0; i-- {
		for _, c := range cuts {
			if c.At == path[i].ID {
				return i, c.Summary
			}
		}
	}
	return 0, ""
}

func summarised(summary string) string {
	return "This is what was said before, in short:\n\n" + summary
}

// userText returns what a person said, behind the files that came with it.
func userText(m *history.Message) string {
	if len(m.Files) == 0 {
		return m.Content
	}
	var text strings.Builder
	for _, f := range m.Files {
		fence := history.Fence(f.Text)
		text.WriteString("File " + f.Name + ":\n" + fence + "\n" + f.Text)
		if !strings.HasSuffix(f.Text, "\n") {
			text.WriteByte('\n')
		}
		text.WriteString(fence + "\n\n")
	}
	text.WriteString(m.Content)
	return text.String()
}
