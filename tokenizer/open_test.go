package tokenizer

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type dict = map[string]any

// small returns a byte-level tokenizer.json of all bytes, two merges and some
// added tokens, with changes.
func small(changes dict) dict {
	vocab := dict{}
	for b := range 256 {
		vocab[string(byteRunes[b])] = b
	}
	vocab["ab"], vocab["abc"] = 256, 257
	file := dict{
		"added_tokens": []any{
			dict{"id": 258, "content": "<s>", "special": true, "normalized": false},
			dict{"id": 259, "content": "</s>", "special": true, "normalized": false},
			dict{"id": 262, "content": "<think>", "special": false, "normalized": false},
		},
		"pre_tokenizer": dict{"type": "ByteLevel", "add_prefix_space": false},
		"decoder":       dict{"type": "ByteLevel"},
		"model":         dict{"type": "BPE", "vocab": vocab, "merges": []any{"a b", "ab c"}},
	}
	maps.Copy(file, changes)
	return file
}

// writeFolder writes files: strings and bytes as they are, other values as JSON.
func writeFolder(t testing.TB, files dict) string {
	t.Helper()
	dir := t.TempDir()
	for name, v := range files {
		var data []byte
		switch v := v.(type) {
		case string:
			data = []byte(v)
		case []byte:
			data = v
		default:
			data = jsonText(v)
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func mustOpen(t testing.TB, path string) *Tokenizer {
	t.Helper()
	tok, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func wantIDs(t *testing.T, tok *Tokenizer, text string, f Flags, want ...int32) {
	t.Helper()
	got, err := tok.Encode(text, f)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("encode %q (flags %d): got %v, %v, want %v", text, f, got, err, want)
	}
}

func TestSmallTokenizer(t *testing.T) {
	tok := mustOpen(t, writeFolder(t, dict{"tokenizer.json": small(nil)}))
	wantIDs(t, tok, "abcab <s>", 0, 257, 256, ' ', 258)
	wantIDs(t, tok, "x<s><think>", Plain, 'x', '<', 's', '>', 262)
	wantIDs(t, tok, "a\xffb\xe4\xb8", 0, 'a', 0xEF, 0xBF, 0xBD, 'b', 0xEF, 0xBF, 0xBD, 0xEF, 0xBF, 0xBD)
	wantIDs(t, tok, "", AddSpecial)
	if n := tok.VocabSize(); n != 263 {
		t.Errorf("vocabulary: got %d, want 263", n)
	}
	for id, want := range map[int32]string{' ': "Ġ", 257: "abc", 258: "<s>", 262: "<think>", 0xF6: "ö"} {
		if got, ok := tok.Token(id); !ok || got != want {
			t.Errorf("token %d: got %q, %v, want %q", id, got, ok, want)
		}
		if got, ok := tok.ID(want); !ok || got != id {
			t.Errorf("id of %q: got %d, %v, want %d", want, got, ok, id)
		}
	}
	for _, id := range []int32{-1, 260, 261, 263, 1 << 30} {
		if got, ok := tok.Token(id); ok {
			t.Errorf("token %d: got %q, want none", id, got)
		}
	}
	for _, piece := range []string{"", "nothing", " ", "中"} {
		if id, ok := tok.ID(piece); ok {
			t.Errorf("id of %q: got %d, want none", piece, id)
		}
	}
	for id, want := range map[int32]bool{258: true, 262: false, 'a': false, -1: false, 9999: false} {
		if got := tok.IsControl(id); got != want {
			t.Errorf("control %d: got %v, want %v", id, got, want)
		}
	}
	for _, id := range []int32{tok.BOS(), tok.EOS(), tok.EOT(), tok.EOM(), tok.Unknown(), tok.Pad()} {
		if id != -1 {
			t.Errorf("role: got %d, want -1", id)
		}
	}
}

func TestDecodeOfStrangeIDs(t *testing.T) {
	tok := mustOpen(t, writeFolder(t, dict{"tokenizer.json": small(nil)}))
	for _, id := range []int32{-1, 263, 1 << 30} {
		if text, err := tok.Decode([]int32{'a', id}); !errors.Is(err, ErrID) || text != "" {
			t.Errorf("decode %d: got %q, %v, want ErrID", id, text, err)
		}
	}
	if text, err := tok.Decode([]int32{'a', 260, 'b'}); err != nil || text != "ab" {
		t.Errorf("decode an id of a gap: got %q, %v, want ab", text, err)
	}
	s := tok.NewStream()
	first, _ := s.Next(0xE4)
	if _, err := s.Next(9999); !errors.Is(err, ErrID) {
		t.Errorf("stream: got %v, want ErrID", err)
	}
	second, _ := s.Next(0xB8)
	third, _ := s.Next(0xAD)
	if first+second != "" || third != "中" {
		t.Errorf("stream around an error: got %q %q %q, want 中 at the end", first, second, third)
	}
	for _, c := range []struct {
		ids  []int32
		want string
	}{
		{[]int32{0xE4, 0xB8}, "\uFFFD"},
		{[]int32{0xE4, 'a'}, "\uFFFDa"},
		{[]int32{0xFF, 0xFF}, "\uFFFD\uFFFD"},
		{[]int32{0xF0, 0x9F, 0x98, 0xE4, 0xB8, 0xAD}, "\uFFFD中"},
		{[]int32{0xED, 0xA0, 0x80}, "\uFFFD\uFFFD\uFFFD"},
		{[]int32{0xE4, 258, 0xB8}, "\uFFFD<s>\uFFFD"},
	} {
		if got, err := tok.Decode(c.ids); err != nil || got != c.want {
			t.Errorf("decode %x: got %q, %v, want %q", c.ids, got, err, c.want)
		}
	}
}

func TestStreamBeginsAnewAfterFlush(t *testing.T) {
	tok := mustGGUF(t, sampleGGUF(t, "llama_spm"))
	s := tok.NewStream()
	for range 3 {
		piece, err := s.Next(15043) // ▁Hello
		if err != nil || piece != "Hello" {
			t.Errorf("first piece: got %q, %v, want Hello", piece, err)
		}
		if piece, _ = s.Next(15043); piece != " Hello" {
			t.Errorf("second piece: got %q, want %q", piece, " Hello")
		}
		if rest := s.Flush(); rest != "" {
			t.Errorf("flush: got %q", rest)
		}
	}
	s.SkipControl = true
	if piece, _ := s.Next(1); piece != "" {
		t.Errorf("control token: got %q, want nothing", piece)
	}
	s.Flush()
	if piece, _ := s.Next(2); piece != "" || !s.SkipControl {
		t.Errorf("after a flush: got %q, want control tokens still left out", piece)
	}
}

func TestSpecialTokens(t *testing.T) {
	template := dict{
		"type": "TemplateProcessing", "single": []any{dict{"SpecialToken": dict{"id": "<s>"}}, dict{"Sequence": dict{"id": "A"}}, dict{"SpecialToken": dict{"id": "</s>"}}},
		"special_tokens": dict{"<s>": dict{"ids": []int{258}}, "</s>": dict{"ids": []int{259}}},
	}
	for _, c := range []struct {
		name      string
		processor any
		config    any
		want      []int32
		bos, eos  int32
	}{
		{"nothing", nil, dict{}, []int32{'x'}, -1, -1},
		{"names alone", nil, dict{"bos_token": "<s>", "eos_token": dict{"content": "</s>"}}, []int32{'x'}, 258, 259},
		{"template alone", template, dict{}, []int32{258, 'x', 259}, 258, 259},
		{"in a sequence", dict{"type": "Sequence", "processors": []any{dict{"type": "ByteLevel"}, template}}, dict{}, []int32{258, 'x', 259}, 258, 259},
		{"config adds", nil, dict{"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": true, "add_eos_token": true}, []int32{258, 'x', 259}, 258, 259},
		{"config beats template", template, dict{"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": false, "add_eos_token": false}, []int32{'x'}, 258, 259},
		{"config repeats template", template, dict{"bos_token": "<s>", "add_bos_token": true}, []int32{258, 'x', 259}, 258, 259},
		{"no such token", nil, dict{"bos_token": "<none>", "add_bos_token": true}, []int32{'x'}, -1, -1},
		{"null", nil, dict{"bos_token": nil, "add_bos_token": true}, []int32{'x'}, -1, -1},
		{"bert", dict{"type": "BertProcessing", "cls": []any{"<s>", 258}, "sep": []any{"</s>", 259}}, dict{}, []int32{258, 'x', 259}, 258, 259},
		{"roberta", dict{"type": "RobertaProcessing", "cls": []any{"<s>", 258}, "sep": []any{"</s>", 259}}, dict{}, []int32{258, 'x', 259}, 258, 259},
	} {
		tok := mustOpen(t, writeFolder(t, dict{"tokenizer.json": small(dict{"post_processor": c.processor}), "tokenizer_config.json": c.config}))
		if got, err := tok.Encode("x", AddSpecial); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, %v, want %v", c.name, got, err, c.want)
		}
		if tok.BOS() != c.bos || tok.EOS() != c.eos {
			t.Errorf("%s: got BOS %d, EOS %d, want %d, %d", c.name, tok.BOS(), tok.EOS(), c.bos, c.eos)
		}
		if adds := c.want[0] == 258; tok.AddsBOS() != adds || tok.AddsEOS() != (c.want[len(c.want)-1] == 259) {
			t.Errorf("%s: got AddsBOS %v, AddsEOS %v", c.name, tok.AddsBOS(), tok.AddsEOS())
		}
	}
	// added_tokens_decoder stands for the files from before it.
	files := dict{
		"tokenizer.json":          small(nil),
		"special_tokens_map.json": dict{"bos_token": "<s>", "pad_token": dict{"content": "</s>"}, "unk_token": "<think>"},
		"tokenizer_config.json":   dict{"bos_token": "</s>"},
		"added_tokens.json":       dict{"<more>": 301},
	}
	tok := mustOpen(t, writeFolder(t, files))
	if tok.BOS() != 258 || tok.Pad() != 259 || tok.Unknown() != 262 {
		t.Errorf("roles of special_tokens_map.json: got %d, %d, %d", tok.BOS(), tok.Pad(), tok.Unknown())
	}
	wantIDs(t, tok, "<more>", 0, 301)
	files["tokenizer_config.json"] = dict{"bos_token": "</s>", "added_tokens_decoder": dict{"300": dict{"content": "<new>", "special": true}, "258": dict{"content": "<s>"}}}
	tok = mustOpen(t, writeFolder(t, files))
	if tok.BOS() != 259 || tok.Pad() != -1 || tok.Unknown() != -1 {
		t.Errorf("roles beside added_tokens_decoder: got %d, %d, %d", tok.BOS(), tok.Pad(), tok.Unknown())
	}
	wantIDs(t, tok, "<new>", 0, 300)
	if _, ok := tok.ID("<more>"); ok {
		t.Error("added_tokens.json is read beside added_tokens_decoder")
	}
}

func TestAddedTokenFlags(t *testing.T) {
	added := func(flags dict) []any {
		token := dict{"id": 300, "content": "qx", "special": false, "normalized": false}
		maps.Copy(token, flags)
		return []any{token}
	}
	for _, c := range []struct {
		flags dict
		text  string
		want  []int32
	}{
		{dict{}, "aqx c", []int32{'a', 300, ' ', 'c'}},
		{dict{"lstrip": true}, "a \t qx c", []int32{'a', 300, ' ', 'c'}},
		{dict{"rstrip": true}, "a qx \n c", []int32{'a', ' ', 300, 'c'}},
		{dict{"lstrip": true, "rstrip": true}, " qx qx ", []int32{300, 300}},
		{dict{"rstrip": true, "content": "\n\n"}, "\n\n\n\n", []int32{300, 300}}, // the second is blanks of the first, and found
		{dict{"lstrip": true, "rstrip": true, "content": "\n\n"}, "\n\n\n\na", []int32{300, 'a'}},
		{dict{"single_word": true}, "aqx qx. qx1", []int32{'a', 'q', 'x', ' ', 300, '.', ' ', 'q', 'x', '1'}},
		{dict{"normalized": true, "content": "QX"}, "aqx", []int32{'a', 300}},
		{dict{"normalized": false, "content": "QX"}, "aqx QX", []int32{'a', 'q', 'x', ' ', 300}},
		{dict{"content": "ab"}, "xab", []int32{'x', 256}}, // the vocabulary has it already
		{dict{"content": "ö"}, "ö", []int32{0xF6}},        // spelled like a byte that it has
		{dict{"content": "中"}, "中", []int32{300}},
		{dict{"content": ""}, "é", []int32{0xC3, 0xA9}},
	} {
		file := small(dict{"added_tokens": added(c.flags)})
		if s, _ := c.flags["content"].(string); s == "QX" {
			file["normalizer"] = dict{"type": "Lowercase"}
		}
		tok := openJSON(t, jsonText(file))
		if got, err := tok.Encode(c.text, 0); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%v: encode %q: got %v, %v, want %v", c.flags, c.text, got, err, c.want)
		}
	}
	tok := openJSON(t, jsonText(small(dict{"added_tokens": added(dict{"content": "ö"})})))
	if got, err := tok.Decode([]int32{0xF6}); err != nil || got != "ö" {
		t.Errorf("decode an added token: got %q, %v, want the letter, not the byte", got, err)
	}
}

func TestIgnoreMergesSkipsControlTokens(t *testing.T) {
	file := small(nil)
	model := file["model"].(dict)
	model["ignore_merges"] = true
	vocab := model["vocab"].(dict)
	vocab["xyz"], vocab["stop"] = 270, 271
	file["added_tokens"] = []any{dict{"id": 271, "content": "stop", "special": true, "normalized": false}}
	tok := openJSON(t, jsonText(file))
	wantIDs(t, tok, "xyz", 0, 270)
	wantIDs(t, tok, "stop", 0, 271)
	wantIDs(t, tok, "stop", Plain, 's', 't', 'o', 'p')
}

func TestChatTemplates(t *testing.T) {
	base := small(nil)
	for _, c := range []struct {
		name  string
		files dict
		want  map[string]string
	}{
		{"none", dict{}, map[string]string{}},
		{"string", dict{"tokenizer_config.json": dict{"chat_template": "one"}}, map[string]string{"": "one"}},
		{"null", dict{"tokenizer_config.json": dict{"chat_template": nil}}, map[string]string{}},
		{
			"list",
			dict{"tokenizer_config.json": dict{"chat_template": []any{dict{"name": "default", "template": "one"}, dict{"name": "tool_use", "template": "two"}}}},
			map[string]string{"": "one", "tool_use": "two"},
		},
		{"jinja wins", dict{"tokenizer_config.json": dict{"chat_template": "one"}, "chat_template.jinja": "file"}, map[string]string{"": "file"}},
		{"json", dict{"chat_template.json": dict{"chat_template": "processor"}}, map[string]string{"": "processor"}},
		{
			"additional",
			dict{"chat_template.jinja": "file", "additional_chat_templates/rag.jinja": "more", "additional_chat_templates/x.txt": "no"},
			map[string]string{"": "file", "rag": "more"},
		},
	} {
		c.files["tokenizer.json"] = base
		tok := mustOpen(t, writeFolder(t, c.files))
		if !maps.Equal(tok.templates, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, tok.templates, c.want)
		}
		if tok.ChatTemplate() != c.want[""] {
			t.Errorf("%s: got %q, want %q", c.name, tok.ChatTemplate(), c.want[""])
		}
		for name, want := range c.want {
			if got, ok := tok.NamedTemplate(name); !ok || got != want {
				t.Errorf("%s: template %q: got %q, %v, want %q", c.name, name, got, ok, want)
			}
		}
	}
}

