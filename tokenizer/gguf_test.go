package tokenizer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// tinyBPE is a byte-level GGUF of a few letters.
func tinyBPE(changes metadata) metadata {
	m := metadata{
		"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2",
		"tokenizer.ggml.tokens":     []string{"a", "b", "Ġ", "ab", "<s>", "<think>", "<|x|>", "[PAD7]", "c", "ö"},
		"tokenizer.ggml.token_type": []int64{1, 1, 1, 1, 3, 4, 4, 5, 1, 4},
		"tokenizer.ggml.merges":     []string{"a b"},
	}
	maps.Copy(m, changes)
	return m
}

// tinySPM is a SentencePiece GGUF of a few letters and all bytes.
func tinySPM(changes metadata) metadata {
	tokens := []string{"<unk>", "<s>", "</s>", blank, "a", "b", blank + "a", "ab", "<think>"}
	types := []int64{2, 3, 3, 1, 1, 1, 1, 1, 4}
	scores := []float64{0, 0, 0, -1, -2, -3, -5, -4, 0}
	for b := range 256 {
		tokens, types, scores = append(tokens, fmt.Sprintf("<0x%02X>", b)), append(types, 6), append(scores, 0)
	}
	m := metadata{
		"tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": types, "tokenizer.ggml.scores": scores,
	}
	maps.Copy(m, changes)
	return m
}

func TestGGUFBytePairs(t *testing.T) {
	tok := mustGGUF(t, tinyBPE(nil))
	wantIDs(t, tok, "ab ab", 0, 3, 2, 3)
	wantIDs(t, tok, "a<s><think><|x|>[PAD7]ö", 0, 0, 4, 5, 6, 9)
	wantIDs(t, tok, "<s><think><|x|>", Plain, 5)
	wantIDs(t, tok, "azb", 0, 0, 1) // a byte without a token is left out, and still keeps its neighbours apart
	wantIDs(t, tok, "a", AddSpecial, 0)
	if got, err := tok.Decode([]int32{3, 2, 7, 9, 5, 4}); err != nil || got != "ab ö<think><s>" {
		t.Errorf("decode: got %q, %v", got, err)
	}
	if got, err := tok.DecodeSkip([]int32{4, 6, 0, 5}); err != nil || got != "a<think>" {
		t.Errorf("decode without control tokens: got %q, %v", got, err)
	}
	if got, ok := tok.Token(7); !ok || got != "[PAD7]" {
		t.Errorf("token 7: got %q, %v", got, ok)
	}
}

func TestGGUFMergesOfMissingPieces(t *testing.T) {
	// Pieces that a trimmed vocabulary lacks take part in merges, and end as
	// the tokens of their bytes.
	tok := mustGGUF(t, tinyBPE(metadata{"tokenizer.ggml.merges": []string{"b c", "a bc", "nonsense", "", " "}}))
	wantIDs(t, tok, "abc", 0, 0, 1, 8)
	// A piece that is an added token is that token.
	tok = mustGGUF(t, tinyBPE(metadata{
		"tokenizer.ggml.tokens": []string{"a", "b", "Ġ", "ab", "<s>", "bc", "<|x|>", "[PAD7]", "c", "ö"}, "tokenizer.ggml.merges": []string{"b c"},
	}))
	wantIDs(t, tok, "abcb", 0, 0, 5, 1)
}

func TestGGUFSentencePiece(t *testing.T) {
	tok := mustGGUF(t, tinySPM(nil))
	wantIDs(t, tok, "ab", 0, 3, 7)
	wantIDs(t, tok, "a", 0, 6)
	wantIDs(t, tok, "é", 0, 3, 9+0xC3, 9+0xA9)
	wantIDs(t, tok, "a<s>b<unk><think>a", 0, 6, 1, 3, 5, 0, 8, 6)
	wantIDs(t, tok, "a", AddSpecial, 1, 6)
	if got, err := tok.Decode([]int32{6, 1, 3, 9 + 0xC3, 9 + 0xA9, 8}); err != nil || got != "a<s> é<think>" {
		t.Errorf("decode: got %q, %v", got, err)
	}
	if tok.BOS() != 1 || tok.EOS() != 2 || tok.Unknown() != 0 || !tok.AddsBOS() || tok.AddsEOS() {
		t.Errorf("roles: got %d, %d, %d, %v, %v", tok.BOS(), tok.EOS(), tok.Unknown(), tok.AddsBOS(), tok.AddsEOS())
	}
	tok = mustGGUF(t, tinySPM(metadata{"tokenizer.ggml.add_space_prefix": false, "tokenizer.ggml.add_bos_token": false, "tokenizer.ggml.add_eos_token": true}))
	wantIDs(t, tok, "ab a", AddSpecial, 7, 6, 2)
	if got, err := tok.Decode([]int32{6}); err != nil || got != " a" {
		t.Errorf("decode without a prefix: got %q, %v", got, err)
	}
}

