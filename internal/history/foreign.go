package history

import (
	"encoding/json"
	"html"
	"regexp"
	"strings"
)

// foreignMessage is a message of Open WebUI's, of llama.cpp's page, or of a plain list:
// their fields have the same names where they mean the same.
type foreignMessage struct {
	ID        word          `json:"id"`
	Parent    word          `json:"parent"`   // llama.cpp
	ParentID  word          `json:"parentId"` // Open WebUI
	Children  loose[[]word] `json:"children"`
	Children2 loose[[]word] `json:"childrenIds"`
	Role      loose[string] `json:"role"`
	Content   parts         `json:"content"`
	Timestamp moment        `json:"timestamp"`
	Type      loose[string] `json:"type"` // llama.cpp: "root" of what is above all

	Thinking         loose[string]   `json:"thinking"`
	ReasoningContent loose[string]   `json:"reasoningContent"`
	Reasoning        loose[string]   `json:"reasoning_content"`
	ToolCalls        json.RawMessage `json:"toolCalls"` // llama.cpp: a text that is JSON
	ToolCalls2       json.RawMessage `json:"tool_calls"`
	ToolCallID       word            `json:"toolCallId"`
	ToolCallID2      word            `json:"tool_call_id"`

	Model     loose[string]         `json:"model"`
	ModelName loose[string]         `json:"modelName"`
	Name      loose[string]         `json:"name"`
	Done      loose[*bool]          `json:"done"`
	Error     json.RawMessage       `json:"error"`
	Extra     loose[[]foreignExtra] `json:"extra"`
	Files     loose[[]foreignFile]  `json:"files"`
}

// foreignExtra is a file of llama.cpp's page.
type foreignExtra struct {
	Name    loose[string] `json:"name"`
	Content loose[string] `json:"content"`
	Size    loose[int64]  `json:"size"`
}

// foreignFile is a file of Open WebUI's.
type foreignFile struct {
	Name loose[string] `json:"name"`
	Size loose[int64]  `json:"size"`
	File loose[struct {
		Filename loose[string] `json:"filename"`
		Data     loose[struct {
			Content loose[string] `json:"content"`
		}] `json:"data"`
	}] `json:"file"`
}

// foreignCall is a call in OpenAI's form.
type foreignCall struct {
	ID       word `json:"id"`
	Function struct {
		Name      loose[string]   `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"function"`
}

// vertex returns the node of a tree. names has the tools of the calls that were met so
// far, by the calls' ids.
func (f *foreignMessage) vertex(id string, names map[string]string) *vertex {
	v := &vertex{id: id, parent: string(f.ParentID), root: f.Type.V == "root"}
	if v.parent == "" {
		v.parent = string(f.Parent)
	}
	if v.parent == "-1" { // llama.cpp: above all
		v.parent = ""
	}
	for _, c := range append(f.Children.V, f.Children2.V...) {
		v.children = append(v.children, string(c))
	}
	v.Created = Time(f.Timestamp)
	v.Content = strings.ReplaceAll(string(f.Content), "\r\n", "\n")
	v.addFiles(f)
	switch strings.ToLower(f.Role.V) {
	case "user", "human":
		v.Role = User
	case "system", "developer":
		v.Role, v.hidden = "system", true
	case "tool", "function":
		call := string(f.ToolCallID + f.ToolCallID2)
		name := f.Name.V
		if name == "" {
			name = names[call]
		}
		v.Role, v.Results = Tool, []Result{{Call: cutBytes(call, maxName), Name: cutBytes(name, maxName), Content: v.Content}}
		v.Content = ""
		return v
	default:
		v.Role = Assistant
		v.answer(f, names)
	}
	v.hidden = v.hidden || v.root || strings.TrimSpace(v.Content) == "" && v.Reasoning == "" && len(v.Files) == 0 && len(v.Calls) == 0 && v.Error == ""
	return v
}

// answer fills what an answer has.
func (v *vertex) answer(f *foreignMessage, names map[string]string) {
	v.Model = f.ModelName.V
	if v.Model == "" {
		v.Model = f.Model.V
	}
	v.Model = cutBytes(v.Model, maxName)
	v.Reasoning = f.Thinking.V + f.ReasoningContent.V + f.Reasoning.V
	v.Content = takeReasoning(v.Content, &v.Reasoning)
	for _, raw := range []json.RawMessage{f.ToolCalls, f.ToolCalls2} {
		v.Calls = append(v.Calls, foreignCalls(raw)...)
	}
	v.Calls = v.Calls[:min(len(v.Calls), maxCalls)]
	for _, c := range v.Calls {
		names[c.ID] = c.Name
	}
	v.Status = Complete
	if f.Done.V != nil && !*f.Done.V {
		v.Status = Interrupted
	}
	if said := foreignError(f.Error); said != "" {
		v.Status, v.Error = Failed, said
	}
}

// addFiles fills the files of a message.
func (v *vertex) addFiles(f *foreignMessage) {
	add := func(name, text string, size int64) {
		if name = oneLine(name, 200); name == "" {
			name = "file"
		}
		if len(v.Files) < maxFiles {
			v.Files = append(v.Files, FileText{Name: name, Bytes: max(size, int64(len(text))), Text: text, Tokens: len(text) / 4})
		}
	}
	for _, x := range f.Extra.V {
		add(x.Name.V, x.Content.V, x.Size.V)
	}
	for _, x := range f.Files.V {
		name := x.Name.V
		if name == "" {
			name = x.File.V.Filename.V
		}
		add(name, x.File.V.Data.V.Content.V, x.Size.V)
	}
}

// parts is the text of a content, which is a string or a list of parts; of all else it is "".
type parts string

// UnmarshalJSON reads a content.
func (p *parts) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, (*string)(p))
	}
	var list []struct {
		Type loose[string] `json:"type"`
		Text loose[string] `json:"text"`
	}
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	var all []string
	for _, part := range list {
		switch {
		case part.Text.V != "":
			all = append(all, part.Text.V)
		case strings.HasPrefix(part.Type.V, "image"):
			all = append(all, "*(an image)*")
		}
	}
	*p = parts(strings.Join(all, "\n"))
	return nil
}

