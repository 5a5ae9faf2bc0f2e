package model

import (
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// logitsOf runs a model on the ids of its golden folder, or on the first of them.
func logitsOf(t *testing.T, m *Model, ids [][]int32) [][][]float32 {
	t.Helper()
	if quick() {
		ids = [][]int32{ids[0][:min(len(ids[0]), 24)]}
	}
	return newRunner(t, m, kernel.CacheF32, 1).run(t, ids, whole).logits
}

// oldConfig spells the rotary parameters of a config.json as older files do.
func oldConfig(m *tiny.Model) *tiny.Model {
	r := &object{values: map[string]any{}}
	v, err := parseJSON("config.json", strings.NewReader(string(m.Raw)))
	if err == nil {
		r.values = v
	}
	scaling := map[string]any{}
	for key, v := range r.inner("rope_parameters").values {
		scaling[key] = v
	}
	theta, kind := scaling["rope_theta"], scaling["rope_type"]
	delete(scaling, "rope_theta")
	delete(scaling, "rope_type")
	changes := map[string]any{"rope_parameters": nil, "rope_theta": theta}
	if kind != "default" {
		scaling["type"] = kind
		changes["rope_scaling"] = scaling
	}
	return m.With(changes)
}

// TestSpellings holds all files that say the same numbers to the same bits: types
// that hold them exactly, shards, the older config.json, and GGUF files with split and
// unsplit W^UK and W^UV.
func TestSpellings(t *testing.T) {
	for _, name := range latentModels {
		model, e := loadExpectation(t, name)
		for _, form := range forms(model) {
			if quick() && form == Expanded {
				continue
			}
			o := Options{Latent: form}
			c, err := model.Checkpoint(tensor.F32)
			want := logitsOf(t, openCheckpoint(t, c, err, o), e.ids)
			check := func(what string, m *Model) {
				t.Helper()
				if err := sameBits(logitsOf(t, m, e.ids), want); err != nil {
					t.Errorf("%s %s as %s: %v", name, form, what, err)
				}
			}
			for _, dt := range []tensor.DType{tensor.BF16, tensor.F16} {
				c, err := model.Checkpoint(dt)
				check("safetensors "+dt.String(), openCheckpoint(t, c, err, o))
				g, err := model.GGUF(dt, tiny.Split)
				check("GGUF "+dt.String(), openGGUF(t, g, err, o))
			}
			c, err = oldConfig(model).Checkpoint(tensor.F32)
			check("older config.json", openCheckpoint(t, c, err, o))
			folder := t.TempDir()
			if err := c.Write(folder, 3); err != nil {
				t.Fatal(err)
			}
			check("three shards", open(t, folder, o))
			if name != "kimi-k2" { // its beta_fast is not what unsplit files leave out
				g, err := model.GGUF(tensor.F32, tiny.Unsplit)
				check("unsplit GGUF", openGGUF(t, g, err, o))
			}
		}
	}
}

// TestGatingAssumed opens GGUF files that do not name the gate: sigmoid where routers
// have a bias, softmax elsewhere; what is assumed is said.
func TestGatingAssumed(t *testing.T) {
	for name, gate := range map[string]string{"deepseek-v3": "sigmoid", "glm4-moe-lite": "sigmoid", "deepseek-v2": "softmax", "deepseek-v2-lite": "softmax"} {
		model, e := loadExpectation(t, name)
		g, err := model.GGUF(tensor.F32, tiny.Split)
		m := openGGUF(t, g, err, Options{})
		want := logitsOf(t, m, e.ids)
		if len(m.Config.Assumed) > 0 {
			t.Errorf("%s: a file that says all makes the model assume %q", name, m.Config.Assumed)
		}
		g.Drop("deepseek2.expert_gating_func")
		m = openGGUF(t, g, nil, Options{})
		if err := sameBits(logitsOf(t, m, e.ids), want); err != nil {
			t.Errorf("%s without expert_gating_func: %v", name, err)
		}
		if said := strings.Join(m.Config.Assumed, "\n"); !strings.Contains(said, gate) || !strings.Contains(said, "expert_gating_func") {
			t.Errorf("%s without expert_gating_func: said %q, want expert_gating_func and %s", name, said, gate)
		}
	}
}

// TestGroupsAssumed opens GGUF files from before the keys of expert groups: those of
// V3 and V2 are known by their number of experts.
func TestGroupsAssumed(t *testing.T) {
	for name, n := range map[string]struct{ experts, groups, kept int }{"deepseek-v3": {256, 8, 4}, "deepseek-v2": {160, 8, 3}} {
		model, e := loadExpectation(t, name)
		model = model.With(map[string]any{
			"n_routed_experts": n.experts, "num_experts_per_tok": 6, "n_group": n.groups, "topk_group": n.kept,
			"moe_intermediate_size": 32, "num_hidden_layers": 2,
		})
		g, err := model.GGUF(tensor.F32, tiny.Split)
		want := logitsOf(t, openGGUF(t, g, err, Options{}), e.ids)
		g.Drop("deepseek2.expert_group_count", "deepseek2.expert_group_used_count")
		m := openGGUF(t, g, nil, Options{})
		if err := sameBits(logitsOf(t, m, e.ids), want); err != nil {
			t.Errorf("%s without expert_group_count: %v", name, err)
		}
		if said := strings.Join(m.Config.Assumed, "\n"); !strings.Contains(said, "expert_group_count") {
			t.Errorf("%s without expert_group_count: said %q, want that named", name, said)
		}
		g.Put("deepseek2.expert_group_count", gguf.ValueOf(uint32(1)))
		if err := sameBits(logitsOf(t, openGGUF(t, g, nil, Options{}), e.ids), want); err == nil {
			t.Errorf("%s with one group has the same bits as with %d", name, n.groups)
		}
	}
}

// TestLite opens a model without compressed queries whose file has a rank of them, as
// published Lite files do.
func TestLite(t *testing.T) {
	model, e := loadExpectation(t, "deepseek-v2-lite")
	g, err := model.GGUF(tensor.F32, tiny.Split)
	g.Put("deepseek2.attention.q_lora_rank", gguf.ValueOf(uint32(1536)))
	m := openGGUF(t, g, err, Options{})
	e.near(t, "with a rank of queries", "logits", newRunner(t, m, kernel.CacheF32, 1).run(t, e.ids, whole).logits)
}

// TestMergedExperts opens a GGUF file whose experts have gate and up in one tensor.
func TestMergedExperts(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.F32, tensor.Q8_0} {
		model, e := loadExpectation(t, "deepseek-v3")
		g, err := model.GGUF(dt, tiny.Split)
		want := logitsOf(t, openGGUF(t, g, err, Options{}), e.ids)
		g.Tensors = mergeExperts(g.Tensors)
		if err := sameBits(logitsOf(t, openGGUF(t, g, nil, Options{}), e.ids), want); err != nil {
			t.Errorf("%s: ffn_gate_up_exps: %v", dt, err)
		}
	}
}

// mergeExperts replaces the gates and ups of experts by one tensor of both.
func mergeExperts(all []tiny.Stored) (merged []tiny.Stored) {
	find := func(name string) tiny.Stored {
		return all[slices.IndexFunc(all, func(x tiny.Stored) bool { return x.Name == name })]
	}
	for _, x := range all {
		switch {
		case strings.HasSuffix(x.Name, "ffn_up_exps.weight"):
			continue
		case strings.HasSuffix(x.Name, "ffn_gate_exps.weight"):
			up := find(strings.Replace(x.Name, "gate", "up", 1))
			E := x.Shape[0]
			n := len(x.Data) / E
			var both []byte
			for e := range E {
				both = append(append(both, x.Data[e*n:(e+1)*n]...), up.Data[e*n:(e+1)*n]...)
			}
			x = tiny.Stored{Name: strings.Replace(x.Name, "gate", "gate_up", 1), Type: x.Type, Shape: []int{E, 2 * x.Shape[1], x.Shape[2]}, Data: both}
		}
		merged = append(merged, x)
	}
	return merged
}
