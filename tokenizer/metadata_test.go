package tokenizer

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// metadata is the key-value part of a GGUF file.
type metadata map[string]any

func (m metadata) Has(key string) bool                 { return m[key] != nil }
func (m metadata) String(key string) (string, bool)    { return get[string](m, key) }
func (m metadata) Bool(key string) (bool, bool)        { return get[bool](m, key) }
func (m metadata) Uint(key string) (uint64, bool)      { return get[uint64](m, key) }
func (m metadata) Strings(key string) ([]string, bool) { return get[[]string](m, key) }
func (m metadata) Ints(key string) ([]int64, bool)     { return get[[]int64](m, key) }
func (m metadata) Floats(key string) ([]float64, bool) { return get[[]float64](m, key) }

func get[T any](m metadata, key string) (T, bool) {
	v, ok := m[key].(T)
	return v, ok
}

// readMetadata reads the kinds of values that the tokenizers of the tests have.
func readMetadata(t testing.TB, data []byte) metadata {
	t.Helper()
	at := 8 + 8 // magic, version, number of tensors
	u64 := func() int { at += 8; return int(binary.LittleEndian.Uint64(data[at-8:])) }
	u32 := func() uint32 { at += 4; return binary.LittleEndian.Uint32(data[at-4:]) }
	str := func() string { n := u64(); at += n; return string(data[at-n : at]) }
	m := metadata{}
	for range u64() {
		key, kind, n := str(), u32(), 1
		if kind == 9 {
			kind, n = u32(), u64()
			switch kind {
			case 8:
				list := make([]string, n)
				for i := range list {
					list[i] = str()
				}
				m[key] = list
			case 5:
				list := make([]int64, n)
				for i := range list {
					list[i] = int64(int32(u32()))
				}
				m[key] = list
			case 6:
				list := make([]float64, n)
				for i := range list {
					list[i] = float64(math.Float32frombits(u32()))
				}
				m[key] = list
			default:
				t.Fatalf("key %s: arrays of type %d are not read", key, kind)
			}
			continue
		}
		switch kind {
		case 4, 5:
			m[key] = uint64(u32())
		case 6:
			m[key] = float64(math.Float32frombits(u32()))
		case 7:
			at++
			m[key] = data[at-1] != 0
		case 8:
			m[key] = str()
		default:
			t.Fatalf("key %s: type %d is not read", key, kind)
		}
	}
	return m
}

// jsonOfGGUF writes the tokenizer.json that a byte-level GGUF file stands for.
func jsonOfGGUF(t testing.TB, m metadata) []byte {
	t.Helper()
	f, err := familyOf(m["tokenizer.ggml.pre"].(string))
	if err != nil {
		t.Fatal(err)
	}
	type dict = map[string]any
	var stages []any
	for _, pattern := range f.splits {
		stages = append(stages, dict{"type": "Split", "pattern": dict{"Regex": pattern}, "behavior": "Isolated", "invert": false})
	}
	stages = append(stages, dict{"type": "ByteLevel", "add_prefix_space": false, "use_regex": false})
	vocab, added := dict{}, []any{}
	kinds := m["tokenizer.ggml.token_type"].([]int64)
	for id, piece := range m["tokenizer.ggml.tokens"].([]string) {
		switch k := kind(kinds[id]); k {
		case kindNormal:
			vocab[piece] = id
		case kindControl, kindUser:
			added = append(added, dict{"id": id, "content": piece, "special": k == kindControl, "normalized": false})
		}
	}
	var merges []any
	for _, line := range m["tokenizer.ggml.merges"].([]string) {
		left, right, _ := strings.Cut(line, " ")
		merges = append(merges, []string{left, right})
	}
	bos := m["tokenizer.ggml.tokens"].([]string)[m["tokenizer.ggml.bos_token_id"].(uint64)]
	return jsonText(dict{
		"added_tokens": added, "pre_tokenizer": dict{"type": "Sequence", "pretokenizers": stages},
		"decoder": dict{"type": "ByteLevel"}, "model": dict{"type": "BPE", "vocab": vocab, "merges": merges},
		"post_processor": dict{
			"type": "TemplateProcessing", "single": []any{dict{"SpecialToken": dict{"id": bos}}, dict{"Sequence": dict{"id": "A"}}},
			"special_tokens": dict{bos: dict{"ids": []any{m["tokenizer.ggml.bos_token_id"]}}},
		},
	})
}

