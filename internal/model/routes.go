package model

import "slices"

// Routes are the experts that the tokens of a batch go to, of all layers of the model; those of
// the module of multi-token prediction are not among them. Of a layer that it does not know the
// router chooses, and it knows them from then on: the zero value holds, behind a forward pass,
// what routers chose. Of a layer that it knows routers give the weights of the experts alone, and
// choose none. So weights that change between two passes over the same tokens change no choice
// (DeepSeek-V3.2 2025, section 3.1, Keep Routing).
type Routes struct {
	layers map[int][]int32 // [T, K] ascending, by the number of the layer
}

// known returns the experts of a layer; nil: they are not.
func (r *Routes) known(layer int) []int32 {
	if r == nil {
		return nil
	}
	return r.layers[layer]
}

// keep notes what a router chose.
func (r *Routes) keep(layer int, ids []int32) {
	if r.layers == nil {
		r.layers = map[int][]int32{}
	}
	r.layers[layer] = slices.Clone(ids)
}

// HasExperts says whether the model has routers.
func (c *Config) HasExperts() bool { return c.NumExperts > 0 }

// Loads returns how many of the tokens go to each expert of a layer.
func (r *Routes) Loads(layer, experts int) []int32 {
	load := make([]int32, experts)
	for _, id := range r.known(layer) {
		load[id]++
	}
	return load
}
