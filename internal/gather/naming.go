package gather

import (
	"strings"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/model"
)

// target is where the sums of a matrix go: the entry of a tensor that holds as many of
// them.
type target struct {
	name    string // of the weight in a GGUF file
	part    int    // which matrix of the tensor
	parts   int    // how many the tensor has
	experts bool   // they are experts, not heads: each has a count of its own
}

// counts returns how many counts the entry has.
func (t *target) counts() int {
	if t.experts {
		return t.parts
	}
	return 1
}

// naming knows what weights are called in a GGUF file of the model.
type naming struct {
	config *model.Config
	roles  map[string]model.Role // of a folder; nil: the file is a GGUF itself
	form   model.LatentForm
}

// newNaming finds out how the files name weights, and with it which form of latent
// attention multiplies the matrices that a GGUF file has.
func newNaming(files *checkpoint.Checkpoint) (naming, error) {
	f := files.GGUF()
	if f == nil {
		read, err := model.ReadCheckpoint(files)
		if err != nil {
			return naming{}, err
		}
		return naming{roles: read.Roles, form: model.Absorbed}, nil
	}
	form := model.Absorbed
	_, split := f.Tensor("blk.0.attn_k_b.weight")
	if _, one := f.Tensor("blk.0.attn_kv_b.weight"); one && !split {
		form = model.Expanded // its columns are those of what both parts are made of
	}
	return naming{form: form}, nil
}

// of returns where the sums of a weight go; false for one that has no entry, or that
// another one stands for.
func (n *naming) of(p *model.Param) (target, bool) {
	c := n.config
	if n.roles != nil {
		return n.ofFolder(p)
	}
	name := p.Tensor
	if !strings.HasPrefix(name, "blk.") {
		return target{}, false
	}
	switch role := roleOf(name); role {
	case "ffn_gate_up_exps": // one behind the other, and both see the same
		return target{name, p.First / (2 * p.Rows), c.NumExperts, true}, p.First%(2*p.Rows) == 0
	case "ffn_gate_exps", "ffn_up_exps", "ffn_down_exps":
		return target{name, p.First / p.Rows, c.NumExperts, true}, true
	case "attn_k_b", "attn_v_b":
		return target{name, p.First / p.Rows, c.NumAttentionHeads, false}, !p.Turned
	}
	return target{name, 0, 1, false}, p.First == 0 && !p.Turned
}

// ofFolder is of for the names of a folder.
func (n *naming) ofFolder(p *model.Param) (target, bool) {
	c := n.config
	role, ok := n.roles[p.Tensor]
	switch {
	case !ok || role.Layer < 0:
		return target{}, false
	case role.Expert >= 0:
		return target{role.GGUF(), role.Expert, c.NumExperts, true}, true
	case role.Name != "attn_kv_b":
		return target{role.GGUF(), 0, 1, false}, true
	}
	head := p.First / (c.QKNopeHeadDim + c.VHeadDim)
	if role.Name = "attn_v_b"; p.Turned {
		role.Name = "attn_k_b"
	}
	return target{role.GGUF(), head, c.NumAttentionHeads, false}, true
}

// roleOf returns what stands between the layer and the last part of a name.
func roleOf(name string) string {
	_, rest, _ := strings.Cut(strings.TrimPrefix(name, "blk."), ".")
	return strings.TrimSuffix(rest, ".weight")
}