// ggufOfJSON makes the metadata that published GGUF files have for a
// tokenizer.json.
func ggufOfJSON(t testing.TB, dir, pre string, size int) metadata {
	t.Helper()
	var file struct {
		Added []addedEntry `json:"added_tokens"`
		Model struct {
			Vocab        map[string]int `json:"vocab"`
			Merges       []any          `json:"merges"`
			ByteFallback bool           `json:"byte_fallback"`
			UnkToken     *string        `json:"unk_token"`
		} `json:"model"`
		Normalizer *component `json:"normalizer"`
	}
	data, err := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	config, err := readConfig(folder{os.DirFS(dir)})
	if err != nil {
		t.Fatal(err)
	}
	text, kinds := map[int]string{}, map[int]kind{}
	for piece, id := range file.Model.Vocab {
		text[id], kinds[id] = piece, kindNormal
		if _, ok := byteToken(piece); ok && file.Model.ByteFallback {
			kinds[id] = kindByte
		}
	}
	for _, a := range file.Added {
		text[int(*a.ID)], kinds[int(*a.ID)] = a.Content, kindUser
		if isControl(a.Content, a.Special) {
			kinds[int(*a.ID)] = kindControl
		}
	}
	m := metadata{"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": pre}
	if file.Model.ByteFallback {
		m["tokenizer.ggml.model"] = "llama"
		m["tokenizer.ggml.add_space_prefix"] = file.Normalizer.Type == "Sequence"
		kinds[file.Model.Vocab[*file.Model.UnkToken]] = kindUnknown
		for id, k := range kinds {
			if k == kindUser {
				text[id] = strings.ReplaceAll(text[id], blank, " ")
			}
		}
	}
	ids := slices.Sorted(maps.Keys(text))
	n := max(ids[len(ids)-1]+1, size)
	tokens, types, scores, first := make([]string, n), make([]int64, n), make([]float64, n), 0
	for id := range n {
		k, ok := kinds[id]
		if !ok {
			text[id], k = fmt.Sprintf("[PAD%d]", id), kindUnused
		}
		tokens[id], types[id] = text[id], int64(k)
		if k == kindByte {
			first = id + 1
		}
	}
	for id := range n {
		if types[id] == int64(kindNormal) {
			scores[id] = -float64(id - first)
			if strings.Trim(tokens[id], blank) == "" {
				scores[id] = -1e9
			}
		}
	}
	m["tokenizer.ggml.tokens"], m["tokenizer.ggml.token_type"] = tokens, types
	if file.Model.ByteFallback {
		m["tokenizer.ggml.scores"] = scores
	} else {
		var merges []string
		for _, x := range file.Model.Merges {
			if pair, ok := x.([]any); ok {
				x = pair[0].(string) + " " + pair[1].(string)
			}
			merges = append(merges, x.(string))
		}
		m["tokenizer.ggml.merges"] = merges
	}
	for id, piece := range tokens {
		if piece == string(config.names.bos.token.Content) {
			m["tokenizer.ggml.bos_token_id"] = uint64(id)
		}
		if piece == string(config.names.eos.token.Content) {
			m["tokenizer.ggml.eos_token_id"] = uint64(id)
		}
	}
	if config.addBOS != nil {
		m["tokenizer.ggml.add_bos_token"] = *config.addBOS
	}
	if config.addEOS != nil {
		m["tokenizer.ggml.add_eos_token"] = *config.addEOS
	}
	return m
}
