package dataset

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// The tokens of the test's tokenizer that are no bytes.
const (
	idBOS = 256 + iota
	idEOS
	idStart
	idEnd
)

// chatML is the template that most models have, in its shortest form.
const chatML = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"

// forgetful drops the reasoning of all turns but the last, as templates of models that
// reason do.
const forgetful = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['reasoning_content'] and loop.last %}<think>{{ m['reasoning_content'] }}</think>{% endif %}{{ m['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"

// opening opens reasoning in the prompt, and writes none of it in a conversation.
const opening = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"

// silent writes nothing of what the model answers.
const silent = "{% for m in messages if m['role'] == 'user' %}<|im_start|>user\n{{ m['content'] }}<|im_end|>\n{% endfor %}"

// byteTokenizer has a token for each byte, and four others.
func byteTokenizer(t testing.TB) *tokenizer.Tokenizer {
	t.Helper()
	vocab := map[string]int{}
	n := 0
	for b := range 256 { // the alphabet of byte-level BPE
		r := rune(b)
		if !(b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae && b <= 0xff) {
			r = rune(256 + n)
			n++
		}
		vocab[string(r)] = b
	}
	var added []map[string]any
	for i, s := range []string{"<s>", "</s>", "<|im_start|>", "<|im_end|>"} {
		added = append(added, map[string]any{"id": 256 + i, "content": s, "special": true})
	}
	text, err := json.Marshal(map[string]any{
		"added_tokens":  added,
		"pre_tokenizer": map[string]any{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
		"decoder":       map[string]any{"type": "ByteLevel"},
		"model":         map[string]any{"type": "BPE", "vocab": vocab, "merges": []string{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	config := []byte(`{"bos_token": "<s>", "eos_token": "</s>", "tokenizer_class": "GPT2Tokenizer"}`)
	tok, err := tokenizer.FromFiles(map[string][]byte{"tokenizer.json": text, "tokenizer_config.json": config})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// usual are options that refuse nothing.
func usual() Options {
	return Options{Length: 1000, Long: LongRefuse, Turns: TurnsAll, Prompts: PromptsChat, Completions: CompletionsTemplate}
}

func newEncoder(t testing.TB, source string, o Options) *Encoder {
	t.Helper()
	var template *chat.Template
	if source != "" {
		var err error
		if template, err = chat.NewTemplate(source); err != nil {
			t.Fatal(err)
		}
	}
	e, err := NewEncoder(context.Background(), byteTokenizer(t), template, &jinja.Dict{}, []int32{idEOS, idEnd}, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// marked shows a sample: what is learned of it stands in brackets.
func marked(t testing.TB, e *Encoder, s Sample) string {
	t.Helper()
	var b strings.Builder
	for from := 0; from < len(s.IDs); {
		to := from
		for to < len(s.IDs) && s.Learned[to] == s.Learned[from] {
			to++
		}
		text, err := e.tokens.Decode(s.IDs[from:to])
		if err != nil {
			t.Fatal(err)
		}
		if s.Learned[from] {
			text = "[" + text + "]"
		}
		b.WriteString(text)
		from = to
	}
	return b.String()
}

// writeFiles writes files into a folder of the test and returns it.
func writeFiles(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
