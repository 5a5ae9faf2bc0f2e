package tokenizer

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var trimPublished = flag.Bool("trim", false, "cut the published tokenizers in BLITZ_TEST_CACHE to what the golden strings need, into testdata/published")

// A published is a published tokenizer cut to the pieces and merges that its golden
// data can ask for: it encodes the golden strings by the same steps, to the same
// ids (testdata/published/README.md).
type published struct {
	JSON   json.RawMessage `json:"tokenizer.json,omitempty"`
	Config json.RawMessage `json:"tokenizer_config.json,omitempty"`
	GGUF   *publishedGGUF  `json:"gguf,omitempty"`
}

// A publishedGGUF is the metadata of a GGUF file, with the tokens that are left by
// their ids.
type publishedGGUF struct {
	Texts  map[string]string `json:"texts"`
	Flags  map[string]bool   `json:"flags"`
	IDs    map[string]uint64 `json:"ids"`
	Size   int               `json:"size"`
	Tokens map[int]string    `json:"tokens"`
	Types  map[int]int64     `json:"types"` // but for normal tokens
	Merges []string          `json:"merges"`
}

// metadata returns what the whole file says, with nothing in place of the tokens
// that are not left.
func (p *publishedGGUF) metadata() metadata {
	tokens, types := make([]string, p.Size), make([]int64, p.Size)
	for id := range tokens {
		types[id] = 5
	}
	for id, text := range p.Tokens {
		tokens[id], types[id] = text, 1
	}
	for id, k := range p.Types {
		types[id] = k
	}
	m := metadata{"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": types, "tokenizer.ggml.merges": p.Merges}
	for key, v := range p.Texts {
		m[key] = v
	}
	for key, v := range p.Flags {
		m[key] = v
	}
	for key, v := range p.IDs {
		m[key] = v
	}
	return m
}

// publishedNames are the tokenizers whose licences let them stand here.
var publishedNames = []string{"deepseek_v3", "deepseek_v4", "qwen3", "mistral_7b", "gpt2", "smollm2", "r1_distill_qwen"}

func publishedFile(name string) string {
	return filepath.Join("testdata", "published", name+".json.gz")
}

// TestPublished holds published tokenizers to their golden ids, in the form in which
// they are published and in that of GGUF files.
func TestPublished(t *testing.T) {
	if *trimPublished {
		for _, name := range publishedNames {
			trim(t, name)
		}
	}
	for _, name := range publishedNames {
		t.Run(name, func(t *testing.T) {
			var p published
			unzipJSON(t, publishedFile(name), &p)
			if p.GGUF != nil {
				tok := mustGGUF(t, p.GGUF.metadata())
				checkGolden(t, tok, "testdata/golden", name, false)
				wantNoNotes(t, tok)
				return
			}
			dir := writeFolder(t, dict{"tokenizer.json": []byte(p.JSON), "tokenizer_config.json": []byte(p.Config)})
			tok := mustOpen(t, dir)
			checkGolden(t, tok, "testdata/golden", name, false)
			wantNoNotes(t, tok)
			form := asGGUF[name]
			checkGolden(t, mustGGUF(t, ggufOfJSON(t, dir, form.pre, form.size)), "testdata/golden", name, true)
		})
	}
}

func wantNoNotes(t *testing.T, tok *Tokenizer) {
	t.Helper()
	if notes := tok.Notes(); len(notes) > 0 {
		t.Errorf("a published tokenizer: got notes %q", notes)
	}
}

// A recorder is a BPE that remembers the entries and the merges that it could have
// used.
type recorder struct {
	*bpe
	entries map[int32]bool
	pairs   map[[2]int32]bool
}

func (r *recorder) encode(e *encoder, dst []int32, piece string) []int32 {
	r.use(r.vocab.find(piece))
	var own encoder
	if r.byteLevel {
		r.bytes(&own, piece)
	} else {
		r.characters(&own, piece)
	}
	symbols := own.symbols
	for _, s := range symbols {
		r.use(s)
	}
	for {
		best, at := noRank, -1
		for i := 0; i+1 < len(symbols); i++ {
			m := r.merges.find(symbols[i], symbols[i+1])
			if m == nil {
				continue
			}
			r.pairs[[2]int32{symbols[i], symbols[i+1]}] = true
			r.use(m.merged)
			if m.rank < best {
				best, at = m.rank, i
			}
		}
		if at < 0 {
			break
		}
		symbols[at] = r.merges.find(symbols[at], symbols[at+1]).merged
		symbols = slices.Delete(symbols, at+1, at+2)
	}
	return r.bpe.encode(e, dst, piece)
}

func (r *recorder) use(entry int32) {
	if entry >= 0 {
		r.entries[entry] = true
	}
}

