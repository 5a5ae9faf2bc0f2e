// Package adapter reads and writes low-rank adapters (LoRA, Hu et al. 2021) in the form
// of Hugging Face's PEFT: a folder with adapter_config.json and
// adapter_model.safetensors.
//
// An adapter adds to the linear layers of a model, its modules: y = W x + s B (A x), where
// A is [r, in], B [out, r], and s = alpha/r, or alpha/√r (rsLoRA, Kalajdzievski 2023).
//
// What an adapter may hold beyond that, and would change an answer, is refused by name: an
// adapter is applied whole or not at all.
package adapter
