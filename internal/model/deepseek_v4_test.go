package model

import (
	"encoding/binary"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestDeepSeekV4Published reads the types in which DeepSeek publishes V4: E4M3 with powers of
// two, experts of MXFP4.
func TestDeepSeekV4Published(t *testing.T) {
	model, e := loadExpectation(t, "deepseek-v4-fp8")
	c, err := model.PublishedV4()
	m := openCheckpoint(t, c, err, Options{})
	if !m.IsFloat() {
		t.Error("the weights are not float ones")
	}
	got := newRunner(t, m, kernel.CacheF32, 2).run(t, e.ids, whole)
	e.near(t, "as published", "logits", got.logits)
	holdBits(t, m)
}

// TestDeepSeekV4Quantised holds GGUF files of quantised matrices, additions to gates among them, to
// the same bits in any batch.
func TestDeepSeekV4Quantised(t *testing.T) {
	model, e := loadExpectation(t, "deepseek-v4")
	g, err := model.GGUF(tensor.Q8_0, tiny.Split)
	if err != nil {
		t.Fatal(err)
	}
	for i := range g.Tensors {
		x := &g.Tensors[i]
		if !strings.HasSuffix(x.Name, "_ape.weight") || x.Shape[1]%tensor.Q8_0.Block() != 0 {
			continue
		}
		w := decodeF32(x.Data)
		x.Type, x.Data = tensor.Q8_0, make([]byte, tensor.Q8_0.RowBytes(len(w)))
		if err := quant.Encode(x.Data, tensor.Q8_0, w); err != nil {
			t.Fatal(err)
		}
	}
	m := openGGUF(t, g, nil, Options{})
	got := newRunner(t, m, kernel.CacheF32, 2).run(t, e.ids, whole)
	if _, _, median := e.off("logits", got.logits); median > cacheLimit(&m.Config, kernel.CacheQ8) {
		t.Errorf("the median row is off by %.1e", median)
	}
	holdBits(t, m)
}

// TestDeepSeekV4MTP holds the guesses of the module of multi-token prediction to those computed
// in float64, and to the same bits in any batch.
func TestDeepSeekV4MTP(t *testing.T) {
	model, e := loadExpectation(t, "deepseek-v4-mtp")
	c, err := model.Checkpoint(tensor.BF16)
	m := openCheckpoint(t, c, err, Options{MTP: true})
	got := newRunner(t, m, kernel.CacheF32, 2).run(t, e.ids, whole)
	e.near(t, "mtp", "logits", got.logits)
	e.near(t, "mtp", "mtp_logits", got.drafts)
	holdBits(t, m)
}

// TestDSpark holds blocks that draft layers guess to those computed in float64, behind a prompt
// computed at once and in pieces, with a block guessed between that was wrong.
func TestDSpark(t *testing.T) {
	model, e := loadExpectation(t, "deepseek-v4-dspark")
	arrays, err := golden.LoadNPZ(filepath.Join("testdata", "deepseek-v4-dspark", "expect.npz"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := model.Checkpoint(tensor.F32)
	m := openCheckpoint(t, c, err, Options{MTP: true})
	if m.BlockSize() != 5 || m.HasMTP() {
		t.Fatalf("blocks of %d, a module of one token: %v", m.BlockSize(), m.HasMTP())
	}
	var first [][]float32
	for _, piece := range []int{1000, 7} {
		r := newRunner(t, m, kernel.CacheF32, 2)
		for i, ids := range e.ids {
			seq := r.cache.Sequence()
			var anchor int32
			for at := 0; at < len(ids); at += piece {
				next := ids[at:min(at+piece, len(ids))]
				if err := seq.Reserve(len(next) + m.BlockSize()); err != nil {
					t.Fatal(err)
				}
				h := m.Forward(&r.step, &Batch{Segments: []Segment{{Seq: seq, Pos: at, Tokens: next, Logits: 1}}})
				anchor = int32(argmax(m.Logits(&r.step, h, 0, 1).X))
				seq.Append(next)
				if at+piece < len(ids) { // of another token than comes
					if _, err := m.DraftBlock(&r.step, seq, seq.Len(), len(ids), (ids[at+piece]+1)%int32(m.Config.VocabSize)); err != nil {
						t.Fatal(err)
					}
				}
			}
			b, err := m.DraftBlock(&r.step, seq, seq.Len(), len(ids), anchor)
			if err != nil {
				t.Fatal(err)
			}
			k := string(rune('0' + i))
			tokens, errT := arrays["draft."+k].Int32s()
			logits, errL := arrays["draft_logits."+k].Float32s()
			sure, errC := arrays["confidence."+k].Float32s()
			if errT != nil || errL != nil || errC != nil || !slices.Equal(b.Tokens, tokens) {
				t.Fatalf("sequence %d: tokens %v, want %v: %v %v %v", i, b.Tokens, tokens, errT, errL, errC)
			}
			var row []float32
			for k, l := range b.Logits {
				for v, x := range l.X {
					if d := math.Abs(float64(x - logits[k*l.D+v])); d > 1e-4 {
						t.Fatalf("sequence %d, row %d: logit %d is %v, want %v", i, k, v, x, logits[k*l.D+v])
					}
				}
				if d := math.Abs(float64(b.Confidence[k] - sure[k])); d > 1e-5 {
					t.Errorf("sequence %d, row %d: confidence %v, want %v", i, k, b.Confidence[k], sure[k])
				}
				row = append(row, l.X...)
			}
			if piece == 1000 {
				first = append(first, row)
			} else if err := sameBits([][][]float32{{row}}, [][][]float32{{first[i]}}); err != nil {
				t.Errorf("sequence %d in pieces: %v", i, err)
			}
			seq.Free()
		}
	}
}

// TestDSparkLimit: where frequencies go by how long a sequence may become, those of a block do.
func TestDSparkLimit(t *testing.T) {
	const limit, factor = 200, 4
	model, e := loadExpectation(t, "deepseek-v4-dspark")
	block := func(rope map[string]any) []float32 {
		c, err := model.With(map[string]any{"max_position_embeddings": 32, "rope_parameters": map[string]any{"main": rope}}).Checkpoint(tensor.F32)
		m := openCheckpoint(t, c, err, Options{MTP: true})
		r := newRunner(t, m, kernel.CacheF32, 1)
		seq := r.cache.Sequence()
		defer seq.Free()
		ids := e.ids[0][:20]
		if err := seq.Reserve(len(ids) + m.BlockSize()); err != nil {
			t.Fatal(err)
		}
		m.Forward(&r.step, &Batch{Segments: []Segment{{Seq: seq, Tokens: ids, Logits: 1, Limit: limit}}})
		seq.Append(ids)
		b, err := m.DraftBlock(&r.step, seq, len(ids), limit, 5)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(b.Logits[0].X)
	}
	grown := RopeConfig{Type: "dynamic", Theta: 10000, Factor: factor, OriginalMaxPositionEmbeddings: 32}
	got := block(map[string]any{"rope_type": "dynamic", "rope_theta": grown.Theta, "factor": factor})
	want := block(map[string]any{"rope_type": "default", "rope_theta": grown.dynamicTheta(16, limit)})
	if err := sameBits([][][]float32{{got}}, [][][]float32{{want}}); err != nil {
		t.Error(err)
	}
}

// TestRingGuesses guesses wrong tokens behind every position: what follows has the bits that it
// has without. Where a sequence was freed, and at the ends of pages, another goes on with them.
func TestRingGuesses(t *testing.T) {
	for _, name := range []string{"deepseek-v4", "deepseek-v4-pro"} {
		model, _ := loadExpectation(t, name)
		c, err := model.Checkpoint(tensor.F32)
		m := openCheckpoint(t, c, err, Options{})
		ids := mixedLengths(m.Config.VocabSize, 300)[0]
		r := newRunner(t, m, kernel.CacheF32, 2)
		want := r.run(t, [][]int32{ids}, whole).logits[0]
		seq := r.cache.Sequence()
		step := func(tokens []int32, guessed int) []float32 {
			if err := seq.Reserve(len(tokens)); err != nil {
				t.Fatal(err)
			}
			h := m.Forward(&r.step, &Batch{Segments: []Segment{{Seq: seq, Pos: seq.Len(), Tokens: tokens, Logits: len(tokens), Guessed: guessed}}})
			return slices.Clone(m.Logits(&r.step, h, 0, h.T).Row(len(tokens) - 1 - guessed))
		}
		hold := func(what string, got []float32) {
			t.Helper()
			if err := sameBits([][][]float32{{got}}, [][][]float32{{want[seq.Len()-1]}}); err != nil {
				t.Fatalf("%s: %s at %d: %v", name, what, seq.Len(), err)
			}
		}
		for seq.Len() < 290 {
			n := min(290-seq.Len(), 1+seq.Len()*7%11)
			tokens := slices.Clone(ids[seq.Len():][:n])
			guessed := seq.Len() * 5 % (MostGuessed + 1)
			for k := range guessed {
				tokens = append(tokens, int32(k))
			}
			got := step(tokens, guessed)
			seq.Append(tokens[:n])
			hold("with guesses", got)
		}
		seq.Free()
		for _, x := range [][2]int{{300, 290}, {280, kvcache.PagePositions}} { // elsewhere nothing is known
			if seq = r.cache.Match("", ids[:x[0]]); seq.Len() != x[1] {
				t.Errorf("%s: of %d tokens %d are known, want %d", name, x[0], seq.Len(), x[1])
			}
			rest := ids[seq.Len() : seq.Len()+5]
			got := step(rest, 0)
			seq.Append(rest)
			hold("after a match", got)
			seq.Free()
		}
	}
}

// TestRefusedTables opens models whose tables of experts are none.
func TestRefusedTables(t *testing.T) {
	model, _ := loadExpectation(t, "deepseek-v4")
	const name = "layers.0.ffn.gate.tid2eid"
	for what, change := range map[string]func(x *tiny.Stored){
		"an expert below 8": func(x *tiny.Stored) { binary.LittleEndian.PutUint64(x.Data[16:], 8) },
		"expert below":      func(x *tiny.Stored) { binary.LittleEndian.PutUint64(x.Data[16:], 1<<63) },
		"twice":             func(x *tiny.Stored) { copy(x.Data[8:16], x.Data[:8]) },
		"[192 3]":           func(x *tiny.Stored) { x.Shape, x.Data = []int{96, 3}, x.Data[:96*3*8] },
		"I64":               func(x *tiny.Stored) { x.Type, x.Data = tensor.F32, x.Data[:192*3*4] },
	} {
		c, err := model.Checkpoint(tensor.F32)
		if err != nil {
			t.Fatal(err)
		}
		c.Tensors = edit(c.Tensors, name, func(x *tiny.Stored) {
			x.Data = slices.Clone(x.Data)
			change(x)
		})
		folder := t.TempDir()
		if err := c.Write(folder, 1); err != nil {
			t.Fatal(err)
		}
		refused(t, folder, ErrTensor, name, what)
	}
}

// TestDeepSeekV4Config reads the two spellings of config.json, and refuses what no model has.
func TestDeepSeekV4Config(t *testing.T) {
	const published = `{"model_type": "deepseek_v4", "num_hidden_layers": 4, "compress_ratios": [0, 4, 128, 4, 0], "num_hash_layers": 1, "qk_rope_head_dim": 64,
		"rope_theta": 10000, "compress_rope_theta": 160000, "rope_scaling": {"type": "yarn", "factor": 16, "original_max_position_embeddings": 65536, "beta_fast": 32, "beta_slow": 1}`
	const later = `{"model_type": "deepseek_v4", "num_hidden_layers": 4, "layer_types": ["sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention", "compressed_sparse_attention"],
		"mlp_layer_types": ["hash_moe", "moe", "moe", "moe"], "partial_rotary_factor": 0.125, "rope_parameters": {"main": {"rope_type": "default", "rope_theta": 10000},
		"compress": {"rope_type": "yarn", "rope_theta": 160000, "factor": 16, "original_max_position_embeddings": 65536, "beta_fast": 32, "beta_slow": 1, "attention_factor": 1.0}}`
	read := func(text string) (*Config, error) { return parseConfig("config.json", strings.NewReader(text+"}")) }
	a, errA := read(published)
	b, errB := read(later)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	for _, c := range []*Config{a, b} {
		_, factor := c.Rope.frequencies(c.RotaryDim, 0)
		if !slices.Equal(c.CompressRatios, []int{0, 4, 128, 4}) || c.NumHashLayers != 1 || c.RotaryDim != 64 || c.RopeLocal.Theta != 10000 || c.RopeLocal.Type != "default" ||
			c.Rope.Theta != 160000 || c.Rope.Type != "yarn" || factor != 1 || c.HiddenAct != SiluClamped || c.SwigluLimit != 10 || c.HCMult != 4 {
			t.Errorf("%+v, rope %+v and %+v", c, c.Rope, c.RopeLocal)
		}
	}
	for change, word := range map[string]string{
		`"compress_ratios": [0, 4, 8, 4]`:                      "compress_ratios 8",
		`"compress_ratios": [0, 4]`:                            "num_hidden_layers 4",
		`"compress_ratios": [0, 4, 4, "x"]`:                    "compress_ratios",
		`"num_key_value_heads": 2`:                             "num_key_value_heads 2",
		`"o_groups": 7`:                                        "o_groups 7",
		`"scoring_func": "sigmoid"`:                            "sqrtsoftplus",
		`"hc_mult": 0`:                                         "hc_mult",
		`"hc_eps": 2`:                                          "hc_eps",
		`"num_hash_layers": 5`:                                 "num_hash_layers 5",
		`"swiglu_limit": -1`:                                   "swiglu_limit",
		`"index_head_dim": 32`:                                 "index_head_dim 32",
		`"qk_rope_head_dim": 63`:                               "63",
		`"attention_bias": true`:                               "attention_bias",
		`"mlp_layer_types": ["moe", "hash_moe", "moe", "moe"]`: "mlp_layer_types",
		`"layer_types": ["full_attention", "full_attention", "full_attention", "full_attention"]`:                     "layer_types",
		`"dspark_block_size": 5, "dspark_noise_token_id": 7, "dspark_markov_rank": 4, "dspark_target_layer_ids": [4]`: "dspark_target_layer_ids",
	} {
		if _, err := read(published + ", " + change); err == nil || !refusal(err) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: error %v, want %q", change, err, word)
		}
	}
}
