//go:build !amd64 || purego

package quant

func hasFitRoutines() bool { return false }

func (c *codebook) fit3Fast(*[8]uint16, []fitSums, []float32, []float32, float32, *ternary) {}

func (c *codebook) fit8Fast(*[8]uint16, *fitSums, []float32, []float32, float32, *octal) {}

func (c *codebook) climb3Fast(*fitSums, []float32, []float32, []float32, *[8]float32) {}

func (c *codebook) climb8Fast(*fitSums, []float32, []float32, []float32, *[8]float32) {}
