package tokenizer

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/golden"
)

// named reports whether an error is one of the package's own.
func named(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, ErrUnsupported) || errors.Is(err, ErrNoTokenizer) || errors.Is(err, ErrID) || errors.Is(err, ErrTooLong)
}

// tryTokenizer uses whatever a damaged file still gave.
func tryTokenizer(t *testing.T, tok *Tokenizer, err error) {
	t.Helper()
	if err != nil {
		if !named(err) {
			t.Fatalf("got %v, want a named error", err)
		}
		return
	}
	for _, text := range []string{"", "Hello wörld 中文\n\n 123", "\xff<s>", strings.Repeat("ab ", 40)} {
		ids, err := tok.Encode(text, AddSpecial)
		if err != nil && !errors.Is(err, ErrTimeLimit) && !errors.Is(err, ErrTooLong) {
			t.Fatal(err)
		}
		if _, err := tok.Decode(ids); err != nil {
			t.Fatalf("decode what encode gave: %v", err)
		}
	}
	for id := range int32(min(tok.VocabSize(), 300)) {
		if _, err := tok.Decode([]int32{id}); err != nil {
			t.Fatal(err)
		}
		tok.Token(id)
	}
}

func TestCutAndFlippedFiles(t *testing.T) {
	var spm struct {
		Cases []struct {
			Model []byte `json:"model"`
		} `json:"cases"`
	}
	unzipJSON(t, "testdata/sentencepiece.json.gz", &spm)
	js := jsonText(small(dict{"normalizer": dict{"type": "NFC"}, "post_processor": dict{"type": "ByteLevel"}}))
	r := rand.New(rand.NewPCG(17, 18))
	files := map[string]struct {
		data  []byte
		parse func([]byte) (*Tokenizer, error)
	}{
		"tokenizer.json": {js, func(b []byte) (*Tokenizer, error) { return parseTokenizerJSON(b, &folderConfig{}) }},
		"bpe":            {spm.Cases[4].Model, func(b []byte) (*Tokenizer, error) { return parseSPM(b, &folderConfig{}) }},
		"unigram":        {spm.Cases[1].Model, func(b []byte) (*Tokenizer, error) { return parseSPM(b, &folderConfig{}) }},
		"folder": {spm.Cases[4].Model, func(b []byte) (*Tokenizer, error) {
			return FromFiles(map[string][]byte{"tokenizer.model": b, "tokenizer_config.json": []byte(`{"tokenizer_class": "LlamaTokenizer"}`)})
		}},
		"tiktoken": {ranks("ab", "abc"), func(b []byte) (*Tokenizer, error) { return parseTiktoken(b, &folderConfig{}) }},
		"charsmap": {unzip(t, "testdata/unigram_en.model.gz"), func(b []byte) (*Tokenizer, error) { return parseSPM(b, &folderConfig{}) }},
	}
	for name, f := range files {
		t.Run(name, func(t *testing.T) {
			step := 1 + len(f.data)/400
			for n := 0; n < len(f.data); n += step {
				tok, err := f.parse(f.data[:n])
				tryTokenizer(t, tok, err)
			}
			for range 400 {
				data := slices.Clone(f.data)
				for range 1 + r.IntN(3) {
					data[r.IntN(len(data))] = byte(r.IntN(256))
				}
				tok, err := f.parse(data)
				tryTokenizer(t, tok, err)
			}
		})
	}
}

// A small file must not make much of memory.
func TestSmallFilesStaySmall(t *testing.T) {
	for _, text := range []string{
		`{"model":{"type":"BPE","vocab":{"a":4194303},"merges":[]}}`,
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"added_tokens":[{"id":4194303,"content":"x"}]}`,
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":[` + strings.Repeat(`["a","a"],`, 1000) + `["a","a"]]}}`,
		`{"a":` + strings.Repeat("[", 1<<20),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := parseTokenizerJSON([]byte(text), &folderConfig{})
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 100<<20 {
			t.Errorf("%.60s: allocated %d MiB (%v)", text, got>>20, err)
		}
	}
}

// Long words without a space must not take time beyond all proportion.
func TestLongPieces(t *testing.T) {
	toks := map[string]*Tokenizer{
		"byte-level": mustGGUF(t, sampleGGUF(t, "deepseek_coder")), "sentencepiece": mustGGUF(t, sampleGGUF(t, "llama_spm")), "unigram": sampleSPM(t),
	}
	const n = 1 << 17
	texts := map[string]string{
		"one letter": strings.Repeat("a", n), "spaces": strings.Repeat(" ", n), "no space": strings.Repeat("abcdefgh", n/8),
		"ideographs": strings.Repeat("学而时习之不亦说乎", n/27), "one sign": strings.Repeat("<", n), "line ends": strings.Repeat("\n", n),
	}
	for name, tok := range toks {
		for what, text := range texts {
			start := golden.CPUTime()
			ids, err := tok.Encode(text, 0)
			took := golden.CPUTime() - start
			if err != nil || took > 5*time.Second { // some 50 ms; a scan for each merge would take minutes
				t.Errorf("%s, %s: %d ids, %v in %v", name, what, len(ids), err, took)
			}
		}
	}
}

func TestManyGoroutines(t *testing.T) {
	tok := mustGGUF(t, sampleGGUF(t, "deepseek_coder"))
	text := unzipText(t)
	want, err := mustGGUF(t, sampleGGUF(t, "deepseek_coder")).Encode(text, 0)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 4 {
				got, err := tok.Encode(text, 0)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("got %d ids, %v, want %d", len(got), err, len(want))
				}
				if back, err := tok.Decode(got); err != nil || back != text {
					t.Errorf("decode: got %d bytes, %v, want %d", len(back), err, len(text))
				}
			}
		})
	}
	wg.Wait()
}

