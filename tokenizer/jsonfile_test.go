package tokenizer

import (
	"errors"
	"maps"
	"strings"
	"testing"
)

// chars returns a tokenizer.json of characters, with bytes where tokens are
// given for them.
func chars(pieces []string, changes dict) dict {
	vocab := dict{}
	for id, piece := range pieces {
		vocab[piece] = id
	}
	model := dict{"type": "BPE", "vocab": vocab, "merges": []any{}}
	maps.Copy(model, changes)
	return dict{"model": model, "decoder": dict{"type": "ByteFallback"}}
}

func TestRunsOfByteTokens(t *testing.T) {
	file := chars([]string{"a", "<0x41>", "<0xE4>", "<0xB8>", "<0xAD>", "▁", "<0x20>"}, dict{"byte_fallback": true})
	tok := openJSON(t, jsonText(file))
	for _, c := range []struct {
		ids  []int32
		want string
		part string // what a stream gives before its end
	}{
		{[]int32{0, 2, 3, 4, 1, 0}, "a中Aa", "a中Aa"},
		{[]int32{1, 2, 3}, "\uFFFD\uFFFD\uFFFD", "A"},
		{[]int32{1, 3, 0, 1}, "\uFFFD\uFFFDaA", "A\uFFFDaA"},
		{[]int32{4, 4}, "\uFFFD\uFFFD", "\uFFFD\uFFFD"},
	} {
		if got, err := tok.Decode(c.ids); err != nil || got != c.want {
			t.Errorf("decode %v: got %q, %v, want %q", c.ids, got, err, c.want)
		}
		s, got := tok.NewStream(), ""
		for _, id := range c.ids {
			piece, _ := s.Next(id)
			got += piece
		}
		if got != c.part {
			t.Errorf("stream %v: got %q, want %q", c.ids, got, c.part)
		}
	}
	replace := dict{"type": "Replace", "pattern": dict{"String": "▁"}, "content": " "}
	strip := dict{"type": "Strip", "content": "A", "start": 1, "stop": 0}
	file["decoder"] = dict{"type": "Sequence", "decoders": []any{dict{"type": "ByteFallback"}, replace, strip}}
	tok = openJSON(t, jsonText(file))
	if got, err := tok.Decode([]int32{5, 1, 1, 0, 1}); err != nil || got != " Aa" {
		t.Errorf("decode with steps behind the bytes: got %q, %v, want %q", got, err, " Aa")
	}
	for _, last := range []dict{{"type": "ByteFallback"}, replace} {
		file["decoder"] = dict{"type": "Sequence", "decoders": []any{dict{"type": "ByteFallback"}, dict{"type": "Fuse"}, strip, last}}
		if _, err := parseTokenizerJSON(jsonText(file), &folderConfig{}); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s behind a Strip of the joined text: got %v, want ErrUnsupported", last["type"], err)
		}
	}
}

func TestNoDecoderShowsTheSpelling(t *testing.T) {
	fuse := openJSON(t, jsonText(small(dict{"decoder": dict{"type": "Fuse"}})))
	if got, err := fuse.Decode([]int32{256, ' ', 262}); err != nil || got != "abĠ<think>" {
		t.Errorf("decode with Fuse alone: got %q, %v, want %q", got, err, "abĠ<think>")
	}
	tok := openJSON(t, jsonText(small(dict{"decoder": nil})))
	if got, err := tok.Decode([]int32{256, ' ', 262}); err != nil || got != "ab Ġ <think>" {
		t.Errorf("decode: got %q, %v, want %q", got, err, "ab Ġ <think>")
	}
}

// What the vocabulary lacks and no token stands for is as if it were not there.
func TestMergesReachAcrossWhatIsDropped(t *testing.T) {
	tok := openJSON(t, jsonText(chars([]string{"a", "b", "ab", "▁", "▁a"}, dict{"merges": []any{"a b", "▁ a"}})))
	wantIDs(t, tok, "axb", 0, 2)
	wantIDs(t, tok, "▁xa", 0, 4)
}

// A word end is a part of the character that it is spelled with.
func TestByteFallbackOfAWordEnd(t *testing.T) {
	tok := openJSON(t, jsonText(chars([]string{"a", "<0x61>", "<0x24>", "b$"}, dict{"byte_fallback": true, "end_of_word_suffix": "$"})))
	wantIDs(t, tok, "ab", 0, 0, 3)
	wantIDs(t, tok, "aa", 0, 0, 1, 2)
}