// ranks writes the text form of tiktoken: all bytes, then more pieces.
func ranks(more ...string) []byte {
	var b bytes.Buffer
	for i := range 256 {
		fmt.Fprintf(&b, "%s %d\n", base64.StdEncoding.EncodeToString([]byte{byte(i)}), i)
	}
	for i, piece := range more {
		fmt.Fprintf(&b, "%s %d\n", base64.StdEncoding.EncodeToString([]byte(piece)), 256+i)
	}
	return b.Bytes()
}

func TestTiktoken(t *testing.T) {
	data := ranks("he", "ll", "llo", "hello", " wor", "中文", "ell")
	config := dict{
		"tokenizer_class": "TikTokenTokenizer", "bos_token": "[BOS]", "eos_token": "[EOS]",
		"added_tokens_decoder": dict{"263": dict{"content": "[BOS]", "special": true}, "264": dict{"content": "[EOS]", "special": true}, "270": dict{"content": "<|im_end|>", "special": true}},
	}
	for _, name := range []string{"tiktoken.model", "tokenizer.model"} {
		tok := mustOpen(t, writeFolder(t, dict{name: data, "tokenizer_config.json": config}))
		wantIDs(t, tok, "hello", 0, 259)
		wantIDs(t, tok, "helloo", 0, 259, 'o')
		wantIDs(t, tok, "hellx", 0, 256, 257, 'x')
		wantIDs(t, tok, "a中文b", 0, 'a', 261, 'b')
		wantIDs(t, tok, "[BOS]x<|im_end|>", AddSpecial, 263, 'x', 270)
		wantIDs(t, tok, "<|reserved_token_265|>", 0, 265)
		if tok.BOS() != 263 || tok.EOS() != 264 || tok.VocabSize() != 263+258 {
			t.Errorf("%s: got BOS %d, EOS %d, %d tokens", name, tok.BOS(), tok.EOS(), tok.VocabSize())
		}
		if got, err := tok.Decode([]int32{259, 261, 270}); err != nil || got != "hello中文<|im_end|>" {
			t.Errorf("%s: decode: got %q, %v", name, got, err)
		}
		if got, ok := tok.Token(260); !ok || got != "Ġwor" {
			t.Errorf("%s: token: got %q, %v", name, got, ok)
		}
	}
	for name, c := range map[string]struct {
		data   []byte
		config dict
		want   error
	}{
		"another class":  {data, dict{"tokenizer_class": "OtherTokenizer"}, ErrUnsupported},
		"no rank":        {append(ranks(), "QQ==\n"...), dict{}, ErrDamaged},
		"rank too large": {append(ranks(), "QQ== 99999999999\n"...), dict{}, ErrDamaged},
		"no base64":      {append(ranks(), "Q*== 300\n"...), dict{}, ErrDamaged},
	} {
		if _, err := Open(writeFolder(t, dict{"tiktoken.model": c.data, "tokenizer_config.json": c.config})); !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), "tiktoken.model") {
			t.Errorf("%s: got %v, want %v with the file's name", name, err, c.want)
		}
	}
}