// unzipText returns all golden strings in one.
func unzipText(t testing.TB) string {
	var cases goldenCases
	unzipJSON(t, "testdata/golden/cases.json.gz", &cases)
	return strings.Join(cases.Strings, "\n")
}

func TestEncodeLeavesNoGarbage(t *testing.T) {
	if withRace {
		t.Skip("the race detector makes pools forget at random; run without -race")
	}
	tok := mustGGUF(t, sampleGGUF(t, "deepseek_coder"))
	text := "The quick brown fox (unbelievably) jumps over\n\n1234 lazy dogs; 今天天气很好"
	dst, err := tok.Encode(text, 0)
	if err != nil {
		t.Fatal(err)
	}
	allocs := testing.AllocsPerRun(200, func() {
		if dst, err = tok.AppendEncode(dst[:0], text, 0); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 0.5 {
		t.Errorf("got %.1f allocations for a text, want none", allocs)
	}
}

func FuzzEncodeDecode(f *testing.F) {
	toks := []*Tokenizer{mustGGUF(f, sampleGGUF(f, "deepseek_coder")), mustGGUF(f, sampleGGUF(f, "llama_spm")), sampleSPM(f)}
	var cases goldenCases
	unzipJSON(f, "testdata/golden/cases.json.gz", &cases)
	for i, s := range cases.Strings {
		if len(s) < 200 {
			f.Add(s, i%2 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, text string, plain bool) {
		flags := Flags(0)
		if plain {
			flags = Plain
		}
		for i, tok := range toks {
			ids, err := tok.Encode(text, flags)
			if err != nil {
				t.Fatal(err)
			}
			back, err := tok.Decode(ids)
			if err != nil {
				t.Fatal(err)
			}
			s := tok.NewStream()
			var joined strings.Builder
			for _, id := range ids {
				piece, err := s.Next(id)
				if err != nil || !utf8.ValidString(piece) {
					t.Fatalf("tokenizer %d: id %d: got %q, %v", i, id, piece, err)
				}
				joined.WriteString(piece)
			}
			joined.WriteString(s.Flush())
			if joined.String() != back {
				t.Fatalf("tokenizer %d: stream: got %q, want %q", i, joined.String(), back)
			}
			if i == 0 && back != validText(text) {
				t.Fatalf("round trip: got %q, want %q", back, validText(text))
			}
		}
	})
}

func FuzzTokenizerJSON(f *testing.F) {
	var file struct {
		Cases []struct {
			Tokenizer json.RawMessage `json:"tokenizer"`
		} `json:"cases"`
	}
	unzipJSON(f, "testdata/components.json.gz", &file)
	for _, c := range file.Cases[:60] {
		f.Add([]byte(c.Tokenizer))
	}
	f.Add(jsonText(small(nil)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			return
		}
		tok, err := parseTokenizerJSON(data, &folderConfig{})
		tryTokenizer(t, tok, err)
	})
}

func FuzzModelFile(f *testing.F) {
	var spm struct {
		Cases []struct {
			Model []byte `json:"model"`
		} `json:"cases"`
	}
	unzipJSON(f, "testdata/sentencepiece.json.gz", &spm)
	for _, c := range spm.Cases {
		f.Add(c.Model)
	}
	f.Add(ranks("ab", "abc"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var tok *Tokenizer
		var err error
		if isTiktoken(data) {
			tok, err = parseTiktoken(data, &folderConfig{})
		} else {
			tok, err = parseSPM(data, &folderConfig{})
		}
		tryTokenizer(t, tok, err)
	})
}

// FuzzFolder reads what stands beside a tokenizer.model.
func FuzzFolder(f *testing.F) {
	cases, models := folderCases(f)
	for _, c := range cases {
		f.Add([]byte(c.Files["tokenizer_config.json"]), []byte(c.Files["special_tokens_map.json"]), []byte(c.Files["added_tokens.json"]), "bpe")
	}
	f.Add([]byte(`{"added_tokens_decoder": {"1e3": null, "7": []}, "bos_token": [{"content": "<s>"}], "x": NaN}`), []byte("null"), []byte(`{"a": -1}`), "user")
	f.Fuzz(func(t *testing.T, config, names, ids []byte, model string) {
		if len(config)+len(names)+len(ids) > 1<<14 {
			return
		}
		tok, err := FromFiles(map[string][]byte{
			"tokenizer.model": models[model], "tokenizer_config.json": config, "special_tokens_map.json": names, "added_tokens.json": ids,
		})
		tryTokenizer(t, tok, err)
	})
}

func FuzzJSONScan(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00\n"],"b":null}`, `[[],{},"\\"]`, `"\ud800"`, `{"a":tru}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := jsonScan{data: data}
		raw, err := s.raw()
		if err == nil && s.peek() == 0 && s.pos == len(data) && len(raw) == 0 {
			t.Fatalf("%q: got an empty value", data)
		}
		if !json.Valid(data) || !utf8.Valid(data) {
			return
		}
		if err != nil {
			if strings.Count(string(data), "[")+strings.Count(string(data), "{") <= maxJSONDepth {
				t.Fatalf("%q: %v", data, err)
			}
			return
		}
		var want string
		if json.Unmarshal(data, &want) == nil && data[len(data)-1] == '"' {
			got, err := (&jsonScan{data: data}).str()
			if err == nil && string(got) != want && !strings.Contains(want, "\uFFFD") {
				t.Fatalf("%q: got %q, want %q", data, got, want)
			}
		}
	})
}
