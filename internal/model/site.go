package model

import (
	"fmt"
	"strconv"
	"strings"
)

// site says which rows of a linear layer, as checkpoints have it, a matrix of the model
// is. A module that a model has in parts has several.
type site struct {
	linear *Linear
	first  int  // row of the layer that is the matrix's first
	turned bool // the matrix is those rows with rows and columns changed places
	halves int  // width of heads that the matrix has in pairs; 0: their rows have one order
}

// size returns the rows of the layer that the matrix is, and their length.
func (s *site) size() (rows, cols int) {
	if s.turned {
		return s.linear.Cols, s.linear.Rows
	}
	return s.linear.Rows, s.linear.Cols
}

// sizeOf returns the shape of a layer of several parts.
func sizeOf(parts []site) (out, in int) {
	for i := range parts {
		rows, cols := parts[i].size()
		out, in = max(out, parts[i].first+rows), cols
	}
	return out, in
}

// naming is what the names of a model's tensors mean.
type naming struct {
	hf      bool
	prefix  string // of layers in a checkpoint
	head    string // what a checkpoint calls the output matrix
	linears []*Linear
	spare   map[string][]int // shapes of tensors that were not bound and are of no use, by name
}

// plainModule returns what a module is called without what stands before the names of a
// language model.
func plainModule(name string) string {
	best := name
	for _, p := range hfPrefixes {
		rest, ok := strings.CutPrefix(name, p[0])
		if ok && strings.HasPrefix(rest, "layers.") {
			return rest
		}
		if rest, ok := strings.CutPrefix(name, p[1]); ok && rest == "lm_head" || name == p[0]+"lm_head" {
			best = "lm_head"
		}
	}
	return best
}

// sites returns the parts of each linear layer by its plain name, and the shapes of those
// that are in the files alone.
func (m *Model) sites() (all map[string][]site, spare map[string][]int) {
	all, spare = map[string][]site{}, map[string][]int{}
	for _, l := range m.naming.linears {
		name, s := m.site(&l.Param)
		s.linear = l
		all[name] = append(all[name], s)
	}
	if m.head != nil { // the embedding's matrix, perhaps
		all["lm_head"] = []site{{linear: m.head}}
	}
	for tensor, shape := range m.naming.spare {
		rows := 1
		if len(shape) > 1 {
			rows = shape[len(shape)-2]
		}
		for e := range max(1, expertsOf(shape)) {
			name, _ := m.site(&Param{Tensor: tensor, First: e * rows, Rows: rows})
			spare[name] = shape
		}
	}
	return all, spare
}

// expertsOf returns how many matrices a tensor of that shape holds, 0 of none.
func expertsOf(shape []int) int {
	if len(shape) == 3 {
		return shape[0]
	}
	return 0
}

// site returns the plain name of the layer that a parameter is a part of, and which.
func (m *Model) site(p *Param) (string, site) {
	name := strings.TrimSuffix(p.Tensor, ".weight")
	n := &m.naming
	if n.hf {
		if name == n.head {
			return "lm_head", site{}
		}
		return strings.TrimPrefix(name, n.prefix), site{first: p.First, turned: p.Turned}
	}
	if name == "output" {
		return "lm_head", site{}
	}
	parts := strings.SplitN(name, ".", 3)
	layer := -1
	if len(parts) == 3 && parts[0] == "blk" {
		layer, _ = strconv.Atoi(parts[1])
	}
	if layer < 0 {
		return name, site{}
	}
	module, s := m.ggufSite(parts[2], p)
	return fmt.Sprintf("layers.%d.%s", layer, module), s
}

// ggufSite is site for a tensor in a layer of a GGUF file.
func (m *Model) ggufSite(role string, p *Param) (string, site) {
	c := &m.Config
	index := p.First / max(p.Rows, 1) // of the matrix among those that the tensor holds
	s := site{turned: p.Turned}
	switch role {
	case "attn_q", "attn_k":
		if c.Rope.Pairs && c.KVLoraRank == 0 {
			s.halves = c.HeadDim
		}
	case "attn_k_b": // stored turned
		s.first, s.turned = index*(c.QKNopeHeadDim+c.VHeadDim), !p.Turned
		role = "attn_kv_b"
	case "attn_v_b":
		s.first = index*(c.QKNopeHeadDim+c.VHeadDim) + c.QKNopeHeadDim
		role = "attn_kv_b"
	case "attn_kv_b":
		s.first = p.First
	case "attn_qkv":
		s.first = p.First
	case "ffn_up":
		if c.family.fused {
			s.first, role = p.First, "ffn_gate_up"
		}
	case "ffn_gate_up_exps":
		role = [...]string{"ffn_gate_exps", "ffn_up_exps"}[index%2]
		index /= 2
	}
	name := c.family.hfNames[role]
	if name == "" && c.NumExperts > 0 && c.family == &llamaFamily {
		name = mixtralFamily.hfNames[role] // the one of its checkpoints with experts
	}
	if name == "" {
		name = hfLayer[role]
	}
	if strings.Contains(name, "%d") {
		name = fmt.Sprintf(name, index)
	}
	return name, s
}
