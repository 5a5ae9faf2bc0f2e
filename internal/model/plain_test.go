package model

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// plain is the DeepSeek family once more, as the papers write it: float64, one token
// after the other, keys and values of all heads. It is what models of shapes without
// golden data are held to.
type plain struct {
	tiny.Config
	Context int     `json:"max_position_embeddings"`
	Eps     float64 `json:"rms_norm_eps"`
	Used    int     `json:"num_experts_per_tok"`
	Groups  int     `json:"n_group"`
	Kept    int     `json:"topk_group"`
	Norm    bool    `json:"norm_topk_prob"`
	Factor  float64 `json:"routed_scaling_factor"`
	Scores  string  `json:"scoring_func"`
	Method  string  `json:"topk_method"`
	TopK    int     `json:"index_topk"`
	Rope    struct {
		Type     string  `json:"rope_type"`
		Theta    float64 `json:"rope_theta"`
		Factor   float64 `json:"factor"`
		Original float64 `json:"original_max_position_embeddings"`
		Fast     float64 `json:"beta_fast"`
		Slow     float64 `json:"beta_slow"`
		MScale   float64 `json:"mscale"`
		All      float64 `json:"mscale_all_dim"`
	} `json:"rope_parameters"`
	Interleave *bool `json:"rope_interleave"`
	w          map[string][]float64
}

func newPlain(t *testing.T, m *tiny.Model) *plain {
	t.Helper()
	p := &plain{w: map[string][]float64{}}
	if err := json.Unmarshal(m.Raw, p); err != nil {
		t.Fatal(err)
	}
	for _, x := range m.Tensors() {
		for _, v := range m.Weight(x) {
			p.w[x.Name] = append(p.w[x.Name], float64(v))
		}
	}
	return p
}

// mul is W x, with a bias where there is one.
func (p *plain) mul(name string, x []float64) []float64 {
	w := p.w[name+".weight"]
	y := make([]float64, len(w)/len(x))
	for r := range y {
		y[r] = dot(x, w[r*len(x):][:len(x)])
	}
	for r, b := range p.w[name+".bias"] {
		y[r] += b
	}
	return y
}

func (p *plain) norm(name string, x []float64, eps float64) []float64 {
	var ss float64
	for _, v := range x {
		ss += v * v
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = v / math.Sqrt(ss/float64(len(x))+eps) * p.w[name+".weight"][i]
	}
	return y
}

func (p *plain) layerNorm(name string, x []float64) []float64 {
	var mean, ss float64
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		ss += (v - mean) * (v - mean) / float64(len(x))
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = (v-mean)/math.Sqrt(ss+1e-6)*p.w[name+".weight"][i] + p.w[name+".bias"][i]
	}
	return y
}

// temperature is YaRN's.
func (p *plain) temperature(m float64) float64 {
	if p.Rope.Type != "yarn" || p.Rope.Factor <= 1 {
		return 1
	}
	return 0.1*m*math.Log(p.Rope.Factor) + 1
}

// rotate turns x to a position, in neighbours or halves.
func (p *plain) rotate(x []float64, pos int, neighbours bool) {
	d, r := len(x), &p.Rope
	at := func(turns float64) float64 {
		return float64(d) * math.Log(r.Original/(turns*2*math.Pi)) / (2 * math.Log(r.Theta))
	}
	for i := range d / 2 {
		f, scale := math.Pow(r.Theta, -2*float64(i)/float64(d)), 1.0
		if r.Type == "yarn" {
			low, high := max(math.Floor(at(r.Fast)), 0), min(math.Ceil(at(r.Slow)), float64(d-1))
			if low == high {
				high += 0.001
			}
			ramp := min(max((float64(i)-low)/(high-low), 0), 1)
			f = f/r.Factor*ramp + f*(1-ramp)
			scale = p.temperature(r.MScale) / p.temperature(r.All)
		}
		s, c := math.Sincos(float64(pos) * f)
		a, b := i, i+d/2
		if neighbours {
			a, b = 2*i, 2*i+1
		}
		x[a], x[b] = scale*(x[a]*c-x[b]*s), scale*(x[b]*c+x[a]*s)
	}
}

