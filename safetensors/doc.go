// Package safetensors reads and writes safetensors, the file format of published
// checkpoints: a JSON header that says where each tensor is, then the bytes.
//
// [Open] maps one file, or all files of a sharded checkpoint, into memory and
// checks the headers before it returns: the JSON strictly, every tensor's place
// against its type and shape, and that the tensors fill the file without overlap
// or hole, as the format's definition demands. What it accepts can be read without
// further checks; what it refuses gets an error that wraps [ErrFormat] and names
// the file and the tensor.
//
// Names and shapes are copied out of the file and stay valid after Close. The
// bytes of tensors are the mapping itself and do not.
//
// A file must not shrink while it is open: touching a page that lost its bytes
// is a memory fault, which ends a Go program unless it happens inside
// [File.Guard].
package safetensors
