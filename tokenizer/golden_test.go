package tokenizer

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// goldenIDs are what a published tokenizer makes of the strings of cases.json.gz.
// A null stands for the same as encode, or for the string itself.
type goldenIDs struct {
	Encode      [][]int32 `json:"encode"`
	EncodePlain [][]int32 `json:"encode_plain"`
	BOSEOS      []int32   `json:"bos_eos"`
	BOSEOSGGUF  []int32   `json:"bos_eos_gguf"`
	Decode      []*string `json:"decode"`
	DecodeSkip  []*string `json:"decode_skip"`
	DecodeOne   struct {
		IDs  []int32  `json:"ids"`
		Text []string `json:"text"`
	} `json:"decode_one"`
}

type goldenCases struct {
	Strings []string `json:"strings"`
	Labels  []string `json:"labels"`
}

func unzip(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return data
}

func unzipJSON(t testing.TB, name string, into any) {
	t.Helper()
	if err := json.Unmarshal(unzip(t, name), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func sampleGGUF(t testing.TB, name string) metadata {
	return readMetadata(t, unzip(t, "testdata/"+name+".gguf.gz"))
}

func mustGGUF(t testing.TB, m Metadata) *Tokenizer {
	t.Helper()
	tok, err := FromGGUF(m)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// sampleSPM opens the SentencePiece model of the test data.
func sampleSPM(t testing.TB) *Tokenizer {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokenizer.model")
	if err := os.WriteFile(path, unzip(t, "testdata/unigram_en.model.gz"), 0o600); err != nil {
		t.Fatal(err)
	}
	tok, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestGoldenSample(t *testing.T) {
	dir := "testdata/golden"
	t.Run("deepseek_coder", func(t *testing.T) {
		checkGolden(t, mustGGUF(t, sampleGGUF(t, "deepseek_coder")), dir, "deepseek_coder", false)
	})
	t.Run("deepseek_coder as tokenizer.json", func(t *testing.T) {
		checkGolden(t, openJSON(t, jsonOfGGUF(t, sampleGGUF(t, "deepseek_coder"))), dir, "deepseek_coder", false)
	})
	t.Run("llama_spm", func(t *testing.T) {
		checkGolden(t, mustGGUF(t, sampleGGUF(t, "llama_spm")), dir, "llama_spm", false)
	})
	t.Run("unigram_en", func(t *testing.T) {
		checkGolden(t, sampleSPM(t), dir, "unigram_en", false)
	})
}

// cacheFolder is where the acceptance checks keep the published tokenizers.
func cacheFolder() string {
	if dir := os.Getenv("BLITZ_TEST_CACHE"); dir != "" {
		return filepath.Join(dir, "tokenizers")
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "blitz-accept", "tokenizers")
}

const fetchHint = "the published tokenizers, which testdata/published/README.md tells how to get: set BLITZ_TEST_CACHE to the folder above tokenizers"

// asGGUF is the GGUF form of published tokenizer.json files: the name of the
// pre-tokenizer and the size of the vocabulary.
var asGGUF = map[string]struct {
	pre  string
	size int
}{
	"deepseek_v3": {"deepseek-v3", 129280}, "deepseek_v4": {"deepseek-v3", 129280}, "qwen3": {"qwen2", 151936},
	"llama3": {"llama-bpe", 0}, "mistral_7b": {"default", 0}, "gemma3": {"default", 0},
}

func TestGoldenAll(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds; run without -short")
	}
	files, _ := filepath.Glob("testdata/golden/*.json.gz")
	ran := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json.gz")
		folder := filepath.Join(cacheFolder(), name)
		if _, err := os.Stat(folder); err != nil {
			continue
		}
		ran++
		t.Run(name, func(t *testing.T) {
			for _, file := range []string{"tokenizer.json", "tokenizer.model"} {
				if _, err := os.Stat(filepath.Join(folder, file)); err == nil {
					tok, err := Open(folder)
					if err != nil {
						t.Fatal(err)
					}
					checkGolden(t, tok, "testdata/golden", name, false)
					wantNoNotes(t, tok)
					checkWritten(t, tok, name)
				}
			}
			if data, err := os.ReadFile(filepath.Join(folder, "vocab.gguf")); err == nil {
				tok := mustGGUF(t, readMetadata(t, data))
				checkGolden(t, tok, "testdata/golden", name, false)
				checkWritten(t, tok, name)
			}
			if form, ok := asGGUF[name]; ok {
				checkGolden(t, mustGGUF(t, ggufOfJSON(t, folder, form.pre, form.size)), "testdata/golden", name, true)
			}
		})
	}
	if ran == 0 {
		t.Skip("without " + fetchHint)
	}
}

// checkWritten writes a tokenizer as GGUF keys, which it has to be read from again.
func checkWritten(t *testing.T, tok *Tokenizer, name string) {
	t.Helper()
	keys, err := tok.GGUF(GGUFOptions{})
	if err != nil {
		t.Fatal(err)
	}
	switch again := mustGGUF(t, keys); name {
	case "mistral_v3": // SentencePiece itself does not find control tokens in text, readers of GGUF files do
		if ids, err := again.Encode("Hello  world\n", 0); err != nil || len(ids) == 0 {
			t.Errorf("got %v %v", ids, err)
		}
	case "unigram_en", "unigram_ja": // nor does it write <unk>
		checkPlain(t, again, "testdata/golden", name)
	default: // of llama3 the folder adds no BOS, where files that do not say have one
		checkGolden(t, again, "testdata/golden", name, name != "llama3")
	}
}

// checkPlain holds a tokenizer to its golden data where text has no control tokens.
func checkPlain(t *testing.T, tok *Tokenizer, dir, name string) {
	t.Helper()
	var cases goldenCases
	unzipJSON(t, filepath.Join(dir, "cases.json.gz"), &cases)
	var g goldenIDs
	unzipJSON(t, filepath.Join(dir, name+".json.gz"), &g)
	for i, s := range cases.Strings {
		want := g.EncodePlain[i]
		if want == nil {
			want = g.Encode[i]
		}
		if got, err := tok.Encode(s, Plain); err != nil || !slices.Equal(got, want) {
			t.Errorf("encode %s %.60q: got %v %v, want %v", cases.Labels[i], s, got, err, want)
		}
	}
}

// checkGolden holds a tokenizer to its golden data in every way.
func checkGolden(t *testing.T, tok *Tokenizer, dir, name string, gguf bool) {
	t.Helper()
	var cases goldenCases
	unzipJSON(t, filepath.Join(dir, "cases.json.gz"), &cases)
	var g goldenIDs
	unzipJSON(t, filepath.Join(dir, name+".json.gz"), &g)
	for i, s := range cases.Strings {
		if gguf && !sameAsGGUF(name, s) {
			continue
		}
		checkEncode(t, tok, cases.Labels[i], s, g.Encode[i], g.EncodePlain[i])
		want := s
		if d := g.Decode[i]; d != nil {
			want = *d
		}
		checkDecode(t, tok, cases.Labels[i], g.Encode[i], want)
		if d := g.DecodeSkip[i]; d != nil {
			want = *d
		}
		if gguf {
			continue // the forms differ in whose space the prefix is
		}
		if got, err := tok.DecodeSkip(g.Encode[i]); err != nil || got != want {
			t.Errorf("decode_skip %s: got %q, %v, want %q", cases.Labels[i], got, err, want)
		}
	}
	want := g.BOSEOS
	if gguf && g.BOSEOSGGUF != nil {
		want = g.BOSEOSGGUF
	}
	if got, err := tok.Encode("hi", AddSpecial); err != nil || !slices.Equal(got, want) {
		t.Errorf("bos_eos: got %v, %v, want %v", got, err, want)
	}
	broken := regexp.MustCompile("\uFFFD+")
	for i, id := range g.DecodeOne.IDs {
		got, err := tok.Decode([]int32{id})
		if want := g.DecodeOne.Text[i]; err != nil || broken.ReplaceAllString(got, "\uFFFD") != broken.ReplaceAllString(want, "\uFFFD") {
			t.Errorf("decode id %d alone: got %q, %v, want %q", id, got, err, want)
		}
	}
}

// sameAsGGUF reports whether the GGUF form has the same ids for a string: it
// knows no normalization, and the references disagree about a ▁ in the text
// and about <s> for Gemma.
func sameAsGGUF(name, s string) bool {
	switch name {
	case "gemma3":
		return !strings.Contains(s, "▁") && !strings.Contains(s, "<s>") && !strings.Contains(s, "</s>")
	case "qwen3":
		return norm.NFC.IsNormalString(s)
	}
	return true
}

func checkEncode(t *testing.T, tok *Tokenizer, label, s string, want, plain []int32) {
	t.Helper()
	if plain == nil {
		plain = want
	}
	for flags, want := range map[Flags][]int32{0: want, Plain: plain} {
		got, err := tok.Encode(s, flags)
		if err != nil || !slices.Equal(got, want) {
			i := 0
			for i < min(len(got), len(want)) && got[i] == want[i] {
				i++
			}
			t.Errorf("encode (flags %d) %s %.60q: %v, index %d: got %v, want %v", flags, label, s, err, i, cutList(got, i), cutList(want, i))
		}
	}
}

func cutList(ids []int32, i int) []int32 { return ids[min(i, len(ids)):min(i+8, len(ids))] }

// checkDecode decodes at once and as a stream, which must never give out half a
// character nor wait for more than four ids.
func checkDecode(t *testing.T, tok *Tokenizer, label string, ids []int32, want string) {
	t.Helper()
	if got, err := tok.Decode(ids); err != nil || got != want {
		t.Errorf("decode %s: got %.80q, %v, want %.80q", label, got, err, want)
	}
	s := tok.NewStream()
	var joined strings.Builder
	waited := 0
	for i, id := range ids {
		piece, err := s.Next(id)
		if err != nil {
			t.Fatalf("stream %s: index %d: %v", label, i, err)
		}
		if !utf8.ValidString(piece) {
			t.Errorf("stream %s: index %d: got %q, which is no UTF-8", label, i, piece)
		}
		if waited++; piece != "" {
			waited = 0
		}
		if waited > 4 {
			t.Errorf("stream %s: index %d: nothing came out for %d ids", label, i, waited)
		}
		joined.WriteString(piece)
	}
	joined.WriteString(s.Flush())
	if joined.String() != want {
		t.Errorf("stream %s: got %.80q, want %.80q", label, joined.String(), want)
	}
}

// openJSON opens a tokenizer.json alone.
func openJSON(t testing.TB, data []byte) *Tokenizer {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokenizer.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	tok, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestComponents(t *testing.T) {
	var file struct {
		Strings []string `json:"strings"`
		Cases   []struct {
			Name      string          `json:"name"`
			Tokenizer json.RawMessage `json:"tokenizer"`
			IDs       [][]int32       `json:"ids"`
			Text      []string        `json:"text"`
		} `json:"cases"`
	}
	unzipJSON(t, "testdata/components.json.gz", &file)
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			tok, err := parseTokenizerJSON(c.Tokenizer, &folderConfig{})
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range file.Strings {
				if got, err := tok.Encode(s, 0); err != nil || !slices.Equal(got, c.IDs[i]) {
					t.Errorf("encode %q: got %v, %v, want %v", s, got, err, c.IDs[i])
				}
				if got, err := tok.Decode(c.IDs[i]); err != nil || got != c.Text[i] {
					t.Errorf("decode %v: got %q, %v, want %q", c.IDs[i], got, err, c.Text[i])
				}
			}
		})
	}
}

func TestSentencePieceKinds(t *testing.T) {
	var file struct {
		Strings []string `json:"strings"`
		Cases   []struct {
			Name     string    `json:"name"`
			Model    []byte    `json:"model"`
			IDs      [][]int32 `json:"ids"`
			Text     []string  `json:"text"`
			More     [][]int32 `json:"more"`
			MoreText []string  `json:"more_text"`
		} `json:"cases"`
	}
	unzipJSON(t, "testdata/sentencepiece.json.gz", &file)
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			tok, err := parseSPM(c.Model, &folderConfig{})
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range file.Strings {
				if got, err := tok.Encode(s, 0); err != nil || !slices.Equal(got, c.IDs[i]) {
					t.Errorf("encode %q: got %v, %v, want %v", s, got, err, c.IDs[i])
				}
			}
			ids, text := append(c.IDs, c.More...), append(c.Text, c.MoreText...)
			for i, want := range text {
				if got, err := tok.Decode(ids[i]); err != nil || got != want {
					t.Errorf("decode %v: got %q, %v, want %q", ids[i], got, err, want)
				}
			}
		})
	}
}

// An unknown text of any kind must come through JSON unharmed.
var jsonText = func(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return b.Bytes()
}
