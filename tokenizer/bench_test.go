package tokenizer

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// benchTexts are an English, a Go and a Chinese text of some size. The Go text
// is this package's own; the others are made from a short sample by a chain of
// its words, or characters, so that they repeat words but not lines.
func benchTexts(b *testing.B) map[string]string {
	var cases goldenCases
	unzipJSON(b, "testdata/golden/cases.json.gz", &cases)
	sample := func(label string) string {
		for i, l := range cases.Labels {
			if l == label {
				return cases.Strings[i]
			}
		}
		b.Fatalf("no golden text %q", label)
		return ""
	}
	var source strings.Builder
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		b.Fatalf("no sources: %v", err)
	}
	for _, name := range files {
		if data, err := os.ReadFile(name); err == nil && !strings.HasPrefix(name, "unicode_") {
			source.Write(data)
		}
	}
	return map[string]string{
		"english": chain(strings.SplitAfter(sample("English text"), " "), 1<<18),
		"go":      source.String(),
		"chinese": chain(strings.Split(sample("Chinese text"), ""), 1<<18),
	}
}

// chain walks at random from each part to one that follows it in the sample.
func chain(parts []string, size int) string {
	next := map[string][]string{}
	for i, p := range parts {
		next[p] = append(next[p], parts[(i+1)%len(parts)])
	}
	r := rand.New(rand.NewPCG(19, 20))
	var out strings.Builder
	for p := parts[0]; out.Len() < size; {
		out.WriteString(p)
		p = next[p][r.IntN(len(next[p]))]
	}
	return out.String()
}

// benchTokenizers are those of the test data, and the published ones if they
// are there.
func benchTokenizers(b *testing.B) (names []string, open map[string]func() *Tokenizer) {
	open = map[string]func() *Tokenizer{}
	add := func(name string, f func() *Tokenizer) {
		names, open[name] = append(names, name), f
	}
	for _, name := range []string{"deepseek_coder", "llama_spm"} {
		m := sampleGGUF(b, name)
		add(name+".gguf", func() *Tokenizer { return mustGGUF(b, m) })
	}
	files, _ := filepath.Glob(filepath.Join(cacheFolder(), "*", "*.*"))
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		switch filepath.Base(file) {
		case "tokenizer.json", "tokenizer.model":
			add(name+filepath.Ext(file), func() *Tokenizer { return mustOpen(b, file) })
		case "vocab.gguf":
			if open[name+".gguf"] != nil {
				continue
			}
			data, err := os.ReadFile(file)
			if err != nil {
				b.Fatal(err)
			}
			m := readMetadata(b, data)
			add(name+".gguf", func() *Tokenizer { return mustGGUF(b, m) })
		}
		if form, ok := asGGUF[name]; ok && filepath.Base(file) == "tokenizer.json" {
			m := ggufOfJSON(b, filepath.Dir(file), form.pre, form.size)
			add(name+".gguf", func() *Tokenizer { return mustGGUF(b, m) })
		}
	}
	if len(files) == 0 {
		b.Logf("only the tokenizers of the test data; for more: %s", fetchHint)
	}
	return names, open
}

// BenchmarkEncode is to stay above 20 MB/s for English and Go text and above
// 5 MB/s for Chinese, on one core, whatever the tokenizer (Unigram aside).
func BenchmarkEncode(b *testing.B) {
	texts := benchTexts(b)
	names, open := benchTokenizers(b)
	for _, name := range names {
		tok := open[name]()
		for _, what := range []string{"english", "go", "chinese"} {
			text := texts[what]
			b.Run(name+"/"+what, func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				var dst []int32
				var err error
				for b.Loop() {
					if dst, err = tok.AppendEncode(dst[:0], text, 0); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkOpen is to stay below 150 ms for a GGUF vocabulary of 128,000, whose
// metadata are read, and below 600 ms for a tokenizer.json.
func BenchmarkOpen(b *testing.B) {
	names, open := benchTokenizers(b)
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				open[name]()
			}
		})
	}
}

// BenchmarkLongPiece encodes one mebibyte that no pattern splits.
func BenchmarkLongPiece(b *testing.B) {
	texts := map[string]string{"letter": strings.Repeat("a", 1<<20), "letters": strings.Repeat("abcdefgh", 1<<17), "ideographs": strings.Repeat("学而时习之不亦说乎", 1<<20/27)}
	for name, tok := range map[string]*Tokenizer{
		"bytes": mustGGUF(b, sampleGGUF(b, "deepseek_coder")), "sentencepiece": mustGGUF(b, sampleGGUF(b, "llama_spm")), "unigram": sampleSPM(b),
	} {
		for what, text := range texts {
			b.Run(name+"/"+what, func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					if _, err := tok.Encode(text, 0); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	text := benchTexts(b)["english"]
	for name, tok := range map[string]*Tokenizer{"bytes": mustGGUF(b, sampleGGUF(b, "deepseek_coder")), "sentencepiece": mustGGUF(b, sampleGGUF(b, "llama_spm"))} {
		ids, err := tok.Encode(text, 0)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := tok.Decode(ids); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
