// Package quantize writes a model again with other types of weights: which type each
// tensor gets ([NewPlan]), and the encoding of it, on all processors and in little
// memory ([Plan.Write]).
//
// A Source gives a model's metadata and its weights as float32 in pieces. The places of
// all tensors in the new file are known beforehand, so each thread takes the next piece,
// encodes it and writes it where it belongs; how many threads there are changes no bit.
package quantize
