package model

import (
	"fmt"

	"github.com/blitz-r1/blitz/internal/checkpoint"
)

// Role is what a model has a tensor for.
type Role struct {
	Name   string // as GGUF files call it: attn_q, ffn_down_exps …
	Layer  int    // below zero outside of the layers
	Part   string // .weight or .bias
	Expert int    // its number, of a tensor of one expert; else below zero
}

// noExpert is the number of a tensor that is no expert's.
const noExpert = -1

// GGUF returns the name of the tensor in a GGUF file, which has all experts of a layer in
// one.
func (r Role) GGUF() string { return ggufName(r.Name, r.Layer, r.Part) }

// Checkpoint is a folder of safetensors as a model of its family reads it.
type Checkpoint struct {
	Config Config
	// Roles has the tensors that the model reads, by their names in the folder, scales that
	// stand beside weights aside.
	Roles map[string]Role
	// Modules is the number of modules of multi-token prediction that are there.
	Modules int
	// ShiftedNorms says that the weights of norms are stored as w-1.
	ShiftedNorms bool
}

// ReadCheckpoint binds a folder as Open does, with all its modules of multi-token
// prediction, and reads no weights. Its errors are those of Survey; that of a GGUF file
// wraps checkpoint.ErrFiles.
func ReadCheckpoint(files *checkpoint.Checkpoint) (*Checkpoint, error) {
	if files.GGUF() != nil {
		return nil, fmt.Errorf("model: %s: a GGUF file, want a folder with safetensors: %w", files.Name(), checkpoint.ErrFiles)
	}
	m, b, err := bindAll(files, map[string]Role{})
	if err != nil {
		return nil, err
	}
	x := &Checkpoint{Config: m.Config, Roles: map[string]Role{}, ShiftedNorms: b.family.shiftedNorms}
	if b.family.drafts {
		x.Modules = m.Config.NumNextNPredictLayers
	}
	for name := range b.taken {
		if role, ok := b.called[name]; ok {
			x.Roles[name] = role
		}
	}
	x.tieEnds(b)
	return x, nil
}

// bindAll binds a model with all modules of multi-token prediction that its files have,
// and reads no weights. called takes what is asked for; nil: nobody wants to know.
func bindAll(files *checkpoint.Checkpoint, called map[string]Role) (*Model, *binder, error) {
	src, c, err := openSource(files, Options{})
	if err != nil {
		return nil, nil, err
	}
	m := &Model{Config: *c, net: c.family.network()}
	b := newBinder(src, c.family, Options{})
	b.called, b.modules = called, true
	for c.family.drafts && m.modulesIn(b) < c.NumNextNPredictLayers {
		c.NumNextNPredictLayers-- // published without them, perhaps
	}
	m.Config.NumNextNPredictLayers = c.NumNextNPredictLayers
	b.options.MTP = c.family.drafts && c.NumNextNPredictLayers > 0
	if err := src.guard(func() error { m.bind(b); return b.err }); err != nil {
		return nil, nil, err
	}
	return m, b, nil
}

// modulesIn counts the modules of multi-token prediction that a checkpoint has.
func (m *Model) modulesIn(b *binder) (n int) {
	for b.has("nextn.eh_proj", m.Config.NumHiddenLayers+n, ".weight") {
		n++
	}
	return n
}

// tieEnds makes one tensor of the two ends where they are one matrix.
func (x *Checkpoint) tieEnds(b *binder) {
	if !x.Config.TieWordEmbeddings {
		return
	}
	embed, head := b.name("token_embd", noLayer, ".weight"), b.name("output", noLayer, ".weight")
	role, has := x.Roles[embed]
	delete(x.Roles, head)
	if !has { // the output matrix alone is there
		role = Role{Name: "token_embd", Layer: noLayer, Part: ".weight", Expert: noExpert}
		embed = head
	}
	x.Roles[embed] = role
}
