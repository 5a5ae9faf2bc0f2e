// Package merge writes a model again with an adapter added to its weights: W + s B A. A
// folder of safetensors becomes such a folder, with all that stands beside the weights; a
// GGUF file becomes one through package quantize, with any types that it writes.
package merge
