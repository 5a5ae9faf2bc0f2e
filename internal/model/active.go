package model

import (
	"fmt"
	"strings"
)

// Active returns how many numbers of matrices a token is multiplied with: of routed experts those
// of the ones that it goes to, of the two ends the head alone, of other tables nothing, and nothing of a module of
// multi-token prediction. Products with keys and values are not counted.
func (m *Model) Active() int64 {
	c := m.Config
	n, routed := int64(m.head.Rows)*int64(m.head.Cols), int64(0)
	for _, w := range m.weights {
		if w.Matrix == nil || w.Of != nil || w.Table || w.Tensor == m.head.Param.Tensor || c.inModule(w.Tensor) {
			continue
		}
		size := int64(w.Matrix.Rows) * int64(w.Matrix.Cols)
		if strings.Contains(w.Tensor, ".experts.") || strings.Contains(w.Tensor, "_exps.") {
			routed += size
		} else {
			n += size
		}
	}
	if routed > 0 {
		n += routed * int64(c.NumExpertsPerTok) / int64(c.NumExperts)
	}
	return n
}

// inModule says whether a tensor is of a module behind the layers.
func (c *Config) inModule(name string) bool {
	if c.family.hfModules != "" && strings.HasPrefix(name, "mtp.") { // see hfModules
		return true
	}
	for i := range c.NumNextNPredictLayers {
		layer := c.NumHiddenLayers + i
		if strings.Contains(name, fmt.Sprintf("layers.%d.", layer)) || strings.HasPrefix(name, fmt.Sprintf("blk.%d.", layer)) {
			return true
		}
	}
	return false
}
