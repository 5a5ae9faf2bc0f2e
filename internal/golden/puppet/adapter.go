package puppet

import "github.com/blitz-r1/blitz/internal/adapter"

// WriteAdapter writes a low-rank adapter (LoRA) of the model into a folder, which changes what
// the model gives: it has attention say something.
func WriteAdapter(folder string) error {
	targets, err := adapter.NewTargets("v_proj", "o_proj")
	if err != nil {
		return err
	}
	a, err := adapter.New(&adapter.Config{Rank: 1, Alpha: 16, Targets: targets}, []adapter.Layer{
		{Name: "model.layers.0.self_attn.v_proj", Out: head, In: width},
		{Name: "model.layers.0.self_attn.o_proj", Out: width, In: head},
	}, 1)
	if err != nil {
		return err
	}
	for i := range a.Modules {
		for k := range a.Modules[i].B {
			a.Modules[i].B[k] = float32(k%5) - 2
		}
	}
	return a.Write(folder)
}
