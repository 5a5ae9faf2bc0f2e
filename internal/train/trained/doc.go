// Package trained is what a run of training changes, as a course takes it: steps and states
// of a trainer, all weights of a model or those of an adapter. It writes a model that comes
// out in the form of the one that went in, a folder of safetensors or a GGUF file, and gives
// models random weights to begin with.
package trained
