package convert

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// DeepSeek-V4. Its experts are published in MXFP4, an expert a tensor: codes as I8 [out,
// in/2], powers of two beside them [out, in/32]. GGUF files have all experts of a layer in
// one, code by code. Tables of tokens' experts become I32.

// addEntries adds what GGUF files hold or call otherwise; false: it is another tensor.
func (f *Folder) addEntries(role model.Role, names []string) (bool, error) {
	switch {
	case role.Name == "ffn_gate_tid2eid":
		return true, f.addTable(role, names[0])
	case role.Name == "ffn_gate_inp" && role.Part == ".bias":
		r, err := f.gather(names)
		if err == nil {
			role.Name = "exp_probs_b"
			f.add(role, r)
		}
		return true, err
	case role.Expert < 0:
		return false, nil
	}
	if t, ok := f.weights.Tensor(names[0]); !ok || t.DType != safetensors.I8 {
		return false, nil
	}
	return true, f.addFourBits(role, names)
}

// fourBits is a matrix of each expert: codes in the first half of the parts, powers in the other.
type fourBits struct{ experts, rows, cols int }

// addFourBits adds the packed experts of a layer, whose shapes the binder has checked.
func (f *Folder) addFourBits(role model.Role, names []string) error {
	codes, err := f.gather(names)
	if err != nil {
		return err
	}
	for i, name := range names {
		names[i] = strings.TrimSuffix(name, ".weight") + ".scale"
	}
	powers, err := f.gather(names)
	if err != nil {
		return err
	}
	p := &codes.parts[0]
	x := fourBits{len(names), p.rows, 2 * p.cols}
	p.dtype = tensor.MXFP4
	f.put(role.GGUF(), []int{x.experts, x.rows, x.cols}, recipe{parts: append(codes.parts, powers.parts...), held: x})
	f.tensors[len(f.tensors)-1].Type = tensor.MXFP4
	return nil
}

// stored returns codes and powers of the expert that a row is of, and its first block there.
func (x fourBits) stored(f *safetensors.File, parts []part, row int) (codes, powers []byte, block int, err error) {
	e := row / x.rows
	if codes, err = f.Bytes(parts[e].tensor); err == nil {
		powers, err = f.Bytes(parts[x.experts+e].tensor)
	}
	return codes, powers, row % x.rows * (x.cols / mxfp4Numbers), err
}

func (x fourBits) fill(f *safetensors.File, parts []part, first int, dst []float32) error {
	for ; len(dst) > 0; dst, first = dst[x.cols:], first+1 {
		codes, powers, block, err := x.stored(f, parts, first)
		if err != nil {
			return err
		}
		decodeFourBits(dst[:x.cols], codes, powers, block)
	}
	return nil
}

func (x fourBits) pack(f *safetensors.File, parts []part, first int, dst []byte) error {
	size := tensor.MXFP4.RowBytes(x.cols)
	for ; len(dst) > 0; dst, first = dst[size:], first+1 {
		codes, powers, block, err := x.stored(f, parts, first)
		if err == nil {
			err = packFourBits(dst[:size], codes, powers, block)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// expertTable has the experts of each token, of whole numbers of so many bytes.
type expertTable struct{ size int }

func (f *Folder) addTable(role model.Role, name string) error {
	r, err := f.gather([]string{name})
	if err != nil {
		return err
	}
	p := &r.parts[0]
	role.Part, r.held = ".weight", expertTable{p.dtype.RowBytes(1)}
	f.put(role.GGUF(), p.tensor.Shape, r)
	f.tensors[len(f.tensors)-1].Type = tensor.I32
	return nil
}

// at returns element i, which is below the number of experts: the binder has checked it.
func (x expertTable) at(data []byte, i int) int32 {
	return int32(binary.LittleEndian.Uint32(data[i*x.size:])) // the low half of I64
}

func (x expertTable) fill(f *safetensors.File, parts []part, first int, dst []float32) error {
	data, err := f.Bytes(parts[0].tensor)
	if err != nil {
		return err
	}
	for i := range dst {
		dst[i] = float32(x.at(data, first*parts[0].cols+i))
	}
	return nil
}

func (x expertTable) pack(f *safetensors.File, parts []part, first int, dst []byte) error {
	data, err := f.Bytes(parts[0].tensor)
	if err != nil {
		return err
	}
	for i := range len(dst) / 4 {
		binary.LittleEndian.PutUint32(dst[4*i:], uint32(x.at(data, first*parts[0].cols+i)))
	}
	return nil
}

// entries writes what DeepSeek-V4 has, whose layers keep entries beside a window.
func (m *metadata) entries() {
	c := m.c
	m.count("embedding_length_out", c.HiddenSize*c.HCMult)
	m.count("attention.q_lora_rank", c.QLoraRank)
	m.count("attention.sliding_window", c.SlidingWindow)
	m.count("attention.output_group_count", c.OGroups)
	m.count("attention.output_lora_rank", c.OLoraRank)
	m.count("attention.indexer.head_count", c.IndexNHeads)
	m.count("attention.indexer.key_length", c.IndexHeadDim)
	m.count("attention.indexer.top_k", c.IndexTopK)
	m.put(m.arch+".attention.compress_ratios", gguf.ArrayOf(m.f.ratios()))
	m.count("hash_layer_count", c.NumHashLayers)
	m.count("hyper_connection.count", c.HCMult)
	m.count("hyper_connection.sinkhorn_iterations", c.HCSinkhornIters)
	m.number("hyper_connection.epsilon", float64(c.HCEps))
	m.count("expert_shared_count", c.NumSharedExperts)
	m.count("expert_gating_func", gateRootOfSoftplus)
	m.put(m.arch+".expert_weights_norm", gguf.ValueOf(c.NormTopKProb))
	m.number("expert_weights_scale", float64(c.RoutedScalingFactor))
	limits := slices.Repeat([]float32{c.SwigluLimit}, c.NumHiddenLayers)
	m.put(m.arch+".swiglu_clamp_exp", gguf.ArrayOf(limits))
	m.put(m.arch+".swiglu_clamp_shexp", gguf.ArrayOf(limits))
}

// entriesRope writes the two sets of rotary parameters.
func (m *metadata) entriesRope() error {
	local, r := m.c.RopeLocal, &m.c.Rope
	if local.Type != "default" {
		return errLost("rope_type %s of layers with a window alone: the GGUF architecture %s scales the others", local.Type, m.arch)
	}
	m.number("rope.freq_base", local.Theta)
	m.number("attention.compress_rope_freq_base", r.Theta)
	switch r.Type {
	case "default":
		return nil
	case "yarn":
	default:
		return errLost("rope_type %s: the GGUF architecture %s scales by yarn or not at all", r.Type, m.arch)
	}
	m.yarn(r)
	if r.AttentionFactor != 1 {
		m.number("rope.scaling.yarn_attn_factor", r.AttentionFactor)
	}
	return nil
}

// ratios returns compress_ratios as config.json has it, with those of draft layers.
func (f *Folder) ratios() (list []int32) {
	var v struct {
		Ratios []int32 `json:"compress_ratios"`
	}
	text, err := f.files.Config()
	if err == nil && json.Unmarshal(checkpoint.PlainJSON(text), &v) == nil && v.Ratios != nil {
		return v.Ratios
	}
	for _, r := range f.read.Config.CompressRatios {
		list = append(list, int32(r))
	}
	return list
}
