package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/train"
)

// shape is a model whose steps are measured, from random weights.
type shape struct {
	config   string
	rows     int
	cols     int // tokens of a row
	active   int // parameters that a token is multiplied with, embedding left out and head counted
	settings train.Settings
}

// adam is the optimizer of all of them.
var adam = train.Optimizer{Kind: "adamw", Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, WeightDecay: 0.1, ClipNorm: 1}

var rate = train.Schedule{Kind: "constant", LR: 1e-3, Warmup: 4, Steps: 1000}

// shapes are a small dense model, and one of DeepSeek's family with experts and a module of
// multi-token prediction.
var shapes = map[string]*shape{
	"dense": {
		config: `{"model_type": "llama", "vocab_size": 64, "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4,
"num_key_value_heads": 4, "hidden_act": "silu", "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}, "bos_token_id": 1, "eos_token_id": 2}`,
		cols:     256,
		settings: train.Settings{Optimizer: adam, Schedule: rate},
	},
	"recipe": {
		config: `{"model_type": "deepseek_v3", "vocab_size": 128, "hidden_size": 192, "intermediate_size": 512, "moe_intermediate_size": 128, "num_hidden_layers": 8,
"first_k_dense_replace": 1, "moe_layer_freq": 1, "num_attention_heads": 4, "num_key_value_heads": 4, "q_lora_rank": null, "kv_lora_rank": 64,
"qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 32, "n_routed_experts": 8, "num_experts_per_tok": 2, "n_shared_experts": 1, "n_group": 1,
"topk_group": 1, "norm_topk_prob": true, "routed_scaling_factor": 1.0, "scoring_func": "sigmoid", "topk_method": "noaux_tc", "hidden_act": "silu",
"max_position_embeddings": 1024, "rms_norm_eps": 1e-6, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}, "attention_bias": false,
"tie_word_embeddings": true, "num_nextn_predict_layers": 1, "bos_token_id": 1, "eos_token_id": 2}`,
		cols:     512,
		settings: train.Settings{Optimizer: adam, Schedule: rate, MTPWeight: 0.3, BalanceAlpha: 1e-4, BiasGamma: 1e-3},
	},
}

// deviation is that of random matrices, as at the start of training.
const deviation = 0.02

// steps is how many batches there are; what is measured goes through them again and again.
const steps = 4

// write writes the model as a folder, with settings.json and batches as Python and Blitz
// read them: batches.bin is [steps, rows, cols] int32.
func (s *shape) write(folder string) error {
	if err := os.WriteFile(filepath.Join(folder, "config.json"), []byte(s.config), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "about.json"), []byte(`{"seed": 1}`), 0o644); err != nil {
		return err
	}
	m, err := tiny.Load(folder)
	if err != nil {
		return err
	}
	c, err := m.Checkpoint(tensor.F32)
	if err != nil {
		return err
	}
	s.begin(c, m)
	if err := c.Write(folder, 1); err != nil {
		return err
	}
	settings, err := json.Marshal(map[string]any{
		"rows": s.rows, "cols": s.cols, "steps": steps, "optimizer": s.settings.Optimizer, "schedule": s.settings.Schedule,
		"mtp_weight": s.settings.MTPWeight, "balance_alpha": s.settings.BalanceAlpha, "bias_gamma": s.settings.BiasGamma,
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "settings.json"), settings, 0o644); err != nil {
		return err
	}
	return writeIDs(folder, s.ids(m.Config.VocabSize))
}

// begin gives matrices the deviation of a first step, the module's copies of embedding and
// head the embedding's numbers, and counts what is active.
func (s *shape) begin(c *tiny.Checkpoint, m *tiny.Model) {
	own := fmt.Sprintf("model.layers.%d.", m.Config.Layers)
	var experts struct {
		All    int `json:"n_routed_experts"`
		Chosen int `json:"num_experts_per_tok"`
	}
	if err := json.Unmarshal(m.Raw, &experts); err != nil {
		panic("shape: " + err.Error()) // tiny has read it
	}
	var embedding []byte
	s.active = 0
	for i := range c.Tensors {
		t := &c.Tensors[i]
		if len(t.Shape) != 2 {
			continue
		}
		scaleTo(t.Data, deviation)
		n := t.Shape[0] * t.Shape[1]
		switch {
		case t.Name == "model.embed_tokens.weight":
			embedding = t.Data
			s.active += n // the head
			if m.Config.NextN > 0 {
				s.active += n
			}
		case strings.HasPrefix(t.Name, own) && (strings.HasSuffix(t.Name, "embed_tokens.weight") || strings.HasSuffix(t.Name, "head.weight")):
			copy(t.Data, embedding)
		case strings.Contains(t.Name, ".mlp.experts."):
			s.active += n * experts.Chosen / experts.All
		default:
			s.active += n
		}
	}
}

// scaleTo multiplies float32 numbers so that they have a deviation.
func scaleTo(b []byte, deviation float64) {
	sum := 0.0
	for i := 0; i < len(b); i += 4 {
		v := float64(math.Float32frombits(binary.LittleEndian.Uint32(b[i:])))
		sum += v * v
	}
	by := deviation / math.Sqrt(sum/float64(len(b)/4))
	for i := 0; i < len(b); i += 4 {
		v := float64(math.Float32frombits(binary.LittleEndian.Uint32(b[i:])))
		binary.LittleEndian.PutUint32(b[i:], math.Float32bits(float32(v*by)))
	}
}

// ids returns random tokens, [steps][rows*cols].
func (s *shape) ids(vocab int) (batches [][]int32) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range steps {
		ids := make([]int32, s.rows*s.cols)
		for i := range ids {
			ids[i] = 3 + rng.Int32N(int32(vocab-3))
		}
		batches = append(batches, ids)
	}
	return batches
}

func writeIDs(folder string, batches [][]int32) error {
	var raw []byte
	for _, ids := range batches {
		for _, id := range ids {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(id))
		}
	}
	return os.WriteFile(filepath.Join(folder, "batches.bin"), raw, 0o644)
}

// batchOf returns a batch of rows that are one sample each.
func batchOf(ids []int32, rows, cols int) *train.Batch {
	b := &train.Batch{Rows: rows, Cols: cols, IDs: ids, Segments: make([]int32, len(ids)), Weights: make([]float32, len(ids))}
	for i := range ids {
		b.Segments[i], b.Weights[i] = 1, 1
	}
	return b
}

// readIDs reads what writeIDs wrote, in batches of n.
func readIDs(folder string, n int) (batches [][]int32, err error) {
	raw, err := os.ReadFile(filepath.Join(folder, "batches.bin"))
	for ; len(raw) >= 4*n; raw = raw[4*n:] {
		ids := make([]int32, n)
		for i := range ids {
			ids[i] = int32(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		batches = append(batches, ids)
	}
	return batches, err
}