func TestWrongFiles(t *testing.T) {
	model := func(changes dict) dict {
		m := maps.Clone(small(nil)["model"].(dict))
		maps.Copy(m, changes)
		return dict{"model": m}
	}
	unigram := func(changes dict) dict {
		m := dict{"type": "Unigram", "unk_id": 0, "vocab": []any{[]any{"<unk>", 0}, []any{"a", -1}}}
		maps.Copy(m, changes)
		return dict{"model": m, "pre_tokenizer": nil, "decoder": nil}
	}
	nested := dict{"type": "Sequence", "normalizers": []any{}}
	for range maxNesting + 2 {
		nested = dict{"type": "Sequence", "normalizers": []any{nested}}
	}
	many := make([]any, maxComponents+1)
	for i := range many {
		many[i] = dict{"type": "NFC"}
	}
	for name, c := range map[string]struct {
		file any // a string is the file's text, a dict changes the small one
		want error
		says string
	}{
		"cut":                 {"{", ErrDamaged, "the end"},
		"empty":               {"", ErrDamaged, "'{'"},
		"list":                {"[]", ErrDamaged, "'{'"},
		"no model":            {"{}", ErrDamaged, "no model"},
		"behind":              {`{"model":{"type":"BPE","vocab":{},"merges":[]}} x`, ErrDamaged, "the end"},
		"not utf-8":           {"{\"a\":\"\xff\"}", ErrDamaged, "UTF-8"},
		"deep":                {`{"x":` + strings.Repeat("[", 200), ErrDamaged, "nested"},
		"other model":         {dict{"model": dict{"type": "FrobPiece"}}, ErrUnsupported, "FrobPiece"},
		"wordpiece":           {dict{"model": dict{"type": "WordPiece", "vocab": dict{}}}, ErrUnsupported, "WordPiece"},
		"no kind":             {dict{"model": dict{"vocab": dict{}}}, ErrUnsupported, "model"},
		"no merges":           {dict{"model": dict{"type": "BPE", "vocab": dict{}}}, ErrDamaged, "merges"},
		"dropout":             {model(dict{"dropout": 0.1}), ErrUnsupported, "dropout"},
		"prefix":              {model(dict{"continuing_subword_prefix": "##"}), ErrUnsupported, "continuing_subword_prefix"},
		"vocab is a list":     {model(dict{"vocab": []any{}}), ErrDamaged, "vocab"},
		"id is text":          {model(dict{"vocab": dict{"a": "b"}}), ErrDamaged, "whole number"},
		"id too large":        {model(dict{"vocab": dict{"a": maxVocab}}), ErrDamaged, "id"},
		"id negative":         {model(dict{"vocab": dict{"a": -1}}), ErrDamaged, "id"},
		"merge of nothing":    {model(dict{"merges": []any{"a zz"}}), ErrDamaged, "merge 0"},
		"merge of three":      {model(dict{"merges": []any{"a b c"}}), ErrDamaged, "merge 0"},
		"merge of one":        {model(dict{"merges": []any{[]any{"a"}}}), ErrDamaged, "merge 0"},
		"merge is a number":   {model(dict{"merges": []any{1}}), ErrDamaged, "merge 0"},
		"fuse_unk is text":    {model(dict{"fuse_unk": "x"}), ErrDamaged, "model"},
		"no unk":              {dict{"model": dict{"type": "BPE", "unk_token": "<u>", "vocab": dict{"a": 0}, "merges": []any{}}, "pre_tokenizer": nil, "decoder": nil}, ErrDamaged, "unk_token"},
		"unigram no unk":      {unigram(dict{"unk_id": nil}), ErrUnsupported, "unk_id"},
		"unigram unk":         {unigram(dict{"unk_id": 2}), ErrDamaged, "unk_id"},
		"unigram pairs":       {unigram(dict{"vocab": []any{[]any{"a"}}}), ErrDamaged, "scores"},
		"unigram triple":      {unigram(dict{"vocab": []any{[]any{"a", 1, 2}}}), ErrDamaged, "score"},
		"unigram long":        {unigram(dict{"vocab": []any{[]any{strings.Repeat("a", maxPieceBytes+1), 1}}}), ErrUnsupported, "bytes"},
		"unigram byte level":  {dict{"model": dict{"type": "Unigram", "unk_id": 0, "vocab": []any{}}}, ErrUnsupported, "Unigram"},
		"normalizer":          {dict{"normalizer": dict{"type": "Frob"}}, ErrUnsupported, "normalizer Frob"},
		"normalizer level":    {dict{"normalizer": dict{"type": "ByteLevel"}}, ErrUnsupported, "normalizer ByteLevel"},
		"normalizer is text":  {dict{"normalizer": "x"}, ErrDamaged, "normalizer"},
		"nested":              {dict{"normalizer": nested}, ErrUnsupported, "nested"},
		"too many":            {dict{"normalizer": dict{"type": "Sequence", "normalizers": many}}, ErrUnsupported, "steps"},
		"no pattern":          {dict{"normalizer": dict{"type": "Replace", "content": "x"}}, ErrDamaged, "pattern"},
		"long content":        {dict{"normalizer": dict{"type": "Replace", "pattern": dict{"String": "a"}, "content": strings.Repeat("x", maxReplacement+1)}}, ErrUnsupported, "Replace"},
		"long prefix":         {dict{"normalizer": dict{"type": "Prepend", "prepend": strings.Repeat("x", maxReplacement+1)}}, ErrUnsupported, "Prepend"},
		"charsmap":            {dict{"normalizer": dict{"type": "Precompiled", "precompiled_charsmap": "AAAA"}}, ErrDamaged, "Precompiled"},
		"pre-tokenizer":       {dict{"pre_tokenizer": dict{"type": "UnicodeScripts"}}, ErrUnsupported, "pre_tokenizer UnicodeScripts"},
		"bad pattern":         {dict{"pre_tokenizer": dict{"type": "Split", "pattern": dict{"Regex": "("}, "behavior": "Isolated"}}, ErrDamaged, "pre_tokenizer Split"},
		"unknown pattern":     {dict{"pre_tokenizer": dict{"type": "Split", "pattern": dict{"Regex": `\X`}, "behavior": "Isolated"}}, ErrUnsupported, "pre_tokenizer Split"},
		"behavior":            {dict{"pre_tokenizer": dict{"type": "Split", "pattern": dict{"String": "a"}, "behavior": "Odd"}}, ErrUnsupported, "Odd"},
		"delimiter":           {dict{"pre_tokenizer": dict{"type": "CharDelimiterSplit", "delimiter": "ab"}}, ErrDamaged, "delimiter"},
		"replacement":         {dict{"pre_tokenizer": dict{"type": "Metaspace", "replacement": ""}}, ErrDamaged, "replacement"},
		"scheme":              {dict{"pre_tokenizer": dict{"type": "Metaspace", "replacement": "_", "prepend_scheme": "odd"}}, ErrUnsupported, "prepend_scheme"},
		"byte level twice":    {dict{"pre_tokenizer": dict{"type": "Sequence", "pretokenizers": []any{dict{"type": "ByteLevel"}, dict{"type": "ByteLevel"}}}}, ErrUnsupported, "ByteLevel"},
		"decoder of pieces":   {unigram(nil), nil, ""},
		"ctc":                 {merged(unigram(nil), dict{"decoder": dict{"type": "CTC"}}), ErrUnsupported, "decoder CTC"},
		"decoder regex":       {merged(unigram(nil), dict{"decoder": dict{"type": "Replace", "pattern": dict{"Regex": "a+"}}}), ErrUnsupported, "decoder Replace"},
		"decoder strip":       {merged(unigram(nil), dict{"decoder": dict{"type": "Sequence", "decoders": []any{dict{"type": "Fuse"}, dict{"type": "Strip", "content": " ", "stop": 1}}}}), ErrUnsupported, "decoder Strip"},
		"decoder strip text":  {merged(unigram(nil), dict{"decoder": dict{"type": "Strip", "content": "ab"}}), ErrDamaged, "decoder Strip"},
		"processor":           {dict{"post_processor": dict{"type": "Frob"}}, ErrUnsupported, "post_processor Frob"},
		"template":            {dict{"post_processor": dict{"type": "TemplateProcessing", "single": []any{dict{"SpecialToken": dict{"id": "x"}}}}}, ErrDamaged, "special_tokens"},
		"template of nothing": {dict{"post_processor": dict{"type": "TemplateProcessing", "single": []any{}}}, ErrDamaged, "sequence"},
		"template id": {dict{"post_processor": dict{
			"type": "TemplateProcessing", "single": []any{dict{"SpecialToken": dict{"id": "x"}}, dict{"Sequence": dict{"id": "A"}}},
			"special_tokens": dict{"x": dict{"ids": []int{9999}}},
		}}, ErrID, "post_processor"},
		"bert":           {dict{"post_processor": dict{"type": "BertProcessing"}}, ErrDamaged, "cls"},
		"added id":       {dict{"added_tokens": []any{dict{"id": maxVocab, "content": "x\n"}}}, ErrDamaged, "added_tokens"},
		"added too long": {dict{"added_tokens": []any{dict{"id": 300, "content": strings.Repeat("é", maxTokenBytes)}}}, ErrUnsupported, "added_tokens"},
		"added is text":  {dict{"added_tokens": "x"}, ErrDamaged, "added_tokens"},
	} {
		var data []byte
		if text, ok := c.file.(string); ok {
			data = []byte(text)
		} else {
			data = jsonText(small(c.file.(dict)))
		}
		_, err := Open(writeFolder(t, dict{"tokenizer.json": data}))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if text := fmt.Sprint(err); err != nil && (!strings.Contains(text, "tokenizer.json") || !strings.Contains(text, c.says)) {
			t.Errorf("%s: got %q, want it to name tokenizer.json and say %q", name, text, c.says)
		}
	}
}

