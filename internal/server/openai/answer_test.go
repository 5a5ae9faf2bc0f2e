package openai_test

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/puppet"
)

// spoken is what tests read of a chat completion, or of a chunk.
type spoken struct {
	ID      string
	Choices []struct {
		Index          int
		Message, Delta struct {
			Role, Content, Reasoning_Content string
			Tool_Calls                       []struct {
				ID       string
				Function struct{ Name, Arguments string }
			}
		}
		Text     string
		Logprobs *struct {
			Content []struct {
				Token        string
				Logprob      float64
				Bytes        []int
				Top_Logprobs []struct {
					Token   string
					Logprob float64
				}
			}
			Tokens         []string
			Token_Logprobs []*float64
		}
		Finish_Reason string
	}
	Usage *struct{ Prompt_Tokens, Completion_Tokens, Total_Tokens int }
}

func ask(script, more string) string {
	return fmt.Sprintf(`{"model":"puppet","messages":[{"role":"user","content":"play %s"}]%s}`, script, more)
}

const chatPath = "/v1/chat/completions"

// TestScripts: what the model is known to say arrives whole, streamed and not, with the
// right end, whatever is null or empty.
func TestScripts(t *testing.T) {
	s := newSite(t, false)
	for _, name := range []string{"hello", "count", "stop", "utf8", "code", "json", "edit", "after", "empty"} {
		for _, more := range []string{
			"", `,"stream":null,"stop":[],"tools":[],"tool_choice":"auto","logit_bias":{},"response_format":{},"n":null,"reasoning_effort":"","metadata":null,"chat_template_kwargs":{},"stream_options":{}`,
			`,"store":true,"user":"u","metadata":{"a":"b"},"service_tier":"auto","verbosity":"low","modalities":["text"],"functions":null,"something_new":{"x":[1]},"prediction":{"type":"content"}`,
		} {
			var x spoken
			s.post(chatPath, ask(name, more), &x)
			want := strings.TrimRight(puppet.Text(name), "\n")
			if c := x.Choices[0]; strings.TrimRight(c.Message.Content, "\n") != want || c.Finish_Reason != "stop" {
				t.Errorf("%s%s: %q, %s", name, more, c.Message.Content, c.Finish_Reason)
			}
		}
		var text strings.Builder
		for _, x := range s.stream(chatPath, ask(name, `,"stream":true`)) {
			text.WriteString(x.Choices[0].Delta.Content)
		}
		if got, want := strings.TrimRight(text.String(), "\n"), strings.TrimRight(puppet.Text(name), "\n"); got != want {
			t.Errorf("%s, streamed: %q, want %q", name, got, want)
		}
	}
}

// stream returns the chunks of a stream, which has to end as clients want it.
func (s site) stream(path, body string) []spoken {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	if kind := answer.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		s.t.Fatalf("%s: type %q", body, kind)
	}
	var chunks []spoken
	done := false
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		text, ok := strings.CutPrefix(lines.Text(), "data: ")
		switch {
		case text == "":
		case !ok || done:
			s.t.Fatalf("%s: line %q", body, lines.Text())
		case text == "[DONE]":
			done = true
		default:
			var x spoken
			if err := json.Unmarshal([]byte(text), &x); err != nil {
				s.t.Fatal(err)
			}
			chunks = append(chunks, x)
		}
	}
	if !done || len(chunks) == 0 {
		s.t.Fatalf("%s: the stream of %d chunks has no end", body, len(chunks))
	}
	return chunks
}

