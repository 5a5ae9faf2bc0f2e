package model

// qwen2 is Qwen2 and Qwen2.5 (Yang et al. 2024): Llama with biases on queries,
// keys and values, which linear layers carry; the R1 distills of Qwen are of this
// kind. Later layers may look back on a window only.
type qwen2 struct{ llama }
