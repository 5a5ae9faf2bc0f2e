package tokenizer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/golden"
)

// allocated returns how many bytes f asks for.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// times returns n times a value, as a list.
func times(n int, value any) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = value
	}
	return list
}

func normalizers(steps ...any) dict {
	return dict{"normalizer": dict{"type": "Sequence", "normalizers": steps}}
}

// Files whose texts grow without end are refused before the memory is gone.
func TestTextsThatGrow(t *testing.T) {
	double := func(pattern dict) dict { return dict{"type": "Replace", "pattern": pattern, "content": "ee"} }
	for name, c := range map[string]struct {
		changes dict
		text    string
		says    string
	}{
		"a string is doubled":  {normalizers(times(40, double(dict{"String": "e"}))...), "hello", "normalizer Replace"},
		"a pattern is doubled": {normalizers(times(40, double(dict{"Regex": "e"}))...), "hello", "normalizer Replace"},
		"a long insertion":     {normalizers(times(3, dict{"type": "Replace", "pattern": dict{"String": ""}, "content": strings.Repeat("x", maxReplacement)})...), "hello", "normalizer Replace"},
		"compatibility forms":  {normalizers(dict{"type": "NFKD"}), strings.Repeat("\uFDFA", 300_000), "normalizer NFKD"},
		"prefixes of pieces": {dict{"pre_tokenizer": dict{"type": "Sequence", "pretokenizers": append(
			append([]any{dict{"type": "Split", "pattern": dict{"String": ""}, "behavior": "Isolated"}}, times(30, dict{"type": "Metaspace", "replacement": "\U0001F600", "split": false})...),
			times(30, dict{"type": "Metaspace", "replacement": "\U0001F601", "split": false})...)}, "decoder": nil}, strings.Repeat("a", 1<<16), "pre_tokenizer"},
	} {
		file := small(c.changes)
		if file["pre_tokenizer"] == nil {
			delete(file, "pre_tokenizer")
		}
		tok, err := parseTokenizerJSON(jsonText(file), &folderConfig{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		most := uint64(256<<20 + 40*len(c.text))
		if got := allocated(func() { _, err = tok.Encode(c.text, 0) }); got > most {
			t.Errorf("%s: allocated %d MiB", name, got>>20)
		}
		if c.says == "pre_tokenizer" && err == nil {
			continue // within the bounds
		}
		if !errors.Is(err, ErrTooLong) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want ErrTooLong that names %s", name, err, c.says)
		}
	}
}

// What a file asks for beyond all measure is refused when it is opened.
func TestFilesThatAskForTooMuch(t *testing.T) {
	around := func(items, ids int) dict {
		return dict{"post_processor": dict{
			"type": "TemplateProcessing", "single": append(times(items, dict{"SpecialToken": dict{"id": "<s>"}}), dict{"Sequence": dict{"id": "A"}}),
			"special_tokens": dict{"<s>": dict{"ids": times(ids, 258)}},
		}}
	}
	decoders := func(list ...any) dict {
		return dict{"pre_tokenizer": nil, "decoder": dict{"type": "Sequence", "decoders": list}}
	}
	double := dict{"type": "Replace", "pattern": dict{"String": "e"}, "content": "ee"}
	for name, c := range map[string]struct {
		changes dict
		says    string
	}{
		"ids around a text":          {around(20000, 10000), "post_processor"},
		"ids of one item":            {around(1, maxAround+1), "ids"},
		"many processors":            {dict{"post_processor": dict{"type": "Sequence", "processors": times(40, around(30, 1)["post_processor"])}}, "post_processor"},
		"decoders that double":       {decoders(times(40, double)...), "decoder Replace"},
		"a decoder that inserts":     {decoders(dict{"type": "Replace", "pattern": dict{"String": "e"}, "content": strings.Repeat("x", maxReplacement+1)}), "decoder Replace"},
		"an added token":             {dict{"added_tokens": []any{dict{"id": 300, "content": strings.Repeat("a", 1<<20)}}}, "added_tokens"},
		"added tokens":               {dict{"added_tokens": times(maxAddedCount+1, dict{"content": ""})}, "added_tokens"},
		"added tokens of much text":  {dict{"added_tokens": manyTokens(maxTrieText/1000 + 1)}, "added_tokens"},
		"a token that grows":         {merged(normalizers(times(40, double)...), dict{"added_tokens": []any{dict{"id": 300, "content": "e", "normalized": true}}}), "added_tokens"},
		"steps without number":       {dict{"normalizer": dict{"type": "Sequence", "normalizers": times(maxValues, dict{})}}, "normalizer"},
		"a section beyond all bytes": {dict{"decoder": dict{"type": "Fuse", "content": strings.Repeat("x", maxSection)}}, "decoder"},
	} {
		data := jsonText(small(c.changes))
		var err error
		if got := allocated(func() { _, err = parseTokenizerJSON(data, &folderConfig{}) }); got > 512<<20 {
			t.Errorf("%s: allocated %d MiB", name, got>>20)
		}
		if !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrTooLong) || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: got %v, want ErrUnsupported that names %s", name, err, c.says)
		}
	}
}