// TestStreamOfSeveral: each answer has its own first chunk, pieces and end, all under one
// id, and together they are those that are not streamed.
func TestStreamOfSeveral(t *testing.T) {
	s := newSite(t, false)
	const more = `,"n":5,"seed":3,"temperature":1`
	var whole spoken
	s.post(chatPath, ask("dice", more), &whole)
	texts, ends, id := map[int]string{}, map[int]string{}, ""
	chunks := s.stream(chatPath, ask("dice", more+`,"stream":true,"stream_options":{"include_usage":true}`))
	for i, x := range chunks {
		if i == 0 {
			id = x.ID
		}
		if last := i == len(chunks)-1; x.ID != id || (x.Usage != nil) != last || (len(x.Choices) == 0) != last {
			t.Fatalf("chunk %d: %+v", i, x)
		}
		for _, c := range x.Choices {
			_, begun := texts[c.Index]
			if ends[c.Index] != "" || (c.Delta.Role == "assistant") == begun {
				t.Errorf("chunk %d: %+v, begun %v, ended %q", i, c, begun, ends[c.Index])
			}
			texts[c.Index] += c.Delta.Content
			ends[c.Index] = c.Finish_Reason
		}
	}
	different := map[string]bool{}
	for i, c := range whole.Choices {
		if texts[i] != c.Message.Content || ends[i] != "stop" || c.Index != i {
			t.Errorf("answer %d: %q, %q, want %q", i, texts[i], ends[i], c.Message.Content)
		}
		different[c.Message.Content] = true
	}
	if len(different) < 2 || len(texts) != 5 {
		t.Errorf("the answers are %v", texts)
	}
	if u := chunks[len(chunks)-1].Usage; u.Completion_Tokens != 20 || *u != *whole.Usage || u.Total_Tokens != u.Prompt_Tokens+20 {
		t.Errorf("usage %+v, want %+v", u, whole.Usage)
	}
}

// TestLogprobs: throws of a dice of eight have -ln 8, before anything is banned; the bytes
// of tokens are those of the text; reasoning and calls have none.
func TestLogprobs(t *testing.T) {
	s := newSite(t, false)
	p := puppet.New()
	var x spoken
	s.post(chatPath, ask("dice", fmt.Sprintf(`,"logprobs":true,"top_logprobs":8,"temperature":0.5,"seed":1,"logit_bias":{"%d":-100}`, p.ID(" red"))), &x)
	scores := x.Choices[0].Logprobs.Content
	if len(scores) != 3 {
		t.Fatalf("%d entries, want 3", len(scores))
	}
	for i, c := range scores {
		if math.Abs(c.Logprob+math.Log(8)) > 0.02 || len(c.Top_Logprobs) != 8 || !slices.Contains(puppet.Dice[i], c.Token) {
			t.Errorf("entry %d: %+v", i, c)
		}
		for _, top := range c.Top_Logprobs {
			if math.Abs(top.Logprob+math.Log(8)) > 0.02 || !slices.Contains(puppet.Dice[i], top.Token) {
				t.Errorf("entry %d: %+v", i, top)
			}
		}
	}
	for _, name := range []string{"utf8", "think", "texttool", "code", "hello"} {
		var x spoken
		s.post(chatPath, ask(name, `,"logprobs":true`), &x)
		var raw []byte
		for _, c := range x.Choices[0].Logprobs.Content {
			for _, b := range c.Bytes {
				raw = append(raw, byte(b))
			}
		}
		if got := x.Choices[0].Message.Content; strings.TrimSpace(string(raw)) != strings.TrimSpace(got) {
			t.Errorf("%s: the bytes are %q, the content %q", name, raw, got)
		}
	}
	s.post(chatPath, ask("tool", `,"logprobs":true,"tools":[{"type":"function","function":{"name":"get_weather"}}]`), &x)
	if c := x.Choices[0]; c.Logprobs == nil || len(c.Logprobs.Content) != 0 || len(c.Message.Tool_Calls) != 1 {
		t.Errorf("a call: %+v", c)
	}
}