func TestGGUFUnigram(t *testing.T) {
	m := metadata{
		"tokenizer.ggml.model":  "t5",
		"tokenizer.ggml.tokens": []string{"<pad>", "</s>", "<unk>", blank, "a", "b", blank + "ab", "<x>"},
		"tokenizer.ggml.scores": []float64{0, 0, 0, -2, -3, -3, -4, 0}, "tokenizer.ggml.token_type": []int64{3, 3, 2, 1, 1, 1, 1, 4},
	}
	tok := mustGGUF(t, m)
	wantIDs(t, tok, "ab  b", AddSpecial, 6, 3, 5, 1)
	wantIDs(t, tok, "azza<x>", 0, 3, 4, 2, 4, 7)
	if got, err := tok.Decode([]int32{6, 3, 5}); err != nil || got != "ab b" {
		t.Errorf("decode: got %q, %v", got, err)
	}
	m["tokenizer.ggml.remove_extra_whitespaces"], m["tokenizer.ggml.add_space_prefix"] = false, false
	wantIDs(t, mustGGUF(t, m), "a  b", 0, 4, 3, 3, 5)
	m["tokenizer.ggml.precompiled_charsmap"] = []int64{1, 2, 3}
	if _, err := FromGGUF(m); !errors.Is(err, ErrDamaged) || !strings.Contains(fmt.Sprint(err), "precompiled_charsmap") {
		t.Errorf("a damaged table: got %v, want ErrDamaged with its name", err)
	}
}

func TestGGUFGemma4(t *testing.T) {
	tokens := []string{"<pad>", blank, "a", "b", blank + "a", "\n", "\n\n", "<bos>", "é"}
	types := []int64{3, 1, 1, 1, 1, 1, 1, 3, 1}
	for b := range 256 {
		tokens, types = append(tokens, fmt.Sprintf("<0x%02X>", b)), append(types, 6)
	}
	tok := mustGGUF(t, metadata{
		"tokenizer.ggml.model": "gemma4", "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": types,
		"tokenizer.ggml.merges": []string{blank + " a"}, "tokenizer.ggml.bos_token_id": uint64(7),
	})
	wantIDs(t, tok, "b a\n\nb\n\n\né中", AddSpecial, 7, 3, 4, 6, 3, 5, 5, 5, 8, 9+0xE4, 9+0xB8, 9+0xAD)
	if got, err := tok.Decode([]int32{4, 9 + 0xE4, 9 + 0xB8, 9 + 0xAD, 6}); err != nil || got != " a中\n\n" {
		t.Errorf("decode: got %q, %v", got, err)
	}
}

func TestGGUFKimiWithoutMerges(t *testing.T) {
	m := tinyBPE(metadata{"tokenizer.ggml.pre": "kimi-k2"})
	delete(m, "tokenizer.ggml.merges")
	wantIDs(t, mustGGUF(t, m), "abc", 0, 3, 8)
}

