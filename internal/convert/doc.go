// Package convert shows a folder of safetensors, as models are published for training
// frameworks, as the GGUF file that it becomes: its metadata, its tokenizer, and its
// tensors under their names and in the order of rows that readers of such files expect.
//
// A Folder reads rows when they are asked for and keeps none, so that a model of any
// size can be written with any types in one pass; see quantize.
package convert