// TestReasoning: it can be switched off and bounded in the words of several servers.
func TestReasoning(t *testing.T) {
	s := newSite(t, false)
	for _, more := range []string{
		`"reasoning_effort":"none"`, `"chat_template_kwargs":{"enable_thinking":false}`, `"enable_thinking":false`, `"thinking":{"type":"disabled"}`,
		`"reasoning":{"enabled":false}`, `"reasoning":{"effort":"none"}`, `"reasoning":{"max_tokens":0}`, `"thinking_budget":0`, `"chat_template_kwargs":{"thinking":false}`,
	} {
		var x spoken
		s.post(chatPath, ask("think", ","+more), &x)
		if m := x.Choices[0].Message; m.Reasoning_Content != "" || m.Content != "It is nine." {
			t.Errorf("%s: %+v", more, m)
		}
	}
	for _, more := range []string{
		`"thinking_budget":20`, `"thinking_token_budget":20`, `"reasoning":{"max_tokens":20}`, `"thinking":{"type":"enabled","budget_tokens":20}`, `"chat_template_kwargs":{"thinking_budget":20}`,
	} {
		var x spoken
		s.post(chatPath, ask("ponder", `,"max_tokens":200,`+more), &x)
		if c := x.Choices[0]; c.Finish_Reason != "stop" || c.Message.Reasoning_Content == "" || x.Usage.Completion_Tokens > 100 {
			t.Errorf("%s: %+v, %+v", more, c, x.Usage)
		}
	}
}

// TestContinue: the last message is gone on with, in any of the ways to ask for it.
func TestContinue(t *testing.T) {
	s := newSite(t, false)
	for _, c := range []struct{ message, more string }{
		{`"prefix":true`, ""}, {`"partial":true`, ""}, {`"x":1`, `,"continue_final_message":true,"add_generation_prompt":false`}, {`"x":1`, `,"continue_final_message":true`},
	} {
		var x spoken
		s.post(chatPath, `{"model":"puppet","messages":[{"role":"user","content":"x"},{"role":"assistant","content":"I count:",`+c.message+`}]`+c.more+`}`, &x)
		if got := x.Choices[0]; got.Message.Content != puppet.Text("count") || got.Finish_Reason != "stop" {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

// TestEmbeddings: vectors of length 1 in the order of the texts, alike as numbers and
// packed, and alike for a text and its tokens.
func TestEmbeddings(t *testing.T) {
	s := newSite(t, false)
	type vectors struct {
		Data []struct {
			Index     int
			Embedding json.RawMessage
		}
		Usage struct{ Prompt_Tokens, Total_Tokens int }
	}
	var texts, tokens, packed, short vectors
	s.post("/v1/embeddings", `{"model":"puppet","input":["abc","abd"]}`, &texts)
	s.post("/v1/embeddings", `{"model":"puppet","input":[[97,98,99],[97,98,100]],"encoding_format":"float"}`, &tokens)
	s.post("/v1/embeddings", `{"model":"puppet","input":["abc","abd"],"encoding_format":"base64"}`, &packed)
	s.post("/v1/embeddings", `{"model":"puppet","input":"abc","dimensions":98}`, &short)
	if texts.Usage.Prompt_Tokens != 6 || texts.Usage.Total_Tokens != 6 || len(texts.Data) != 2 || len(short.Data) != 1 {
		t.Fatalf("%+v", texts.Usage)
	}
	for i := range texts.Data {
		var want []float32
		if err := json.Unmarshal(texts.Data[i].Embedding, &want); err != nil || string(tokens.Data[i].Embedding) != string(texts.Data[i].Embedding) || texts.Data[i].Index != i {
			t.Errorf("vector %d: %v", i, err)
		}
		var text string
		if err := json.Unmarshal(packed.Data[i].Embedding, &text); err != nil {
			t.Fatal(err)
		}
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(raw) != 4*len(want) {
			t.Fatalf("%d bytes, %v", len(raw), err)
		}
		length := 0.0
		for j, x := range want {
			if math.Float32frombits(binary.LittleEndian.Uint32(raw[4*j:])) != x {
				t.Fatalf("vector %d, %d: the packed number differs", i, j)
			}
			length += float64(x) * float64(x)
		}
		if math.Abs(length-1) > 1e-6 {
			t.Errorf("vector %d has the length %v", i, length)
		}
	}
	if string(texts.Data[0].Embedding) == string(texts.Data[1].Embedding) {
		t.Error("two texts have one vector")
	}
}