func TestGGUFRoles(t *testing.T) {
	tok := mustGGUF(t, tinyBPE(metadata{
		"tokenizer.ggml.bos_token_id": uint64(4), "tokenizer.ggml.eos_token_id": uint64(6), "tokenizer.ggml.eot_token_id": uint64(5),
		"tokenizer.ggml.eom_token_id": uint64(0), "tokenizer.ggml.padding_token_id": uint64(1<<32 - 1), "tokenizer.ggml.unknown_token_id": uint64(10),
		"tokenizer.ggml.add_bos_token": true, "tokenizer.ggml.add_eos_token": true,
		"tokenizer.chat_template": "one", "tokenizer.chat_templates": []string{"tool_use", "gone"}, "tokenizer.chat_template.tool_use": "two",
	}))
	got := []int32{tok.BOS(), tok.EOS(), tok.EOT(), tok.EOM(), tok.Pad(), tok.Unknown()}
	if want := []int32{4, 6, 5, 0, -1, -1}; !slices.Equal(got, want) {
		t.Errorf("roles: got %v, want %v", got, want)
	}
	wantIDs(t, tok, "a", AddSpecial, 4, 0, 6)
	if two, ok := tok.NamedTemplate("tool_use"); tok.ChatTemplate() != "one" || !ok || two != "two" || len(tok.templates) != 2 {
		t.Errorf("templates: got %v", tok.templates)
	}
	// llama-bpe adds BOS where the file does not say.
	for pre, want := range map[string][]int32{"llama-bpe": {4, 0}, "gpt-2": {0}, "qwen2": {0}} {
		wantIDs(t, mustGGUF(t, tinyBPE(metadata{"tokenizer.ggml.pre": pre, "tokenizer.ggml.bos_token_id": uint64(4)})), "a", AddSpecial, want...)
	}
	if mustGGUF(t, tinyBPE(metadata{"tokenizer.ggml.pre": "llama-bpe"})).AddsBOS() {
		t.Error("llama-bpe without a BOS id adds one")
	}
}

func TestGGUFPhi3TakesBlanks(t *testing.T) {
	m := tinySPM(metadata{"general.name": "Phi-3 mini"})
	wantIDs(t, mustGGUF(t, m), "</s> a<s> a", 0, 2, 6, 1, 3, 6)
	delete(m, "general.name")
	wantIDs(t, mustGGUF(t, m), "</s> a", 0, 2, 3, 6)
}

// Without a name for the splits, those of llama.cpp are taken, and that is told.
func TestGGUFWithoutPreTokenizer(t *testing.T) {
	for _, pre := range []any{nil, ""} {
		tok := mustGGUF(t, tinyBPE(metadata{"tokenizer.ggml.pre": pre}))
		wantIDs(t, tok, "ab", 0, 3)
		if notes := tok.Notes(); len(notes) != 1 || !strings.Contains(notes[0], "tokenizer.ggml.pre") {
			t.Errorf("tokenizer.ggml.pre is %v: got notes %q", pre, notes)
		}
	}
	for _, m := range []metadata{tinyBPE(nil), tinyBPE(metadata{"tokenizer.ggml.pre": "default"}), tinySPM(nil)} {
		if notes := mustGGUF(t, m).Notes(); len(notes) > 0 {
			t.Errorf("a file that says all: got notes %q", notes)
		}
	}
}

