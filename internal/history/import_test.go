package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// outline writes a chat's tree, a line a message with as many dashes as it is deep.
func outline(c Chat, list []Message) string {
	depth := map[string]int{}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s", c.Title)
	if c.Pinned {
		b.WriteString(" (pinned)")
	}
	if c.Parameters.System != "" {
		fmt.Fprintf(&b, " (system: %s)", c.Parameters.System)
	}
	b.WriteString("\n")
	for _, m := range list {
		depth[m.ID] = depth[m.Parent] + 1
		fmt.Fprintf(&b, "%s %s: %q", strings.Repeat("-", depth[m.ID]), m.Role, m.Content)
		for _, x := range []struct{ name, text string }{{"model", m.Model}, {"thought", m.Reasoning}, {"error", m.Error}} {
			if x.text != "" {
				fmt.Fprintf(&b, " %s=%q", x.name, x.text)
			}
		}
		for _, f := range m.Files {
			fmt.Fprintf(&b, " file=%s:%q", f.Name, f.Text)
		}
		for _, x := range m.Calls {
			fmt.Fprintf(&b, " call=%s:%s(%s)", x.ID, x.Name, x.Arguments)
		}
		for _, x := range m.Results {
			fmt.Fprintf(&b, " result=%s:%s:%q", x.Call, x.Name, x.Content)
		}
		if m.Role == Assistant && m.Status != Complete {
			fmt.Fprintf(&b, " %s", m.Status)
		}
		if m.ID == c.Leaf {
			b.WriteString(" <")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// everything outlines all chats of a tenant, the oldest first.
func everything(t testing.TB, s *Store) string {
	t.Helper()
	chats, _, err := s.List(t.Context(), me, maxList, 0)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(chats, func(a, b Chat) int {
		return strings.Compare(fmt.Sprint(a.Created, a.Title), fmt.Sprint(b.Created, b.Title))
	})
	out := ""
	for _, c := range chats {
		c, list, err := s.Path(t.Context(), me, c.ID, c.Leaf)
		_ = list
		if err != nil && !errors.Is(err, ErrUnknown) {
			t.Fatal(err)
		}
		c, all := get(t, s, c.ID)
		for i := range all {
			for _, m := range list {
				if m.ID == all[i].ID {
					all[i].Files = m.Files
				}
			}
		}
		out += outline(c, all)
	}
	return out
}

// foreignFiles are files of strangers, and what becomes of them.
var foreignFiles = []struct{ name, file, want string }{
	{
		"ChatGPT, with versions in the order of the children", `[{"title": "From <b>GPT</b>", "create_time": 1700000000.5, "update_time": 1700000009.25, "is_starred": true, "mapping": {
		"b2": {"id": "b2", "parent": "a", "children": [], "message": {"author": {"role": "assistant"}, "create_time": 1700000004, "content": {"content_type": "text", "parts": ["new"]}, "metadata": {"model_slug": "gpt-4o"}}},
		"a": {"id": "a", "parent": "sys", "children": ["b1", "b2"], "message": {"author": {"role": "user"}, "create_time": 1700000001, "content": {"content_type": "text", "parts": ["question", "more"]}}},
		"b1": {"id": "b1", "parent": "a", "children": [], "message": {"author": {"role": "assistant"}, "content": {"content_type": "text", "parts": ["old \ue200cite\ue202turn0\ue201."]}}},
		"sys": {"id": "sys", "parent": "root", "children": ["a"], "message": {"author": {"role": "system"}, "content": {"content_type": "text", "parts": [""]}}},
		"root": {"id": "root", "parent": null, "children": ["sys"], "message": null}},
		"moderation_results": [], "current_node": "b1", "conversation_id": "c1", "extra": {"deep": [[[1]]]}}]`,
		"# From <b>GPT</b> (pinned)\n- user: \"question\\nmore\"\n-- assistant: \"old .\" <\n-- assistant: \"new\" model=\"gpt-4o\"\n",
	},
	{
		"ChatGPT, thinking and tools", `[{"title": "T", "create_time": 1700000000, "mapping": {
		"u": {"parent": null, "message": {"author": {"role": "user"}, "content": {"content_type": "multimodal_text", "parts": [{"content_type": "image_asset_pointer", "asset_pointer": "x"}, "see", {"content_type": "audio_transcription", "text": "said"}]}, "metadata": {"attachments": [{"name": "a.csv", "size": 12}]}}},
		"ctx": {"parent": "u", "message": {"author": {"role": "user"}, "content": {"content_type": "user_editable_context", "user_profile": "p"}, "metadata": {"is_visually_hidden_from_conversation": true}}},
		"th": {"parent": "ctx", "message": {"author": {"role": "assistant"}, "content": {"content_type": "thoughts", "thoughts": [{"summary": "Plan", "content": "do it"}]}}},
		"code": {"parent": "th", "message": {"author": {"role": "assistant"}, "recipient": "python", "content": {"content_type": "code", "language": "python", "text": "print('` + "```" + `')"}}},
		"out": {"parent": "code", "message": {"author": {"role": "tool", "name": "python"}, "content": {"content_type": "execution_output", "text": "ok"}}},
		"recap": {"parent": "out", "message": {"author": {"role": "assistant"}, "content": {"content_type": "reasoning_recap", "content": "Thought for 6s"}}},
		"end": {"parent": "recap", "message": {"author": {"role": "assistant"}, "recipient": "all", "content": {"content_type": "text", "parts": ["done"]}, "status": "finished_partial_completion"}},
		"u2": {"parent": "end", "message": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["stop"]}}},
		"half": {"parent": "u2", "message": {"author": {"role": "assistant"}, "recipient": "browser", "content": {"content_type": "code", "language": "unknown", "text": "search()"}}},
		"u3": {"parent": "half", "message": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["again"]}}}},
		"current_node": "out"}]`,
		"# T\n- user: \"*(an image)*\\nsee\\nsaid\" file=a.csv:\"\"\n" +
			"-- assistant: \"````python\\nprint('```')\\n````\\n\\n*python:*\\n\\n```\\nok\\n```\\n\\ndone\" thought=\"**Plan**\\n\\ndo it\" length <\n" +
			"--- user: \"stop\"\n---- assistant: \"```\\nsearch()\\n```\"\n----- user: \"again\"\n",
	},
	{
		"ChatGPT, an answer in two pieces, one of them written twice", `{"title": "", "mapping": {
		"u": {"message": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["first line\nsecond"]}}},
		"a": {"parent": "u", "message": {"author": {"role": "assistant"}, "content": {"content_type": "text", "parts": ["one"]}}},
		"b": {"parent": "a", "message": {"author": {"role": "assistant"}, "content": {"content_type": "text", "parts": ["two"]}}},
		"c": {"parent": "a", "message": {"author": {"role": "assistant"}, "content": {"content_type": "text", "parts": ["three"]}}}}}`,
		"# first line\n- user: \"first line\\nsecond\"\n-- assistant: \"one\\n\\ntwo\"\n-- assistant: \"one\\n\\nthree\" <\n",
	},
	{
		"Open WebUI", `[{"id": "ow", "user_id": "u", "title": "From OWUI", "pinned": true, "created_at": 1700000000, "updated_at": 1700000100, "chat": {"title": "inner", "params": {"system": "be kind"}, "timestamp": 1700000000123,
		"messages": [{"id": "x", "role": "user", "content": "left out"}],
		"history": {"currentId": "w2", "messages": {
			"w0": {"id": "w0", "parentId": null, "childrenIds": ["w2", "w1"], "role": "user", "content": "q", "timestamp": 1700000000, "files": [{"type": "file", "file": {"filename": "n.txt", "data": {"content": "abc"}}}]},
			"w1": {"id": "w1", "parentId": "w0", "childrenIds": [], "role": "assistant", "content": "<details type=\"reasoning\" done=\"true\" duration=\"13\">\n<summary>Thought for 13 seconds</summary>\n> it is &gt; 1\n> so\n</details>\nyes", "model": "m", "modelName": "M"},
			"w2": {"id": "w2", "parentId": "w0", "childrenIds": [], "role": "assistant", "content": "<details type=\"tool_calls\" done=\"true\" id=\"c\" name=\"f\" arguments=\"&quot;{}&quot;\" result=\"&quot;out&quot;\">\n<summary>Tool</summary>\n</details>\nno", "error": {"content": "it broke"}, "done": true}}}}}]`,
		"# From OWUI (pinned) (system: be kind)\n- user: \"q\" file=n.txt:\"abc\"\n-- assistant: \"*f:*\\n\\n```json\\n{}\\n```\\n\\n```\\nout\\n```\\n\\nno\" error=\"it broke\" failed <\n-- assistant: \"yes\" model=\"M\" thought=\"it is > 1\\nso\"\n",
	},
	{
		"Open WebUI, a list alone", `{"chat": {"title": "old", "messages": [{"role": "user", "content": [{"type": "text", "text": "q"}, {"type": "image_url"}]}, {"role": "assistant", "content": "<think>hm</think>\n\na", "done": false}]}}`,
		"# old\n- user: \"q\\n*(an image)*\"\n-- assistant: \"a\" thought=\"hm\" interrupted <\n",
	},
	{
		"llama.cpp", `{"conv": {"id": "lc1", "name": "From llama.cpp", "lastModified": 1700000000000, "currNode": "r4"}, "messages": [
		{"id": "r0", "convId": "lc1", "type": "root", "timestamp": 1700000000000, "role": "system", "content": "", "parent": "-1", "thinking": "", "toolCalls": "", "children": ["s"]},
		{"id": "s", "type": "system", "role": "system", "content": "be brief", "parent": "r0"},
		{"id": "r1", "type": "text", "role": "user", "content": "q", "parent": "s", "extra": [{"type": "TEXT", "name": "a.txt", "content": "abc"}, {"type": "IMAGE", "name": "i.png", "base64Url": "data:"}]},
		{"id": "r2", "type": "text", "role": "assistant", "content": "", "parent": "r1", "reasoningContent": "hm", "model": "m.gguf", "toolCalls": "[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]"},
		{"id": "r3", "type": "text", "role": "tool", "content": "42", "parent": "r2", "toolCallId": "c1"},
		{"id": "r4", "type": "text", "role": "assistant", "content": "it is 42", "parent": "r3", "thinking": ""}]}`,
		"# From llama.cpp (system: be brief)\n- user: \"q\" file=a.txt:\"abc\" file=i.png:\"\"\n-- assistant: \"\" model=\"m.gguf\" thought=\"hm\" call=c1:f({\"a\":1})\n--- tool: \"\" result=c1:f:\"42\"\n---- assistant: \"it is 42\" <\n",
	},
	{
		"llama.cpp, numbers as ids, lines of JSON", `{"conv": {"id": "a", "name": "one", "currNode": 3}, "messages": [{"id": 1, "type": "root", "parent": -1, "role": "system", "content": ""}, {"id": 2, "parent": 1, "role": "user", "content": "x"}, {"id": 3, "parent": 2, "role": "assistant", "content": "y"}]}
		{"conv": {"id": "b", "name": "two"}, "messages": [{"id": 7, "parent": null, "role": "user", "content": "z"}]}`,
		"# one\n- user: \"x\"\n-- assistant: \"y\" <\n# two\n- user: \"z\" <\n",
	},
	{
		"llama.cpp before it had trees", `[{"id": "conv-1700000000000", "lastModified": 1700000000000, "messages": [{"id": 1, "role": "user", "content": "q"}, {"id": 2, "role": "assistant", "content": "a"}]}]`,
		"# q\n- user: \"q\"\n-- assistant: \"a\" <\n",
	},
	{
		"a parent that is missing", `{"messages": [{"id": "b", "parent": "gone", "role": "user", "content": "x"}, {"id": "c", "parent": "b", "role": "assistant", "content": "y"}]}`,
		"# x\n- user: \"x\"\n-- assistant: \"y\" <\n",
	},
	{"text that is no UTF-8, and a mark in front", "\xef\xbb\xbf" + `{"messages": [{"role": "user", "content": "a` + "\xff" + `b"}]}`, "# ab\n- user: \"a\ufffdb\" <\n"},
	{"a chat without messages beside another one", `[{"title": "none", "mapping": {"root": {"id": "root"}}}, {"messages": [{"role": "user", "content": "x"}]}]`, "# x\n- user: \"x\" <\n"},
	{"one chat twice", `[{"id": "a", "messages": [{"role": "user", "content": "x"}]}, {"id": "a", "messages": [{"role": "user", "content": "x"}]}]`, "# x\n- user: \"x\" <\n"},
}

// What strangers exported is taken in, and taken in again it adds nothing.
func TestImport(t *testing.T) {
	for _, x := range foreignFiles {
		s, _ := open(t)
		done, err := s.Import(t.Context(), me, strings.NewReader(x.file))
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		if got := everything(t, s); got != x.want {
			t.Errorf("%s:\ngot  %q\nwant %q", x.name, got, x.want)
		}
		if again, err := s.Import(t.Context(), me, strings.NewReader(x.file)); err != nil || again.Chats != 0 || again.Messages != 0 || again.Known != done.Chats {
			t.Errorf("%s, again: %+v, %v; want %d known", x.name, again, err, done.Chats)
		}
		if got := everything(t, s); got != x.want {
			t.Errorf("%s, again:\ngot  %q\nwant %q", x.name, got, x.want)
		}
	}
}

// A file that went on since it was taken in adds what is new.
func TestImportMore(t *testing.T) {
	s, _ := open(t)
	for i, x := range []struct{ file, want string }{
		{`[{"id": "a", "title": "T", "create_time": 1700000000, "mapping": {"u": {"message": {"author": {"role": "user"}, "content": {"parts": ["q"]}}}}}]`, "{Chats:1 Messages:1 Known:0}"},
		{`[{"id": "a", "title": "T2", "create_time": 1700000000, "mapping": {"u": {"message": {"author": {"role": "user"}, "content": {"parts": ["q"]}}},
			"v": {"parent": "u", "message": {"author": {"role": "assistant"}, "content": {"parts": ["more"]}}}}},
			{"id": "b", "title": "N", "mapping": {"u": {"message": {"author": {"role": "user"}, "content": {"parts": ["n"]}}}}}]`, "{Chats:1 Messages:2 Known:1}"},
	} {
		done, err := s.Import(t.Context(), me, strings.NewReader(x.file))
		if got := fmt.Sprintf("%+v", done); err != nil || got != x.want {
			t.Errorf("file %d: %s, %v; want %s", i, got, err, x.want)
		}
	}
	if got, want := everything(t, s), "# N\n- user: \"n\" <\n# T\n- user: \"q\" <\n-- assistant: \"more\"\n"; got != want && got != "# T\n- user: \"q\" <\n-- assistant: \"more\"\n# N\n- user: \"n\" <\n" {
		t.Errorf("got %q, want %q", got, want)
	}
	if found, err := s.Search(t.Context(), me, "more", 10); err != nil || len(found) != 1 {
		t.Errorf("%d found, %v", len(found), err)
	}
}

// badFiles are files that are refused.
var badFiles = []struct{ name, file, want string }{
	{"nothing", "", "empty"},
	{"spaces", " \n", "empty"},
	{"half an object", "{", "cut off"},
	{"something behind", "[]}", "invalid character"},
	{"no chats", "[]", "no chats"},
	{"another object", `{"a": 1}`, "no chat of a form"},
	{"an empty object", `{}`, "no chat of a form"},
	{"no JSON", "\xff\xfe\x00", "UTF-16"},
	{"text", "# Markdown", "invalid character"},
	{"a number", "7", "want an object"},
	{"null", "null", "want an object"},
	{"a list of lists", strings.Repeat("[", 20000), "want {"},
	{"deep within", `[{"x": ` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}]`, "depth"},
	{"deep chats", strings.Repeat(`{"chat": `, 20000), "depth"},
	{"a zip", "PK\x03\x04", "archive"},
	{"gzip", "\x1f\x8b\x08", "compressed"},
	{"a message that follows itself", `[{"title": "half x", "mapping": {"a": {"id": "a", "parent": "a", "children": ["a"], "message": null}}, "current_node": "a"}]`, "circle"},
	{"messages in a circle", `{"messages": [{"id": "x", "role": "user", "content": "x"}, {"id": "a", "parent": "b", "role": "user", "content": "a"}, {"id": "b", "parent": "a", "role": "user", "content": "b"}]}`, "circle"},
	{"an id twice", `{"messages": [{"id": "a", "parent": "b", "role": "user", "content": "x"}, {"id": "a", "role": "user", "content": "y"}]}`, "the id"},
	{"cut off", `[{"messages": [{"role": "user", "content": "x"}]}, {"messages": [{"role": "us`, "cut off"},
	{"a message that is none", `{"messages": ["x"]}`, "cannot unmarshal"},
	{"messages that are none", `{"messages": 7}`, "want messages"},
	{"a message of many pieces", `{"messages": [{"role": "user", "children": [` + strings.Repeat("1,", maxPieces) + `1]}]}`, "more than 100000 pieces"},
	{"files without an end", `{"messages": [{"role": "user", "files": [` + strings.Repeat("{},", maxPieces) + `{}]}]}`, "more than 100000 pieces"},
	{"ours, a message of many pieces", own(`{"id": "chat-0001", "title": "t", "messages": [{"id": "message-1", "role": "user", "files": [` + strings.Repeat("{},", maxPieces) + `{}]}]}`), "more than 100000 pieces"},
	{"ours, without a format", `{"version": 1, "chats": []}`, "format"},
	{"ours, of a later version", `{"format": "blitz-chats", "version": 2, "chats": []}`, "version is 2"},
	{"ours, empty", `{"format": "blitz-chats", "version": 1, "chats": []}`, "no chats"},
	{"ours, a bad id", own(`{"id": "x", "title": "t", "messages": []}`), "id"},
	{"ours, no title", own(`{"id": "chat-0001", "messages": []}`), "title"},
	{"ours, a chat twice", own(`{"id": "chat-0001", "title": "t", "messages": []}, {"id": "chat-0001", "title": "t", "messages": []}`), "two chats"},
	{"ours, a message twice", own(`{"id": "chat-0001", "title": "t", "messages": [{"id": "message-1", "role": "user"}, {"id": "message-1", "role": "user"}]}`), "two messages"},
	{"ours, a parent that is missing", own(`{"id": "chat-0001", "title": "t", "messages": [{"id": "message-1", "parent": "message-0", "role": "user"}]}`), "not before it"},
	{"ours, a bad role", own(`{"id": "chat-0001", "title": "t", "messages": [{"id": "message-1", "role": "system"}]}`), "role"},
	{"ours, a bad status", own(`{"id": "chat-0001", "title": "t", "messages": [{"id": "message-1", "role": "user", "status": "odd"}]}`), "status"},
	{"ours, a bad time", own(`{"id": "chat-0001", "title": "t", "created": "yesterday", "messages": []}`), "time"},
	{"ours, infinite figures", own(`{"id": "chat-0001", "title": "t", "messages": [{"id": "message-1", "role": "user", "figures": {"first_token_ms": -1}}]}`), "figures"},
	{"ours, null", own(`null`), "want a chat"},
}

// own returns an export with chats.
func own(chats string) string {
	return `{"format": "blitz-chats", "version": 1, "chats": [` + chats + `]}`
}

// A file that is at fault is refused in words, and changes nothing, be there good chats
// in front of the fault.
func TestImportRefused(t *testing.T) {
	s, _ := open(t)
	say(t, s, "chat-9999", "", "question-1", "answer-1", "was there", "yes")
	before := everything(t, s)
	for _, x := range badFiles {
		_, err := s.Import(t.Context(), me, strings.NewReader(x.file))
		if !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, want %q", x.name, err, x.want)
		}
		if rest, ok := strings.CutPrefix(x.file, "["); ok && x.name != "something behind" && x.name != "no chats" {
			_, err := s.Import(t.Context(), me, strings.NewReader(`[{"messages": [{"role": "user", "content": "good"}]}, `+rest))
			if !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), x.want) {
				t.Errorf("%s behind a good one: %v, want %q", x.name, err, x.want)
			}
		}
	}
	whole := foreignFiles[0].file
	for n := 1; n < len(whole); n += 13 {
		if _, err := s.Import(t.Context(), me, strings.NewReader(whole[:n])); !errors.Is(err, ErrFile) {
			t.Errorf("cut off behind %d bytes: %v", n, err)
		}
	}
	if after := everything(t, s); after != before {
		t.Errorf("afterwards: %s", after)
	}
	if found, err := s.Search(t.Context(), me, "good", 10); err != nil || len(found) != 0 {
		t.Errorf("%d found, %v", len(found), err)
	}
}

// Values that are larger than they may be are refused before they are in memory.
func TestImportLarge(t *testing.T) {
	s, _ := open(t)
	endless := func(head string) io.Reader { return io.MultiReader(strings.NewReader(head), &repeat{}) }
	for name, r := range map[string]io.Reader{
		"a title":   endless(`[{"title": "`),
		"a message": endless(`{"messages": [{"role": "user", "content": "`),
		"a key":     endless(`{"`),
		"spaces":    io.MultiReader(strings.NewReader(`[`), &repeat{space: true}),
		"our title": endless(`{"format": "blitz-chats", "version": 1, "chats": [{"title": "`),
	} {
		if testing.Short() && name == "a message" {
			continue
		}
		if _, err := s.Import(t.Context(), me, r); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), "larger") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// repeat is a file without an end.
type repeat struct{ space bool }

func (r *repeat) Read(p []byte) (int, error) {
	c := byte('x')
	if r.space {
		c = ' '
	}
	for i := range p {
		p[i] = c
	}
	return len(p), nil
}

// A file whose reading fails is given up with that error; so is one that is not wanted any
// more.
func TestImportFails(t *testing.T) {
	s, _ := open(t)
	gone := errors.New("the client is gone")
	r := io.MultiReader(strings.NewReader(`[{"messages": [{"role": "user", "content": "x"}]}, `), failing{gone})
	if _, err := s.Import(t.Context(), me, r); !errors.Is(err, gone) || errors.Is(err, ErrFile) {
		t.Errorf("%v, want %v", err, gone)
	}
	r = io.MultiReader(strings.NewReader(`{"format": "blitz-chats", "version": 2, "chats": `), failing{gone})
	if _, err := s.Import(t.Context(), me, r); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), "version is 2") {
		t.Errorf("a later version: %v, want to hear of it before all is read", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stop := io.MultiReader(strings.NewReader(`[{"messages": [{"role": "user", "content": "x"}]}`), calling{cancel}, strings.NewReader(`]`))
	if _, err := s.Import(ctx, me, stop); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's end", err)
	}
	if got := everything(t, s); got != "" {
		t.Errorf("afterwards: %s", got)
	}
	if done, err := s.Import(t.Context(), me, strings.NewReader(foreignFiles[0].file)); err != nil || done.Chats != 1 {
		t.Errorf("the next one: %+v, %v", done, err)
	}
}

// What counts as pieces stands outside of texts.
func TestPieces(t *testing.T) {
	many := strings.Repeat(`1,`, maxPieces-1)
	for raw, want := range map[string]int{
		"[1,2]":                             0, // too few commas to look
		"[" + many + "1,1]":                 maxPieces + 1,
		"[" + many + `",,\",\\"]`:           maxPieces,
		`["` + many + `,", {"a\",": 1}, 1]`: 3,
		`["` + many + `,,`:                  1, // no JSON, which others refuse
	} {
		if got := pieces([]byte(raw)); got != want {
			t.Errorf("%.10s… of %d bytes: %d pieces, want %d", raw, len(raw), got, want)
		}
	}
}

// A fence is longer than any in the text, and found in one pass.
func TestFence(t *testing.T) {
	for text, want := range map[string]int{"": 3, "x": 3, "``": 3, "```": 4, "a````b```": 5, strings.Repeat("`", 8<<20): 8<<20 + 1} {
		if got := Fence(text); len(got) != want || strings.Trim(got, "`") != "" {
			t.Errorf("%.10q… of %d bytes: a fence of %d, want %d", text, len(text), len(got), want)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type calling struct{ call func() }

func (c calling) Read([]byte) (int, error) {
	c.call()
	return 0, io.EOF
}

// While a file is taken in, its chats are nowhere, and others write.
func TestImportMeanwhile(t *testing.T) {
	s, _ := open(t)
	var many strings.Builder
	for i := range 3 * stageSteps {
		fmt.Fprintf(&many, `{"id": "%d", "messages": [{"role": "user", "content": "needle %d"}]},`, i, i)
	}
	looked := false
	look := calling{func() {
		looked = true
		say(t, s, "chat-0001", "", "question-1", "answer-1", "meanwhile", "yes")
		if got := everything(t, s); got != "# meanwhile\n- user: \"meanwhile\"\n-- assistant: \"yes\" model=\"puppet\" <\n" {
			t.Errorf("meanwhile: %s", got)
		}
		if found, err := s.Search(t.Context(), me, "needle", 10); err != nil || len(found) != 0 {
			t.Errorf("meanwhile %d are found, %v", len(found), err)
		}
	}}
	var heard []Change
	defer s.Subscribe(me, func(c Change) { heard = append(heard, c) })()
	file := io.MultiReader(strings.NewReader("["+many.String()), look, strings.NewReader(`{"messages": [{"role": "user", "content": "last"}]}]`))
	done, err := s.Import(t.Context(), me, file)
	if err != nil || done.Chats != 3*stageSteps+1 || !looked {
		t.Errorf("%+v, %v", done, err)
	}
	if n := len(heard); n == 0 || !heard[n-1].Everything {
		t.Errorf("heard %+v", heard)
	}
	if found, err := s.Search(t.Context(), me, "needle", 10); err != nil || len(found) != 10 {
		t.Errorf("%d are found, %v", len(found), err)
	}
}

// FuzzImport: whatever a file holds, it is taken in whole and a second time adds nothing,
// or it is refused and changes nothing.
func FuzzImport(f *testing.F) {
	for _, x := range foreignFiles {
		f.Add([]byte(x.file))
	}
	for _, x := range badFiles {
		if len(x.file) < 1000 {
			f.Add([]byte(x.file))
		}
	}
	f.Add([]byte(own(`{"id": "chat-0001", "title": "t", "created": "2026-11-30T09:00:00.000Z", "updated": "2026-11-30T09:00:00.000Z", "parameters": {}, "cuts": [{"at": "message-1"}], "messages": [{"id": "message-1", "role": "user", "content": "x", "files": [{"name": "a", "text": "b"}]}, {"id": "message-2", "parent": "message-1", "role": "assistant", "status": "running", "calls": [{"id": "c"}]}]}`)))
	s, _ := openFile(f, f.TempDir()+"/fuzz.db", newClock())
	f.Fuzz(func(t *testing.T, file []byte) {
		ctx := t.Context()
		before := everything(t, s)
		done, err := s.Import(ctx, me, bytes.NewReader(file))
		if err != nil {
			if !errors.Is(err, ErrFile) {
				t.Fatalf("%v", err)
			}
			if after := everything(t, s); after != before {
				t.Fatalf("a file that is refused changed %q to %q", before, after)
			}
			return
		}
		again, err := s.Import(ctx, me, bytes.NewReader(file))
		if err != nil || again.Chats != 0 || again.Messages != 0 {
			t.Fatalf("%+v, and again %+v, %v", done, again, err)
		}
		chats, _, err := s.List(ctx, me, maxList, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range chats {
			text(t, c)
			if _, list, err := s.Get(ctx, me, c.ID); err != nil {
				t.Fatal(err)
			} else {
				text(t, list)
			}
			if err := s.Delete(ctx, me, c.ID); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.db.Exec(`UPDATE chats SET gone = 1`); err != nil {
			t.Fatal(err)
		}
		if _, err := s.wipe(ctx); err != nil {
			t.Fatal(err)
		}
	})
}