// manyTokens returns n added tokens of 1000 bytes.
func manyTokens(n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = dict{"id": 300 + i, "content": fmt.Sprintf("%0100d%s", i, strings.Repeat("a", 900))}
	}
	return list
}

// The same tokens, by the other forms.
func TestLongTokensOfEveryForm(t *testing.T) {
	long := strings.Repeat("a", 1<<20) + "b"
	gguf := func(m metadata, k int64) (*Tokenizer, error) {
		m["tokenizer.ggml.tokens"].([]string)[8], m["tokenizer.ggml.token_type"].([]int64)[8] = long, k
		return FromGGUF(m)
	}
	spm := func(kind byte) (*Tokenizer, error) {
		return parseSPM(append(spmPieces("<unk>\x02", "a\x01"), spmPieces(long+string(kind))...), &folderConfig{})
	}
	unigram := tinySPM(metadata{"tokenizer.ggml.model": "t5"})
	for name, open := range map[string]func() (*Tokenizer, error){
		"GGUF, byte-level, user-defined":    func() (*Tokenizer, error) { return gguf(tinyBPE(nil), 4) },
		"GGUF, byte-level, control":         func() (*Tokenizer, error) { return gguf(tinyBPE(nil), 3) },
		"GGUF, SentencePiece, user-defined": func() (*Tokenizer, error) { return gguf(tinySPM(nil), 4) },
		"GGUF, Unigram, normal":             func() (*Tokenizer, error) { return gguf(unigram, 1) },
		"tokenizer.model, user-defined":     func() (*Tokenizer, error) { return spm(4) },
		"tokenizer.model, normal":           func() (*Tokenizer, error) { return spm(1) },
	} {
		var err error
		if got := allocated(func() { _, err = open() }); got > 64<<20 {
			t.Errorf("%s: allocated %d MiB", name, got>>20)
		}
		if !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: got %v, want ErrUnsupported", name, err)
		}
	}
}

// spmPieces writes pieces of a SentencePiece model: text and, as the last byte, the
// kind.
func spmPieces(pieces ...string) []byte {
	var data []byte
	for _, p := range pieces {
		text, kind := p[:len(p)-1], p[len(p)-1]
		field := protoBytes(1, text)
		field = append(field, 3<<3, kind)
		data = append(data, protoBytes(1, string(field))...)
	}
	return data
}

// protoBytes writes a field of bytes.
func protoBytes(number int, value string) []byte {
	data := []byte{byte(number<<3 | 2)}
	n := len(value)
	for ; n >= 0x80; n >>= 7 {
		data = append(data, byte(n)|0x80)
	}
	return append(append(data, byte(n)), value...)
}

// A text that nearly is a token costs no more than another.
func TestTextsThatNearlyAreTokens(t *testing.T) {
	const n = 1 << 21
	nearly := strings.Repeat("a", n)
	user := strings.Repeat("a", maxTokenBytes-1) + "b"
	m := tinyBPE(nil)
	m["tokenizer.ggml.tokens"].([]string)[5] = user
	file := small(nil)
	file["added_tokens"] = []any{dict{"id": 300, "content": user}, dict{"id": 301, "content": user[1:]}}
	toks := map[string]*Tokenizer{"GGUF": mustGGUF(t, m), "tokenizer.json": openJSON(t, jsonText(file))}
	for name, tok := range toks {
		start := golden.CPUTime()
		parts := tok.find.split(nil, nearly)
		if tok.findNormal != nil {
			parts = tok.findNormal.split(nil, nearly)
		}
		if took := golden.CPUTime() - start; took > 2*time.Second || len(parts) != 1 { // some 10 ms; 2^31 steps without the links
			t.Errorf("%s: got %d parts in %v", name, len(parts), took)
		}
	}
}

// The matcher finds what a look at every place would.
func TestMatcher(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	word := func(n int) string {
		b := make([]byte, 1+r.IntN(n))
		for i := range b {
			b[i] = "ab"[r.IntN(2)]
		}
		return string(b)
	}
	for range 3000 {
		var tokens []*addedToken
		var patterns []string
		for i := range 1 + r.IntN(8) {
			tokens, patterns = append(tokens, &addedToken{id: int32(i)}), append(patterns, word(6))
		}
		m, err := newMatcher(tokens, patterns)
		if err != nil {
			t.Fatal(err)
		}
		text := word(30) + "c" + word(20)
		for from := 0; from < len(text); {
			var want *addedToken
			start, end := 0, 0
			for i := from; i < len(text) && want == nil; i++ {
				for k, p := range patterns {
					if strings.HasPrefix(text[i:], p) && (want == nil || i+len(p) >= end) {
						want, start, end = tokens[k], i, i+len(p)
					}
				}
			}
			got, i, j := m.next(text, from)
			if (got == nil) != (want == nil) || i != start || j != end || got != nil && patterns[got.id] != patterns[want.id] {
				t.Fatalf("tokens %q in %q from %d: got %v %d to %d, want %v %d to %d", patterns, text, from, got, i, j, want, start, end)
			}
			if want == nil {
				break
			}
			from = end
		}
	}
	if m, err := newMatcher(nil, nil); m != nil || err != nil || !slices.Equal(m.split(nil, "a"), []part{{span{0, 1}, textPart}}) {
		t.Errorf("no tokens: got %v, %v", m, err)
	}
}
