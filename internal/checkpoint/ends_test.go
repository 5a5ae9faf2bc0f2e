package checkpoint

import (
	"path/filepath"
	"slices"
	"testing"
)

const chatML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"

const harmonyTemplate = "{% for m in messages %}<|start|>{{ m.role }}<|channel|>final<|message|>{{ m.content }}<|end|>{% endfor %}"

// TestEndsOfConfig is about the ids that config.json and generation_config.json name.
func TestEndsOfConfig(t *testing.T) {
	for _, c := range []struct {
		config, generation string
		want               []int32
		notes              int
	}{
		{`{}`, `{}`, []int32{257}, 0}, // </s>, which the tokenizer's configuration names
		{`{"eos_token_id": 256}`, `{}`, []int32{256, 257}, 0},
		{`{"eos_token_id": [256, 9]}`, `{"eos_token_id": 10}`, []int32{256, 9, 10, 257}, 0},
		{`{"eos_token_id": null}`, `{"eos_token_id": [257, 256]}`, []int32{257, 256}, 0},
		{`{"text_config": {"eos_token_id": 5}, "eos_token_id": 6}`, ``, []int32{5, 257}, 1},
		{`{}`, `{"eos_token_id": null}`, []int32{257}, 0},
		{`{}`, `{"eos_token_id": []}`, []int32{257}, 0},
		{`{}`, `{"eos_token_id": [null, 3]}`, []int32{3, 257}, 0},
		{`{}`, `{"eos_token_id": 300}`, []int32{257}, 0},
		{`{}`, `{"eos_token_id": -1}`, []int32{257}, 0},
		{`{}`, `{"eos_token_id": 9.0}`, []int32{9, 257}, 0},
		{`{}`, `{"eos_token_id": "9"}`, []int32{9, 257}, 0},
		{`{}`, `{"eos_token_id": 9.5}`, []int32{257}, 1},
		{`{}`, `{"eos_token_id": 1e30}`, []int32{257}, 1},
		{`{}`, `{"eos_token_id": true}`, []int32{257}, 1},
		{`{}`, `{"eos_token_id": {"id": 3}}`, []int32{257}, 1},
		{`{}`, `{"eos_token_id": [[3], "x", 4]}`, []int32{4, 257}, 2},
	} {
		folder := hugging(t)
		write(t, folder, "config.json", c.config)
		write(t, folder, generationName, c.generation)
		k := mustOpen(t, folder)
		if got := k.EndTokens(258); !slices.Equal(got, c.want) || len(k.Notes()) != c.notes {
			t.Errorf("%s and %s: got %v, notes %q, want %v and %d", c.config, c.generation, got, k.Notes(), c.want, c.notes)
		}
	}
}

// TestTurnEnds: what a template puts behind the model's turn ends an answer, whatever
// type the file gives it; without a template the known ends do.
func TestTurnEnds(t *testing.T) {
	start, end := piece{"<|im_start|>", 3}, "<|im_end|>"
	for name, c := range map[string]struct {
		template string
		pieces   []piece
		want     []int32
	}{
		"control":               {chatML, []piece{start, {end, 3}}, []int32{257}},
		"of several messages":   {harmonyTemplate, []piece{{"<|end|>", 3}, {"<|return|>", 3}, {"<|call|>", 3}}, []int32{257, 258}},
		"normal":                {chatML, []piece{start, {end, 1}}, []int32{257}},
		"user-defined":          {chatML, []piece{start, {end, 4}}, []int32{257}},
		"not in the vocabulary": {chatML, []piece{start}, nil},
		"behind a blank":        {"{{ messages[1].content }} </s>", control("<s>", "</s>"), []int32{257}},
		"the longest":           {"{{ messages[1].content }}<a><b>", []piece{{"<a>", 1}, {"<a><b>", 1}}, []int32{257}},
		"no marker":             {"{{ messages[1].content }}User: x", []piece{{"User:", 1}}, nil},
		"nothing behind":        {"{{ messages[1].content }}", []piece{{end, 3}}, nil},
		"no answer":             {"{{ messages[0].content }}<|im_end|>", []piece{{end, 3}}, nil},
		"a template that fails": {"{{ raise_exception('no') }}", []piece{{end, 3}}, nil},
		"none":                  {"", []piece{{"<|eot_id|>", 3}, {"<|im_end|>", 1}, {"<|end|>", 4}, {"<end_of_turn>", 1}, {"<|eom_id|>", 3}, {"</s>", 3}, {"<think>", 3}}, []int32{256, 257, 258, 259, 260, 261}},
	} {
		var keys map[string]any
		if c.template != "" {
			keys = map[string]any{"tokenizer.chat_template": c.template}
		}
		k := mustOpen(t, writeGGUF(t, filepath.Join(t.TempDir(), "m.gguf"), c.pieces, keys))
		got := k.EndTokens(1000)
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