func TestByteFallbackOfByteLevel(t *testing.T) {
	file := small(nil)
	file["model"].(dict)["byte_fallback"] = true
	wantIDs(t, openJSON(t, jsonText(file)), "é", 0, 0xC3, 0xA9)
	delete(file["model"].(dict)["vocab"].(dict), "Ā")
	if _, err := parseTokenizerJSON(jsonText(file), &folderConfig{}); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "byte_fallback") {
		t.Errorf("a vocabulary that lacks bytes: got %v, want ErrUnsupported with its name", err)
	}
}

func TestIgnoreMergesIsAboutWholePieces(t *testing.T) {
	tok := openJSON(t, jsonText(chars([]string{"x", "a", "b", "ab"}, dict{"ignore_merges": true})))
	wantIDs(t, tok, "ab", 0, 3)
	wantIDs(t, tok, "abx", 0, 1, 2, 0)
}

func TestUnigramWithSomeBytes(t *testing.T) {
	tok := openJSON(t, jsonText(dict{"model": dict{"type": "Unigram", "unk_id": 0, "byte_fallback": true, "vocab": []any{
		[]any{"<unk>", 0}, []any{"a", -1}, []any{"<0x78>", -9}, []any{"<0x79>", -9},
	}}}))
	wantIDs(t, tok, "axya", 0, 1, 2, 3, 1)
	wantIDs(t, tok, "axza", 0, 1, 0, 1) // of one unknown text all or no bytes
}

func TestUnknownByItsName(t *testing.T) {
	tok := openJSON(t, jsonText(dict{"model": dict{"type": "Unigram", "unk_id": 0, "byte_fallback": true, "vocab": []any{
		[]any{"<unk>", 0}, []any{"a", -1}, []any{"<0x78>", -9},
	}}}))
	wantIDs(t, tok, "ax<unk>", 0, 1, 0)
	wantIDs(t, tok, "a<unk>x", 0, 1, 0)
	wantIDs(t, tok, "a<unk>a", 0, 1, 0, 1)
	wantIDs(t, tok, "axa", 0, 1, 2, 1)
}