// record encodes the golden strings and returns what is left: the ids, and the
// merges as the file spells them.
func record(t *testing.T, tok *Tokenizer, name string) (ids map[int]bool, merges map[string]bool) {
	t.Helper()
	r := &recorder{bpe: tok.model.(*bpe), entries: map[int32]bool{}, pairs: map[[2]int32]bool{}}
	tok.model = r
	var cases goldenCases
	unzipJSON(t, "testdata/golden/cases.json.gz", &cases)
	var g goldenIDs
	unzipJSON(t, filepath.Join("testdata/golden", name+".json.gz"), &g)
	ids, merges = map[int]bool{}, map[string]bool{}
	for i, s := range append(cases.Strings, "hi") {
		for _, flags := range []Flags{0, Plain, AddSpecial} {
			got, err := tok.Encode(s, flags)
			if err != nil {
				t.Fatalf("string %d: %v", i, err)
			}
			for _, id := range got {
				ids[int(id)] = true
			}
		}
	}
	for _, id := range g.DecodeOne.IDs {
		ids[int(id)] = true
	}
	for b := range 256 {
		r.use(r.start[b])
		r.use(r.fallback[b])
	}
	r.use(r.unknown)
	spell := func(entry int32) string {
		if tok.raw {
			return string(appendSpelled(nil, tok.vocab.piece(entry)))
		}
		return string(tok.vocab.piece(entry))
	}
	for pair := range r.pairs {
		r.use(pair[0])
		r.use(pair[1])
		merges[spell(pair[0])+" "+spell(pair[1])] = true
	}
	for e := range r.entries {
		if id := tok.vocab.ids[e]; id >= 0 {
			ids[int(id)] = true
		}
	}
	return ids, merges
}

// trim writes a tokenizer of the cache, cut.
func trim(t *testing.T, name string) {
	t.Helper()
	dir := filepath.Join(cacheFolder(), name)
	var p published
	if data, err := os.ReadFile(filepath.Join(dir, "vocab.gguf")); err == nil {
		p.GGUF = trimGGUF(t, readMetadata(t, data), name)
	} else {
		data, err := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
		if err != nil {
			t.Skip(fetchHint)
		}
		p.JSON = trimJSON(t, mustOpen(t, dir), data, name)
		if p.Config, err = os.ReadFile(filepath.Join(dir, "tokenizer_config.json")); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	z.Write(jsonText(p))
	z.Close()
	if err := os.MkdirAll("testdata/published", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(publishedFile(name), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// trimJSON cuts the vocabulary and the merges of a tokenizer.json.
func trimJSON(t *testing.T, tok *Tokenizer, data []byte, name string) []byte {
	t.Helper()
	ids, merges := record(t, tok, name)
	var file, model dict
	var parts struct {
		Vocab  map[string]int    `json:"vocab"`
		Merges []json.RawMessage `json:"merges"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	model = file["model"].(dict)
	if err := json.Unmarshal(jsonText(model), &parts); err != nil {
		t.Fatal(err)
	}
	vocab, kept := dict{}, []json.RawMessage{}
	for piece, id := range parts.Vocab {
		if ids[id] {
			vocab[piece] = id
		}
	}
	for _, m := range parts.Merges {
		var line string
		var pair []string
		if json.Unmarshal(m, &line) != nil && json.Unmarshal(m, &pair) == nil {
			line = strings.Join(pair, " ")
		}
		if merges[line] {
			kept = append(kept, m)
		}
	}
	model["vocab"], model["merges"] = vocab, kept
	return jsonText(file)
}

// trimGGUF cuts the lists of a GGUF file.
func trimGGUF(t *testing.T, m metadata, name string) *publishedGGUF {
	t.Helper()
	ids, merges := record(t, mustGGUF(t, m), name)
	tokens, types := m["tokenizer.ggml.tokens"].([]string), m["tokenizer.ggml.token_type"].([]int64)
	p := &publishedGGUF{
		Texts: map[string]string{}, Flags: map[string]bool{}, IDs: map[string]uint64{}, Size: len(tokens), Tokens: map[int]string{}, Types: map[int]int64{},
	}
	for key, v := range m {
		if !strings.HasPrefix(key, "tokenizer.") {
			continue
		}
		switch v := v.(type) {
		case string:
			p.Texts[key] = v
		case bool:
			p.Flags[key] = v
		case uint64:
			p.IDs[key] = v
		}
	}
	for id, text := range tokens {
		if types[id] != 1 || ids[id] {
			p.Tokens[id] = text
			if types[id] != 1 {
				p.Types[id] = types[id]
			}
		}
	}
	for _, line := range m["tokenizer.ggml.merges"].([]string) {
		if merges[line] {
			p.Merges = append(p.Merges, line)
		}
	}
	return p
}
