package grammar

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// wideVocabulary returns a vocabulary of 128,000 tokens like those of large models: all
// bytes, words with and without a space and a capital, numbers up to 999, runs of white
// space and marks, pieces of programs, Chinese characters and halves of them.
var wideVocabulary = sync.OnceValues(func() (*Vocabulary, [][]byte) {
	const size = 128_000
	rng := rand.New(rand.NewPCG(5, 6))
	seen := map[string]bool{}
	var tokens [][]byte
	add := func(texts ...string) {
		for _, t := range texts {
			if !seen[t] && len(tokens) < size-1 {
				seen[t] = true
				tokens = append(tokens, []byte(t))
			}
		}
	}
	for b := range 256 {
		add(string([]byte{byte(b)}))
	}
	for n := range 1000 {
		add(fmt.Sprint(n), fmt.Sprintf("%02d", n), fmt.Sprintf("%03d", n))
	}
	for n := 1; n <= 128; n++ {
		add(strings.Repeat(" ", n), strings.Repeat("\t", n), strings.Repeat("\n", n), "\n"+strings.Repeat(" ", n), strings.Repeat("-", n), strings.Repeat("=", n), ","+strings.Repeat(" ", n))
	}
	marks := []string{"{", "}", "[", "]", "\"", ":", ",", "'", "(", ")", ";", ".", "\\", "/", "<", ">", "=", "!", "?", "-", "_", "\n", " "}
	for range 9000 {
		t := ""
		for range 1 + rng.IntN(4) {
			t += marks[rng.IntN(len(marks))]
		}
		add(t)
	}
	for c := rune(0x4E00); c < 0x4E00+8000; c++ {
		text := string(c)
		add(text, text[:2], text[1:], text+string(0x4E00+rng.Int32N(3000)))
	}
	consonants, vowels := strings.Split("b c d f g h k l m n p r s t v w z st tr pl ch sh th qu", " "), strings.Split("a e i o u ea ou ai", " ")
	for len(tokens) < size-1 {
		word := ""
		for range 1 + rng.IntN(4) {
			word += consonants[rng.IntN(len(consonants))] + vowels[rng.IntN(len(vowels))]
			if rng.IntN(3) == 0 {
				word += consonants[rng.IntN(len(consonants))]
			}
		}
		add(word, " "+word, strings.ToUpper(word[:1])+word[1:], " "+strings.ToUpper(word[:1])+word[1:], "_"+word, "."+word)
		if rng.IntN(20) == 0 {
			add("\""+word, word+"\":", word+"\"", "=\""+word, strings.ToUpper(word))
		}
	}
	tokens = append(tokens, []byte("<end>"))
	v, err := NewVocabulary(tokens, nil, []int32{size - 1})
	if err != nil {
		panic(err)
	}
	return v, tokens
})

// answerJSON is what a model may write.
const answerJSON = `{"name": "Ada Lovelace", "age": 36, "tags": ["poet", "mathematician", "é中文"], "address": {"street": "12 St James's Square", "zip": "SW1Y 4JH", "geo": [51.5072, -0.1276]},
  "works": [
    {"title": "Notes", "year": 1843, "cited": true},
    {"title": "Letters", "year": null, "cited": false}
  ]}`

// answerSchema asks for it.
const answerSchema = `{"type": "object", "properties": {
  "name": {"type": "string", "minLength": 1, "maxLength": 200}, "age": {"type": "integer", "minimum": 0, "maximum": 150},
  "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 20},
  "address": {"type": "object", "properties": {"street": {"type": "string"}, "zip": {"type": "string", "pattern": "^[A-Z0-9 ]{4,10}$"}, "geo": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}}, "required": ["street", "zip"]},
  "works": {"type": "array", "items": {"$ref": "#/$defs/work"}}}, "required": ["name", "age"],
  "$defs": {"work": {"type": "object", "properties": {"title": {"type": "string"}, "year": {"type": ["integer", "null"]}, "cited": {"type": "boolean"}}, "required": ["title"]}}}`

// cutText cuts a text into the longest tokens there are.
func cutText(tokens [][]byte, text string) []int32 {
	ids := map[string]int32{}
	for id, t := range tokens {
		ids[string(t)] = int32(id)
	}
	var out []int32
	for text != "" {
		n := min(len(text), 24)
		for ; n > 1; n-- {
			if _, ok := ids[text[:n]]; ok {
				break
			}
		}
		out = append(out, ids[text[:n]])
		text = text[n:]
	}
	return out
}

func BenchmarkVocabulary(b *testing.B) {
	_, tokens := wideVocabulary()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewVocabulary(tokens, nil, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMask goes through an answer again and again: a Mask and an Accept a token.
func BenchmarkMask(b *testing.B) {
	v, tokens := wideVocabulary()
	ids := cutText(tokens, answerJSON)
	mask := make([]uint64, (v.size+63)/64)
	b.Run("json", func(b *testing.B) { benchmarkAnswer(b, JSON(), v, ids, mask) })
	schema, err := Schema([]byte(answerSchema), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("schema", func(b *testing.B) { benchmarkAnswer(b, schema, v, ids, mask) })
	g, err := Regex(`\{"name": "[^"]{1,400}", "age": [0-9]{1,3}, "tags": \[("[^"]{0,40}"(, )?){0,5}\], [^~]{0,10000}`, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("regex", func(b *testing.B) { benchmarkAnswer(b, g, v, ids, mask) })
}

func benchmarkAnswer(b *testing.B, g *Grammar, v *Vocabulary, ids []int32, mask []uint64) {
	n := -len(ids) // the first round finds out
	answer := func() {
		u := begin(b, g, v)
		for _, id := range ids {
			for i := range mask {
				mask[i] = ^uint64(0)
			}
			u.Mask(mask)
			if mask[id/64]>>(id%64)&1 == 0 {
				b.Fatalf("token %q is masked", v.texts[id])
			}
			if err := u.Accept(id); err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	answer()
	for b.Loop() {
		answer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/token")
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(g.machine(v).used()), "memory")
}

// BenchmarkFirst compiles a grammar and finds what may come first, and then what may
// come in an answer, for the first time.
func BenchmarkFirst(b *testing.B) {
	v, tokens := wideVocabulary()
	ids := cutText(tokens, answerJSON)
	for name, all := range map[string]bool{"mask": false, "answer": true} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				g, err := Schema([]byte(answerSchema), nil)
				if err != nil {
					b.Fatal(err)
				}
				u := begin(b, g, v)
				for i, id := range ids {
					if _, err := u.m.allowed(u.config); err != nil {
						b.Fatal(err)
					}
					if i > 0 && !all {
						break
					}
					if err := u.Accept(id); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
	b.ReportMetric(float64(len(ids)), "tokens")
}