// What the names split texts into.
func TestGGUFFamilies(t *testing.T) {
	for _, c := range []struct{ pre, text, want string }{
		{"qwen2", "It's 1234 x\n\n y", "It|'s| |1|2|3|4| x|\n\n| y"},
		{"bailingmoe", "It's 1234 !!\n\n y", "It|'s| |1|2|3|4| !!\n\n| y"},
		{"bailingmoe2", "IT'LL", "IT|'LL"},
		{"llada-moe", "a12", "a|1|2"},
		{"seed-coder", "It's 12 !!\n\n y", "It|'s| |1|2| !!|\n\n| y"},
		{"youtu", "camelCase's 12 한국어abc中文、!\n", "camel|Case's| |1|2| |한국어|abc|中文|、|!\n"},
		{"superbpe", "the cat sat 1234567 on x1000", "the cat sat |1|234|567| on x|1|000"},
		{"exaone-moe", "the cat's hat, 12 x\n\n", "the cat|'s| hat|,| |1|2| x|\n\n"},
		{"afmoe", "abc 1234567 中文x !?", "abc| |1|234|567| |中文|x| !?"},
		{"tiny_aya", "abc 1234567 12x", "abc| |1|234|567| |12|x"},
		{"cohere2moe", "1000", "1|000"},
		{"granite-embed-multi-97m", "camelCase 1234", "camel|Case| |123|4"},
		{"laguna", "a b\n\nc\td", "a| b|\n\n|c|\td"},
		{"jais-2", "a" + strings.Repeat(" ", 8) + "b 1234", "a|    |  | | b| |123|4"},
		{"default", "a1234, b", "a|123|4|,| b"},
	} {
		f, err := familyOf(c.pre)
		if err != nil {
			t.Error(err)
			continue
		}
		stages, err := f.stages()
		if err != nil {
			t.Fatal(err)
		}
		e := &encoder{pieces: pieces{c.text, []span{{0, int32(len(c.text))}}, true}}
		for _, s := range stages {
			if err := s.apply(e); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Join(texts(c.text, e.pieces.spans), "|"); got != c.want {
			t.Errorf("%s: %q: got %q, want %q", c.pre, c.text, got, c.want)
		}
	}
	for pre, whole := range map[string]wholeRule{"youtu": wholeAlways, "granite-embed-multi-97m": wholeAlways, "superbpe": wholeNever, "sarvam-moe": wholeNever, "granite-embed-multi-311m": wholeNewlines} {
		if f := families[pre]; f.whole != whole {
			t.Errorf("%s: got whole pieces by rule %d, want %d", pre, f.whole, whole)
		}
	}
}

func TestGGUFErrors(t *testing.T) {
	for _, c := range []struct {
		m    metadata
		want error
		says string
	}{
		{metadata{}, ErrNoTokenizer, "tokenizer.ggml.model"},
		{metadata{"tokenizer.ggml.model": "no_vocab"}, ErrNoTokenizer, "no_vocab"},
		{metadata{"tokenizer.ggml.model": "gpt2"}, ErrNoTokenizer, "tokenizer.ggml.tokens"},
		{tinyBPE(metadata{"tokenizer.ggml.model": "rwkv"}), ErrUnsupported, "rwkv"},
		{tinyBPE(metadata{"tokenizer.ggml.pre": "frobpre"}), ErrUnsupported, "frobpre"},
		{tinyBPE(metadata{"tokenizer.ggml.pre": "frobpre"}), ErrUnsupported, "want one of a.x-4.0, afmoe, bailingmoe"},
		{tinyBPE(metadata{"tokenizer.ggml.merges": nil}), ErrDamaged, "tokenizer.ggml.merges"},
		{tinyBPE(metadata{"tokenizer.ggml.token_type": []int64{1}}), ErrDamaged, "tokenizer.ggml.token_type"},
		{tinyBPE(metadata{"tokenizer.ggml.scores": []float64{1}}), ErrDamaged, "tokenizer.ggml.scores"},
		{tinySPM(metadata{"tokenizer.ggml.scores": nil}), ErrDamaged, "tokenizer.ggml.scores"},
		{tinySPM(metadata{"tokenizer.ggml.scores": nil, "tokenizer.ggml.model": "t5"}), ErrDamaged, "tokenizer.ggml.scores"},
		{tinySPM(metadata{"tokenizer.ggml.unknown_token_id": uint64(1e6), "tokenizer.ggml.model": "t5"}), ErrDamaged, "unknown_token_id"},
		{tinyBPE(metadata{"tokenizer.ggml.tokens": make([]string, maxVocab+1)}), ErrUnsupported, "tokenizer.ggml.tokens"},
	} {
		_, err := FromGGUF(c.m)
		if text := fmt.Sprint(err); !errors.Is(err, c.want) || !strings.Contains(text, c.says) || !strings.HasPrefix(text, "tokenizer: gguf: ") {
			t.Errorf("got %v, want %v that says %q", err, c.want, c.says)
		}
	}
	// Keys of a wrong type do not count as missing.
	for _, key := range []string{
		"model", "pre", "tokens", "token_type", "scores", "merges", "bos_token_id", "eos_token_id", "eot_token_id", "eom_token_id",
		"unknown_token_id", "padding_token_id", "add_bos_token", "add_eos_token", "add_space_prefix",
	} {
		for _, m := range []metadata{tinyBPE(nil), tinySPM(nil)} {
			m["tokenizer.ggml."+key] = struct{}{}
			_, err := FromGGUF(m)
			if key == "merges" && m["tokenizer.ggml.model"] == "llama" {
				continue // not read
			}
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "tokenizer.ggml."+key+": is no ") {
				t.Errorf("%s of a wrong type: got %v", key, err)
			}
		}
	}
	// Without a list of kinds, all tokens are normal ones; empty and strange ones are unused.
	m := tinyBPE(metadata{"tokenizer.ggml.token_type": nil})
	m["tokenizer.ggml.tokens"].([]string)[8] = ""
	tok := mustGGUF(t, m)
	wantIDs(t, tok, "ab<s>", 0, 3)
	if got, err := tok.Decode([]int32{8, 3}); err != nil || got != "ab" {
		t.Errorf("decode an empty token: got %q, %v", got, err)
	}
}
