package letters

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var small = New([]string{"<end>", "<think>", "</think>"}, "\n<>/aenдt\ufffd")

// TestEncode makes texts tokens, and texts of those again.
func TestEncode(t *testing.T) {
	for text, want := range map[string][]int32{
		"":                 {},
		"<end>":            {End},
		"<think>a</think>": {1, 7, 2},
		"дa\ufffd\n":       {10, 7, 12, 3},
		"<a":               {4, 7},       // begins as a tag does
		"<en<end>":         {4, 8, 9, 0}, // a tag that is cut
		"</t<":             {4, 6, 11, 4},
	} {
		ids, err := small.Encode([]int32{9}, text)
		if err != nil || !slices.Equal(ids[1:], want) || ids[0] != 9 {
			t.Errorf("%q: got %v, %v, want %v behind what was there", text, ids, err, want)
			continue
		}
		if got, err := small.Decode(ids[1:]); err != nil || got != text {
			t.Errorf("%v: got %q, %v, want %q", ids[1:], got, err, text)
		}
	}
	for text, want := range map[string]string{"aX": `"X"`, "aж": `"ж"`, "a\xff": `"\xff"`, "\xff": `"\xff"`, "a\xd0": `"\xd0"`} {
		if ids, err := small.Encode(nil, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v, want an error that names %s", text, ids, err, want)
		}
	}
	if got, err := small.Decode([]int32{-1, 7, 13, 1 << 30, 8}); err != nil || got != "ae" {
		t.Errorf("ids that there are not: got %q, %v, want ae", got, err)
	}
}

// TestWrite holds the files of a tokenizer to the vocabulary.
func TestWrite(t *testing.T) {
	folder := t.TempDir()
	for _, template := range []string{"", "{{ messages }}"} {
		if err := small.Write(folder, Object{"vocab_size": 16}, template); err != nil {
			t.Fatal(err)
		}
		var tokenizer struct {
			Added []struct {
				ID      int
				Content string
				Special bool
			} `json:"added_tokens"`
			Model struct{ Vocab map[string]int }
		}
		var beside struct {
			EOS      string  `json:"eos_token"`
			Template *string `json:"chat_template"`
		}
		for name, to := range map[string]any{"tokenizer.json": &tokenizer, "tokenizer_config.json": &beside} {
			text, err := os.ReadFile(filepath.Join(folder, name))
			if err == nil {
				err = json.Unmarshal(text, to)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for id, token := range small.Tokens {
			if got, ok := tokenizer.Model.Vocab[token]; !ok || got != id {
				t.Errorf("%q is %d, want %d", token, got, id)
			}
		}
		for id, x := range tokenizer.Added {
			if x.ID != id || x.Content != small.Tokens[id] || x.Special != (id == End) {
				t.Errorf("tag %d is %+v", id, x)
			}
		}
		if len(tokenizer.Added) != 3 || beside.EOS != "<end>" || (beside.Template == nil) != (template == "") {
			t.Errorf("%d tags, what ends an answer is %q, the template %v", len(tokenizer.Added), beside.EOS, beside.Template)
		}
	}
}