func merged(a, b dict) dict {
	a = maps.Clone(a)
	maps.Copy(a, b)
	return a
}

func TestWrongFolders(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing path: got %v", err)
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrNoTokenizer) {
		t.Errorf("an empty folder: got %v, want ErrNoTokenizer", err)
	}
	dir := writeFolder(t, dict{"tokenizer.json/x": "y"})
	if _, err := Open(dir); !errors.Is(err, ErrDamaged) {
		t.Errorf("a folder in place of a file: got %v, want ErrDamaged", err)
	}
	for name, text := range map[string]string{
		"tokenizer_config.json": "{", "special_tokens_map.json": "[]", "added_tokens.json": "1", "chat_template.json": `{"chat_template":`,
	} {
		_, err := Open(writeFolder(t, dict{"tokenizer.json": small(nil), name: text}))
		if !errors.Is(err, ErrDamaged) || !strings.Contains(fmt.Sprint(err), name) {
			t.Errorf("a wrong %s: got %v, want ErrDamaged with its name", name, err)
		}
	}
	data := bytes.Repeat([]byte{0xFF}, 100)
	if _, err := Open(writeFolder(t, dict{"tokenizer.model": data})); !errors.Is(err, ErrDamaged) || !strings.Contains(fmt.Sprint(err), "tokenizer.model") {
		t.Errorf("a wrong tokenizer.model: got %v, want ErrDamaged with its name", err)
	}
	for name, src := range map[string]source{
		"folder": folder{os.DirFS(writeFolder(t, dict{"long": make([]byte, 11)}))}, "memory": memory{"long": make([]byte, 11)},
	} {
		if _, err := src.read("long", 10); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: a file over the limit: got %v, want ErrUnsupported", name, err)
		}
		if got, err := src.read("long", 11); err != nil || len(got) != 11 {
			t.Errorf("%s: a file at the limit: got %d bytes, %v", name, len(got), err)
		}
	}
}

