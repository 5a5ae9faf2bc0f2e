package dataset

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestEncode holds what is learned of a row, by form, template and settings.
func TestEncode(t *testing.T) {
	const talk = `{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "reasoning_content": "r"}, {"role": "user", "content": "c"}, {"role": "assistant", "content": "d", "reasoning_content": "s"}]}`
	for _, c := range []struct {
		name, template, row string
		change              func(*Options)
		want                []string
		wrong               string
	}{
		{name: "text", row: `{"text": "ab"}`, want: []string{"[ab</s>]"}},
		{name: "text with a token", row: `{"text": "a</s>"}`, want: []string{"[a</s></s>]"}},
		{name: "plain", row: `{"prompt": "a", "completion": " b"}`, want: []string{"a[ b</s>]"}},
		{name: "plain by choice", template: chatML, row: `{"prompt": "a", "completion": " b"}`, change: func(o *Options) { o.Prompts = PromptsPlain }, want: []string{"a[ b</s>]"}},
		{
			name: "prompt", template: chatML, row: `{"prompt": "a", "completion": "b"}`,
			want: []string{"<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n[b<|im_end|>]\n"},
		},
		{
			name: "all turns", template: chatML, row: talk,
			want: []string{"<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n[b<|im_end|>]\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n[d<|im_end|>]\n"},
		},
		{
			name: "last turn", template: chatML, row: talk, change: func(o *Options) { o.Turns = TurnsLast },
			want: []string{"<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n[d<|im_end|>]\n"},
		},
		{name: "no stable prefix", template: forgetful, row: talk, wrong: "messages[1]: the template writes it otherwise once more messages follow"},
		{
			name: "each turn", template: forgetful, row: talk, change: func(o *Options) { o.Turns = TurnsEach },
			want: []string{
				"<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n[<think>r</think>b<|im_end|>]\n",
				"<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n[<think>s</think>d<|im_end|>]\n",
			},
		},
		{name: "opens otherwise", template: opening, row: `{"prompt": "a", "completion": "b"}`, wrong: "messages[1]: the template opens the model's turn with"},
		{
			name: "raw", template: opening, row: `{"prompt": "a", "completion": "<think>\nhm\n</think>\n\nb"}`, change: func(o *Options) { o.Completions = CompletionsRaw },
			want: []string{"<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n<think>\n[hm\n</think>\n\nb<|im_end|>]\n"},
		},
		{
			name: "raw with reasoning apart", template: chatML, row: `{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "reasoning_content": "hm"}]}`,
			change: func(o *Options) { o.Completions = CompletionsRaw },
			want:   []string{"<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n[<think>\nhm\n</think>\n\nb<|im_end|>]\n"},
		},
		{
			name: "two lists", template: chatML, row: `{"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}], "completion": [{"role": "assistant", "content": "d"}]}`,
			want: []string{"<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n[d<|im_end|>]\n"},
		},
		{name: "nothing of the model", template: chatML, row: `{"messages": [{"role": "user", "content": "a"}]}`, wrong: "no message of the assistant"},
		{name: "a template without answers", template: silent, row: `{"prompt": "a", "completion": "b"}`, wrong: "messages[1]: the template writes nothing of it"},
		{name: "no template", row: `{"messages": [{"role": "user", "content": "a"}]}`, wrong: "the model no chat template"},
		{name: "refused by the template", template: "{{ raise_exception('roles must alternate') }}", row: talk, wrong: "roles must alternate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := usual()
			if c.change != nil {
				c.change(&o)
			}
			e := newEncoder(t, c.template, o)
			row, err := parseRow([]byte(c.row))
			if err != nil {
				t.Fatal(err)
			}
			samples, err := e.Encode(context.Background(), row)
			if c.wrong != "" {
				if !errors.Is(err, ErrRow) || !strings.Contains(err.Error(), c.wrong) {
					t.Fatalf("error %v, want one of a row with %q", err, c.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range samples {
				got = append(got, marked(t, e, s))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestEncodeCovered holds that what a user says is no control token, and that the sample
// is what the model is given when it answers.
func TestEncodeCovered(t *testing.T) {
	e := newEncoder(t, chatML, usual())
	row, err := parseRow([]byte(`{"prompt": "a<|im_end|>", "completion": "b"}`))
	if err != nil {
		t.Fatal(err)
	}
	samples, err := e.Encode(context.Background(), row)
	if err != nil {
		t.Fatal(err)
	}
	ends := 0
	for _, id := range samples[0].IDs {
		if id == idEnd {
			ends++
		}
	}
	if ends != 2 {
		t.Errorf("%d ends of turns, want those of the template, 2", ends)
	}
}

func TestParseRowRefuses(t *testing.T) {
	for row, wrong := range map[string]string{
		`[]`:                               "no JSON object",
		`{"text": 1}`:                      "text is no string",
		`{"text": ""}`:                     "text is empty",
		`{"prompt": "a"}`:                  "no completion",
		`{"question": "a"}`:                "none of messages",
		`{"messages": []}`:                 "no list of messages",
		`{"messages": [{}]}`:               "has no role",
		`{"messages": [{"role": "user"}]}`: "has no content",
		`{"messages": [{"role": "user", "content": 1}]}`:                                                     "neither a string nor a list",
		`{"messages": [{"role": "assistant", "tool_calls": [{"function": {}}]}]}`:                            "names no function",
		`{"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": 1}}]}]}`: "neither an object",
		`{"messages": [{"role": "user", "content": "a"}], "tools": {}}`:                                      "tools is no list",
		`{"text": `: "byte 9",
	} {
		if _, err := parseRow([]byte(row)); !errors.Is(err, ErrRow) || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: error %v, want one of a row with %q", row, err, wrong)
		}
	}
}

func FuzzParseRow(f *testing.F) {
	f.Add([]byte(`{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}], "tools": []}`))
	f.Add([]byte(`{"prompt": "a", "completion": "b"}`))
	e := newEncoder(f, chatML, usual())
	f.Fuzz(func(t *testing.T, line []byte) {
		row, err := parseRow(line)
		if err != nil {
			if !errors.Is(err, ErrRow) {
				t.Fatalf("%v does not wrap ErrRow", err)
			}
			return
		}
		samples, err := e.Encode(context.Background(), row)
		if err != nil && !errors.Is(err, ErrRow) {
			t.Fatalf("%v does not wrap ErrRow", err)
		}
		for _, s := range samples {
			if len(s.IDs) != len(s.Learned) || s.targets() == 0 {
				t.Fatalf("%d ids, %d marks, %d targets", len(s.IDs), len(s.Learned), s.targets())
			}
		}
	})
}
