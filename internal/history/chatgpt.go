package history

import (
	"encoding/json"
	"regexp"
	"strings"
)

// gptNode is a node of the mapping in ChatGPT's conversations.json.
type gptNode struct {
	Parent   word               `json:"parent"`
	Children loose[[]string]    `json:"children"`
	Message  loose[*gptMessage] `json:"message"`
}

type gptMessage struct {
	Author struct {
		Role string        `json:"role"`
		Name loose[string] `json:"name"`
	} `json:"author"`
	Created   moment             `json:"create_time"`
	Content   loose[gptContent]  `json:"content"`
	Status    loose[string]      `json:"status"`
	Weight    loose[*float64]    `json:"weight"`
	Recipient loose[string]      `json:"recipient"`
	Metadata  loose[gptMetadata] `json:"metadata"`
}

type gptMetadata struct {
	Hidden      loose[bool]   `json:"is_visually_hidden_from_conversation"`
	Model       loose[string] `json:"model_slug"`
	Attachments loose[[]struct {
		Name loose[string] `json:"name"`
		Size loose[int64]  `json:"size"`
	}] `json:"attachments"`
}

// gptContent is what a message says; which fields it has depends on Type.
type gptContent struct {
	Type     string                   `json:"content_type"`
	Parts    loose[[]json.RawMessage] `json:"parts"`
	Text     loose[string]            `json:"text"`
	Language loose[string]            `json:"language"`
	Result   loose[string]            `json:"result"`
	Content  loose[string]            `json:"content"`
	Title    loose[string]            `json:"title"`
	URL      loose[string]            `json:"url"`
	Thoughts loose[[]struct {
		Summary loose[string] `json:"summary"`
		Content loose[string] `json:"content"`
	}] `json:"thoughts"`
}

// readMapping reads the nodes of one of ChatGPT's conversations.
func (g *graph) readMapping(in *input) error {
	g.form, g.joins = "chatgpt", true
	return in.object(func(key string) error {
		var n gptNode
		if err := in.value(&n, maxValue); err != nil {
			return err
		}
		return g.add(in, n.vertex(key))
	})
}

// vertex returns the node of a tree.
func (n *gptNode) vertex(id string) *vertex {
	v := &vertex{id: id, parent: string(n.Parent), children: n.Children.V, hidden: true}
	m := n.Message.V
	if m == nil {
		return v
	}
	meta := &m.Metadata.V
	v.Created, v.Model = Time(m.Created), cutBytes(meta.Model.V, maxName)
	v.Content, v.Reasoning = m.Content.V.text()
	for _, a := range meta.Attachments.V {
		if name := oneLine(a.Name.V, 200); name != "" && len(v.Files) < maxFiles {
			v.Files = append(v.Files, FileText{Name: name, Bytes: max(a.Size.V, 0)})
		}
	}
	empty := strings.TrimSpace(v.Content) == "" && v.Reasoning == "" && len(v.Files) == 0
	unseen := m.Weight.V != nil && *m.Weight.V == 0
	v.hidden = empty || meta.Hidden.V
	switch m.Author.Role {
	case "user":
		v.Role = User
	case "system", "developer": // what the program tells the model
		v.hidden = true
	case "tool":
		v.Role, v.joined, v.hidden = Assistant, true, v.hidden || unseen
		if name := oneLine(m.Author.Name.V, 100); v.Content != "" && name != "" {
			v.Content = "*" + name + ":*\n\n" + v.Content
		}
	default:
		v.Role = Assistant
		v.joined = !v.hidden && !isFinal(m)
	}
	if v.Role == Assistant {
		v.Status = gptStatus(m.Status.V)
	}
	return v
}

// isFinal says whether a message ends an answer: it neither calls a tool nor thinks.
func isFinal(m *gptMessage) bool {
	to := m.Recipient.V
	return (to == "" || to == "all") && m.Content.V.Type != "thoughts"
}

func gptStatus(s string) Status {
	switch s {
	case "finished_partial_completion":
		return Length
	case "in_progress":
		return Interrupted
	}
	return Complete
}

// citations are marks for the program's own links.
var citations = regexp.MustCompile("\ue200[^\ue201]*\ue201")

// text returns what is said, and what was thought.
func (c *gptContent) text() (content, reasoning string) {
	switch c.Type {
	case "user_editable_context", "model_editable_context", "reasoning_recap": // not part of the conversation
		return "", ""
	case "thoughts":
		var all []string
		for _, t := range c.Thoughts.V {
			s := t.Content.V
			if t.Summary.V != "" {
				s = "**" + t.Summary.V + "**\n\n" + s
			}
			all = append(all, strings.TrimSpace(s))
		}
		return "", strings.Join(all, "\n\n")
	case "code":
		language := c.Language.V
		if language == "unknown" {
			language = ""
		}
		return fenced(language, c.Text.V+c.parts()), ""
	case "execution_output", "system_error":
		return fenced("", c.Text.V+c.parts()), ""
	case "tether_quote":
		return quoted(c.Title.V, c.URL.V, c.Text.V), ""
	}
	text := c.parts()
	for _, s := range []string{c.Text.V, c.Result.V, c.Content.V} {
		if text == "" {
			text = s
		}
	}
	return citations.ReplaceAllString(text, ""), ""
}

// parts returns the texts of which a message consists.
func (c *gptContent) parts() string {
	var all []string
	for _, raw := range c.Parts.V {
		var s string
		if json.Unmarshal(raw, &s) == nil {
			all = append(all, s)
			continue
		}
		var part struct {
			Type string        `json:"content_type"`
			Text loose[string] `json:"text"`
		}
		if json.Unmarshal(raw, &part) != nil {
			continue
		}
		switch {
		case part.Text.V != "":
			all = append(all, part.Text.V)
		case strings.HasPrefix(part.Type, "image"):
			all = append(all, "*(an image)*")
		}
	}
	return strings.Join(all, "\n")
}

// fenced returns a text as a block of code, between fences that are longer than those in
// it.
func fenced(language, text string) string {
	if text == "" {
		return ""
	}
	fence := Fence(text)
	return fence + oneLine(strings.ReplaceAll(language, "`", ""), 30) + "\n" + strings.TrimSuffix(text, "\n") + "\n" + fence
}

// Fence returns a fence of a block of code that the text within cannot end.
func Fence(text string) string {
	longest, run := 2, 0
	for i := range len(text) {
		if run++; text[i] != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	return strings.Repeat("`", longest+1)
}

// quoted returns a quotation.
func quoted(title, url, text string) string {
	head := strings.TrimSpace(title + "\n" + url)
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(head + "\n\n" + strings.TrimSpace(text))) {
		b.WriteString(strings.TrimRight("> "+line, " \r\n") + "\n")
	}
	return strings.TrimSpace(b.String())
}