// The files of a folder make the same tokenizer wherever they come from.
func TestFilesFromAnywhere(t *testing.T) {
	files := dict{
		"tokenizer.json": small(nil), "tokenizer_config.json": dict{"bos_token": "<s>", "add_bos_token": true}, "README.md": "x",
		"chat_template.jinja": "file", "additional_chat_templates/rag.jinja": "more",
	}
	dir := writeFolder(t, files)
	held := map[string][]byte{}
	for name := range files {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		held[name] = data
	}
	for name, open := range map[string]func() (*Tokenizer, error){
		"folder": func() (*Tokenizer, error) { return Open(dir) },
		"file":   func() (*Tokenizer, error) { return Open(filepath.Join(dir, "tokenizer.json")) },
		"fs":     func() (*Tokenizer, error) { return FromFS(os.DirFS(dir)) },
		"memory": func() (*Tokenizer, error) { return FromFiles(held) },
	} {
		tok, err := open()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wantIDs(t, tok, "abc", AddSpecial, 258, 257)
		if more, _ := tok.NamedTemplate("rag"); tok.ChatTemplate() != "file" || more != "more" {
			t.Errorf("%s: got templates %q, %q", name, tok.ChatTemplate(), more)
		}
	}
	if _, err := FromFiles(nil); !errors.Is(err, ErrNoTokenizer) {
		t.Errorf("no files: got %v, want ErrNoTokenizer", err)
	}
}

func TestTextTooLong(t *testing.T) {
	tok := mustOpen(t, writeFolder(t, dict{"tokenizer.json": small(nil)}))
	long := strings.Repeat("a", MaxText+1)
	ids, err := tok.AppendEncode([]int32{7}, long, AddSpecial)
	if !errors.Is(err, ErrTooLong) || !slices.Equal(ids, []int32{7}) {
		t.Errorf("got %d ids, %v, want ErrTooLong and what was there", len(ids), err)
	}
}