// A Metaspace of the scheme "first" looks at where a piece was in the text as
// it came.
func TestMetaspaceFirst(t *testing.T) {
	replace := func(text, with string) dict {
		return dict{"type": "Replace", "pattern": dict{"String": text}, "content": with}
	}
	for _, c := range []struct {
		normalizer any
		text       string
		want       []int32
	}{
		{nil, "ab", []int32{0, 1, 2}},
		{nil, " ab", []int32{0, 1, 2}},
		{dict{"type": "Strip"}, "ab ", []int32{0, 1, 2}},
		{dict{"type": "Strip"}, " ab", []int32{1, 2}},
		{dict{"type": "StripAccents"}, "\u0301ab", []int32{1, 2}},
		{dict{"type": "Nmt"}, "\x01ab", []int32{1, 2}},
		{dict{"type": "BertNormalizer"}, "\x00ab", []int32{1, 2}},
		{replace("x", ""), "xab", []int32{1, 2}},
		{replace("x", "a"), "xb", []int32{0, 1, 2}},
		{replace("xx", "a"), "xxb", []int32{1, 2}},
		{dict{"type": "Replace", "pattern": dict{"Regex": "x+"}, "content": "a"}, "xxb", []int32{1, 2}},
		{dict{"type": "NFKC"}, "ａb", []int32{0, 1, 2}},
	} {
		file := chars([]string{"▁", "a", "b"}, nil)
		file["pre_tokenizer"] = dict{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": false}
		file["normalizer"] = c.normalizer
		wantIDs(t, openJSON(t, jsonText(file)), c.text, 0, c.want...)
	}
	first := dict{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"}
	for _, before := range []dict{{"type": "ByteLevel"}, {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always"}} {
		file := small(dict{"pre_tokenizer": dict{"type": "Sequence", "pretokenizers": []any{before, first}}})
		if _, err := parseTokenizerJSON(jsonText(file), &folderConfig{}); !errors.Is(err, ErrUnsupported) {
			t.Errorf("Metaspace behind a %s: got %v, want ErrUnsupported", before["type"], err)
		}
	}
}

// Graphemes as UAX 29 has them, in bytes.
func TestClusters(t *testing.T) {
	for text, want := range map[string]int{
		"a": 1, "a\u0301b": 3, "\r\n": 2, "\n\u0301": 1, "\u0085\u0301": 2, "\u200B\u0301": 3, "\u00AD\u0301": 2,
		"\u017F\u0E33": 5, "\u017F\u102B": 2, "\u0915\u0903": 6, "a\u200D\u0301": 6, "\uE000\u0301": 5,
	} {
		if got := clusterLen(text, 0); got != want {
			t.Errorf("cluster of %+q: got %d bytes, want %d", text, got, want)
		}
	}
}

// What a token took for its blanks may hold further tokens; behind the last of
// them it is text again.
func TestTokensInTheBlanksOfAnother(t *testing.T) {
	file := small(dict{"added_tokens": []any{
		dict{"id": 300, "content": "\n\n", "normalized": false, "rstrip": true},
		dict{"id": 301, "content": "  ", "normalized": false},
	}})
	wantIDs(t, openJSON(t, jsonText(file)), "\n\n   a", 0, 300, 301, ' ', 'a')
}

func TestProcessorsStandAroundEachOther(t *testing.T) {
	bert := func(cls, sep int) dict {
		return dict{"type": "BertProcessing", "cls": []any{"x", cls}, "sep": []any{"y", sep}}
	}
	template := dict{
		"type": "TemplateProcessing", "single": []any{dict{"SpecialToken": dict{"id": "b"}}, dict{"Sequence": dict{"id": "A"}}},
		"special_tokens": dict{"b": dict{"ids": []any{5, 6}}},
	}
	file := small(dict{"post_processor": dict{"type": "Sequence", "processors": []any{bert(1, 2), template, bert(3, 4)}}})
	wantIDs(t, openJSON(t, jsonText(file)), "a", AddSpecial, 3, 5, 6, 1, 'a', 2, 4)
}

func TestLower(t *testing.T) {
	for text, want := range map[string]string{
		"ÀB": "àb", "İ": "i\u0307", "\u1C89": "\u1C8A", "\uA7CB": "\u0264", "\uA7DC": "\u019B",
		"\U00010D65": "\U00010D85", "\U00016EA0": "\U00016EBB", "\u1C8A": "\u1C8A", "Σ": "σ",
	} {
		if got, _, _ := lowerStep()(text, new(bounds)); got != want {
			t.Errorf("lower %+q: got %+q, want %+q", text, got, want)
		}
	}
}

// The scores of a tokenizer.json are rounded as the reference rounds them: the
// digits as a number, then that by a power of ten.
func TestScoresRoundTwice(t *testing.T) {
	for text, want := range map[string]float64{
		"0": 0, "-2.5": -2.5, "1e3": 1000, "-1.5E-2": -0.015, "12": 12, "1e-310": 1e-310, "123456789012345678901": 123456789012345678901,
		"-8.7654321098765432":        -float64(87654321098765432) / 1e16,
		"-0.12345678901234567891234": -float64(12345678901234567891) / 1e20,
	} {
		s := jsonScan{data: []byte(text)}
		if got, err := s.number(); err != nil || got != want {
			t.Errorf("number %s: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-", "1e", "e5", "1.2.3", "--1", "1e999"} {
		s := jsonScan{data: []byte(text)}
		if got, err := s.number(); err == nil {
			t.Errorf("number %q: got %v, want an error", text, got)
		}
	}
}

// Inside brackets \w is without the numbers of Latin-1.
func TestWordsInBrackets(t *testing.T) {
	for pattern, want := range map[string]string{`\w`: "²,a,٣", `[\w]`: "a,٣", `[\w&&[^\d]]`: "a", `[^\W]`: "a,٣", `\W`: ".", `[]a]`: "a", `[\W]`: "²,."} {
		f, err := newFinder(pattern)
		if err != nil {
			t.Fatal(err)
		}
		text := "²a.٣"
		spans, err := findAll(f, text)
		if got := strings.Join(texts(text, spans), ","); err != nil || got != want {
			t.Errorf("find %s: got %s, %v, want %s", pattern, got, err, want)
		}
	}
}

// A control token that stands in the model is found by it where it is no added
// token of the text, but not in plain text.
func TestControlTokensOfTheModel(t *testing.T) {
	added := []any{dict{"id": 2, "content": "ab", "special": true, "normalized": false, "single_word": true}}
	unigram := dict{"added_tokens": added, "model": dict{"type": "Unigram", "unk_id": 0, "vocab": []any{
		[]any{"<unk>", 0}, []any{"a", -5}, []any{"ab", -1}, []any{"b", -5}, []any{"c", -1},
	}}}
	bytePairs := chars([]string{"c", "a", "ab", "b"}, dict{"ignore_merges": true})
	bytePairs["added_tokens"] = added
	bytePairs["pre_tokenizer"] = dict{"type": "Split", "pattern": dict{"String": "c"}, "behavior": "Isolated"}
	for _, c := range []struct {
		file dict
		c    int32
	}{{unigram, 4}, {bytePairs, 0}} {
		tok := openJSON(t, jsonText(c.file))
		for range 2 { // the second time from the cache
			wantIDs(t, tok, "cab", 0, c.c, 2)
			wantIDs(t, tok, "cab", Plain, c.c, 1, 3)
			wantIDs(t, tok, "ab", 0, 2)
			wantIDs(t, tok, "ab", Plain, 1, 3)
		}
	}
}