// foreignCalls returns calls in OpenAI's form, as they are or as a text that is JSON.
func foreignCalls(raw json.RawMessage) []Call {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		raw = json.RawMessage(s)
	}
	var list []foreignCall
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	var calls []Call
	for _, c := range list {
		arguments := string(c.Function.Arguments)
		if text := ""; json.Unmarshal(c.Function.Arguments, &text) == nil {
			arguments = text
		}
		if c.Function.Name.V != "" {
			calls = append(calls, Call{ID: cutBytes(string(c.ID), maxName), Name: cutBytes(c.Function.Name.V, maxName), Arguments: arguments})
		}
	}
	return calls
}

// foreignError returns what went wrong with an answer; "" where nothing did.
func foreignError(raw json.RawMessage) string {
	var text string
	var said struct {
		Content loose[string] `json:"content"`
		Message loose[string] `json:"message"`
	}
	var failed bool
	switch {
	case json.Unmarshal(raw, &text) == nil:
	case json.Unmarshal(raw, &said) == nil:
		text = said.Content.V + said.Message.V
	case json.Unmarshal(raw, &failed) == nil && failed:
		text = "it failed"
	}
	return cutBytes(text, maxError)
}

// Reasoning as it stands within texts: of Open WebUI, of models, and of llama.cpp's page.
var (
	detailsBlock = regexp.MustCompile(`(?s)<details type="([a-z_]+)"([^>]*)>(.*?)</details>\n?`)
	summaryBlock = regexp.MustCompile(`(?s)^\s*<summary>.*?</summary>\n?`)
	thinkBlock   = regexp.MustCompile(`(?s)^\s*<think(?:ing)?>(.*?)</think(?:ing)?>\s*`)
	markedBlock  = regexp.MustCompile(`(?s)<<<reasoning_content_start>>>(.*?)<<<reasoning_content_end>>>\s*`)
	attribute    = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)
)

// takeReasoning returns a text without the reasoning that stands in it, which is added to
// reasoning. Calls that Open WebUI has in a text become code.
func takeReasoning(text string, reasoning *string) string {
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" && *reasoning != "" {
			s = "\n\n" + s
		}
		*reasoning += s
	}
	text = detailsBlock.ReplaceAllStringFunc(text, func(block string) string {
		m := detailsBlock.FindStringSubmatch(block)
		inner := summaryBlock.ReplaceAllString(m[3], "")
		switch m[1] {
		case "reasoning":
			add(unquoted(inner))
			return ""
		case "tool_calls":
			return calledText(m[2])
		}
		return inner
	})
	for _, form := range []*regexp.Regexp{thinkBlock, markedBlock} {
		text = form.ReplaceAllStringFunc(text, func(block string) string {
			add(form.FindStringSubmatch(block)[1])
			return ""
		})
	}
	return text
}

// unquoted returns a quotation's text.
func unquoted(text string) string {
	var b strings.Builder
	for line := range strings.Lines(html.UnescapeString(strings.TrimSpace(text))) {
		line = strings.TrimPrefix(line, ">")
		b.WriteString(strings.TrimPrefix(line, " "))
	}
	return b.String()
}

// calledText returns a call and its result, from the attributes of Open WebUI's element.
func calledText(attributes string) string {
	values := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(attributes, -1) {
		v := html.UnescapeString(m[2])
		var inner string
		if json.Unmarshal([]byte(v), &inner) == nil { // a text that is JSON
			v = inner
		}
		values[m[1]] = v
	}
	text := "*" + oneLine(values["name"], 100) + ":*\n\n" + fenced("json", values["arguments"]) + "\n\n"
	if values["result"] != "" {
		text += fenced("", values["result"]) + "\n\n"
	}
	return text
}