func dot(a, b []float64) (sum float64) {
	b = b[:len(a)]
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func silu(x float64) float64 { return x / (1 + math.Exp(-x)) }

func (p *plain) mlp(name string, x []float64) []float64 {
	g, u := p.mul(name+"gate_proj", x), p.mul(name+"up_proj", x)
	for i := range g {
		g[i] = silu(g[i]) * u[i]
	}
	return p.mul(name+"down_proj", g)
}

// best returns the indices of the n greatest values, the lower of equal ones first.
func best(x []float64, n int) []int {
	ids := make([]int, len(x))
	for i := range ids {
		ids[i] = i
	}
	slices.SortStableFunc(ids, func(a, b int) int {
		if x[a] > x[b] {
			return -1
		} else if x[a] < x[b] {
			return 1
		}
		return 0
	})
	return ids[:min(n, len(ids))]
}

// experts chooses and sums experts (DeepSeek-V3 §2.1.2; V2 §2.1.3 with softmax).
func (p *plain) experts(name string, x []float64) []float64 {
	score := p.mul(name+"gate", x)
	total := 0.0
	for i, v := range score {
		score[i] = math.Exp(v)
		total += score[i]
	}
	for i, v := range score {
		if score[i] = v / total; p.Scores == "sigmoid" {
			score[i] = v / (1 + v)
		}
	}
	choice := slices.Clone(score)
	for i, b := range p.w[name+"gate.e_score_correction_bias"] {
		choice[i] += b
	}
	if p.Groups > 1 && p.Method != "greedy" {
		size := len(score) / p.Groups
		group := make([]float64, p.Groups)
		for g := range group {
			sorted := slices.Sorted(slices.Values(choice[g*size : (g+1)*size]))
			if group[g] = sorted[size-1]; p.Scores == "sigmoid" {
				group[g] += sorted[size-2]
			}
		}
		kept := best(group, p.Kept)
		for i := range choice {
			if !slices.Contains(kept, i/size) {
				choice[i] = math.Inf(-1)
			}
		}
	}
	ids := best(choice, p.Used)
	sum := 1.0
	if p.Norm {
		sum = 0
		for _, id := range ids {
			sum += score[id]
		}
	}
	y := make([]float64, len(x))
	for _, id := range ids {
		for i, v := range p.mlp(fmt.Sprintf("%sexperts.%d.", name, id), x) {
			y[i] += score[id] / sum * p.Factor * v
		}
	}
	if p.Shared > 0 {
		for i, v := range p.mlp(name+"shared_experts.", x) {
			y[i] += v
		}
	}
	return y
}

// plainCache is what a layer keeps of earlier positions.
type plainCache struct{ key, value, index [][]float64 }

// attention is multi-head latent attention of one position (DeepSeek-V2 §2.1.2), over
// the positions that the indexer chooses, where there is one.
func (p *plain) attention(name string, x []float64, pos int, cache *plainCache) []float64 {
	P, R, V, C := p.Nope, p.RopeDim, p.VDim, p.KVLora
	neighbours := p.Interleave == nil || *p.Interleave
	in, query := x, "q_proj"
	if p.QLora > 0 {
		in, query = p.norm(name+"q_a_layernorm", p.mul(name+"q_a_proj", x), 1e-6), "q_b_proj"
	}
	q, kv := p.mul(name+query, in), p.mul(name+"kv_a_proj_with_mqa", x)
	roped := kv[C:]
	p.rotate(roped, pos, neighbours)
	up := p.mul(name+"kv_b_proj", p.norm(name+"kv_a_layernorm", kv[:C], 1e-6))
	var key, value []float64
	for h := range p.Heads {
		key = append(append(key, up[h*(P+V):][:P]...), roped...)
		value = append(value, up[h*(P+V)+P:][:V]...)
	}
	cache.key, cache.value = append(cache.key, key), append(cache.value, value)
	seen := make([]int, pos+1)
	for i := range seen {
		seen[i] = i
	}
	if p.IndexHeads > 0 {
		seen = p.choose(name+"indexer.", x, in, pos, cache)
	}
	m := p.temperature(p.Rope.All)
	scale := m * m / math.Sqrt(float64(P+R))
	var out []float64
	for h := range p.Heads {
		head := q[h*(P+R):][:P+R]
		p.rotate(head[P:], pos, neighbours)
		o, total := make([]float64, V), 0.0
		for _, t := range seen {
			e := math.Exp(dot(head, cache.key[t][h*(P+R):][:P+R]) * scale)
			total += e
			for i := range o {
				o[i] += e * cache.value[t][h*V+i]
			}
		}
		for _, v := range o {
			out = append(out, v/total)
		}
	}
	return p.mul(name+"o_proj", out)
}

// choose is the lightning indexer (DeepSeek-V3.2-Exp §1).
func (p *plain) choose(name string, x, cQ []float64, pos int, cache *plainCache) []int {
	N, D := p.IndexHeads, p.IndexHeadDim
	k := p.layerNorm(name+"k_norm", p.mul(name+"wk", x))
	p.rotate(k[:p.RopeDim], pos, false)
	cache.index = append(cache.index, k)
	q, w := p.mul(name+"wq_b", cQ), p.mul(name+"weights_proj", x)
	score := make([]float64, pos+1)
	for h := range N {
		head := q[h*D:][:D]
		p.rotate(head[:p.RopeDim], pos, false)
		for t := range score {
			score[t] += w[h] / math.Sqrt(float64(N*D)) * max(0, dot(head, cache.index[t]))
		}
	}
	return best(score, p.TopK)
}

// logits runs the whole model.
func (p *plain) logits(ids []int32) (rows [][]float64) {
	caches := make([]plainCache, p.Layers)
	H := p.HiddenSize
	head := "lm_head"
	if p.Tied != nil && *p.Tied {
		head = "model.embed_tokens"
	}
	for pos, id := range ids {
		x := slices.Clone(p.w["model.embed_tokens.weight"][int(id)*H:][:H])
		add := func(y []float64) {
			for i, v := range y {
				x[i] += v
			}
		}
		for i := range p.Layers {
			name := fmt.Sprintf("model.layers.%d.", i)
			add(p.attention(name+"self_attn.", p.norm(name+"input_layernorm", x, p.Eps), pos, &caches[i]))
			h := p.norm(name+"post_attention_layernorm", x, p.Eps)
			if p.w[name+"mlp.gate.weight"] != nil {
				add(p.experts(name+"mlp.", h))
			} else {
				add(p.mlp(name+"mlp.", h))
			}
		}
		rows = append(rows, p.mul(head, p.norm("model.norm", x, p.Eps)))
	}
	return rows
}

// plainShapes are golden models in other shapes: widths that no register divides, one
// head, wide values, no shared experts, sparse layers in turns.
var plainShapes = []struct {
	model   string
	changes map[string]any
}{
	{"deepseek-v3", map[string]any{}},
	{"deepseek-v2", map[string]any{}},
	{"deepseek-v32", map[string]any{}},
	{"kimi-k2", map[string]any{}},
	{"deepseek-v3", map[string]any{"num_attention_heads": 1, "num_key_value_heads": 1}},
	{"deepseek-v3", map[string]any{"num_attention_heads": 7, "num_key_value_heads": 7, "q_lora_rank": 40, "kv_lora_rank": 72}},
	{"deepseek-v3", map[string]any{"hidden_size": 88, "intermediate_size": 100, "moe_intermediate_size": 36, "vocab_size": 101}},
	{"deepseek-v3", map[string]any{"qk_nope_head_dim": 20, "qk_rope_head_dim": 6, "v_head_dim": 44}},
	{"deepseek-v3", map[string]any{"qk_nope_head_dim": 1, "qk_rope_head_dim": 2, "v_head_dim": 1, "kv_lora_rank": 5}},
	{"deepseek-v3", map[string]any{"kv_lora_rank": 33, "qk_rope_head_dim": 34, "num_attention_heads": 3, "num_key_value_heads": 3}},
	{"deepseek-v3", map[string]any{"kv_lora_rank": 288, "v_head_dim": 132, "num_hidden_layers": 2}},
	{"deepseek-v3", map[string]any{"n_shared_experts": 3, "n_group": 2, "topk_group": 1, "num_experts_per_tok": 8}},
	{"deepseek-v3", map[string]any{"n_shared_experts": 0}},
	{"deepseek-v3", map[string]any{"n_shared_experts": null, "hidden_size": 96}},
	{"deepseek-v3", map[string]any{"n_group": 8, "topk_group": 8, "num_experts_per_tok": 1}},
	{"deepseek-v3", map[string]any{"num_hidden_layers": 5, "first_k_dense_replace": 0, "moe_layer_freq": 2}},
	{"deepseek-v3", map[string]any{"first_k_dense_replace": 4}},
	{"deepseek-v3", map[string]any{"norm_topk_prob": false, "routed_scaling_factor": 0.5, "attention_bias": true}},
	{"deepseek-v3", map[string]any{"q_lora_rank": null, "tie_word_embeddings": true}},
	{"deepseek-v3", map[string]any{"rope_interleave": false}},
	{"deepseek-v3", rope(map[string]any{"mscale": 1, "mscale_all_dim": 0.5, "factor": 40})},
	{"deepseek-v3", rope(map[string]any{"beta_fast": 4, "beta_slow": 2, "original_max_position_embeddings": 16})},
	{"deepseek-v2", map[string]any{"topk_method": "greedy", "num_experts_per_tok": 16}},
	{"deepseek-v2", map[string]any{"n_group": 16, "topk_group": 5, "num_experts_per_tok": 5, "norm_topk_prob": true}},
	{"deepseek-v32", map[string]any{"index_n_heads": 3, "index_head_dim": 18, "index_topk": 1}},
	{"deepseek-v32", map[string]any{"index_n_heads": 1, "index_head_dim": 16, "index_topk": 33, "num_attention_heads": 5, "num_key_value_heads": 5}},
	{"deepseek-v32", map[string]any{"index_topk": 31, "kv_lora_rank": 40, "qk_rope_head_dim": 8, "rope_interleave": false}},
}

// untold are the keys that GGUF files do not tell.
var untold = []string{"rope_parameters", "rope_interleave", "moe_layer_freq", "topk_method"}

// TestPlain holds the family in many shapes to the plain form of it, as checkpoints
// with every kind of cache and, where such files can say the shape, as GGUF of Q8_0.
func TestPlain(t *testing.T) {
	for i, c := range plainShapes {
		if quick() && i%3 > 0 {
			continue
		}
		model, _ := loadExpectation(t, c.model)
		model = model.With(c.changes)
		p := newPlain(t, model)
		ids := mixedLengths(p.VocabSize, 48)
		e := p.expectation(ids[0])
		what := fmt.Sprintf("%s %v", c.model, c.changes)
		rounded := func(m *Model, kind kernel.CacheKind, limit float64) {
			t.Helper()
			got := newRunner(t, m, kind, 1).run(t, ids, whole)
			if _, _, median := e.off("logits", got.logits); median > limit {
				t.Errorf("%s, cache %s: the median row is off by %.1e, limit %.1e", what, kind, median, limit)
			}
		}
		for _, form := range forms(model) {
			if quick() && form == Expanded {
				continue
			}
			k, err := model.Checkpoint(tensor.F32)
			m := openCheckpoint(t, k, err, Options{Latent: form})
			e.near(t, what+" "+form.String(), "logits", newRunner(t, m, kernel.CacheF32, 2).run(t, ids, pieces(17)).logits)
			for kind := range cacheRow {
				rounded(m, kind, cacheLimit(&m.Config, kind))
			}
			if !slices.ContainsFunc(untold, func(key string) bool { return c.changes[key] != nil }) {
				g, err := model.GGUF(tensor.Q8_0, tiny.Split)
				rounded(openGGUF(t, g, err, Options{Latent: form}), kernel.CacheF32, cacheLimit(&m.Config, kernel.CacheQ8))
			}
		}
	}
}

// expectation returns the logits of all rows of a sequence.
func (p *plain) expectation(ids []int32) *expectation {
	g := goldenRows{}
	for t, row := range p.logits(ids) {
		g.rows = append(g.rows, int32(t))
		for _, v := range row {
			g.logits = append(g.logits, float32(v))
		}
	}
	return &expectation{logits: map[string][]goldenRows{"logits": {g}}}
}
