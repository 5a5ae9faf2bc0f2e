// Package gguf reads and writes GGUF, the file format of GGML models: typed
// metadata, a directory of tensors, and the tensors' bytes.
//
// [Open] maps a file, or all files of a split model, into memory and checks the
// whole header before it returns: every count and length against the file, every
// tensor's place against its type and shape. What it accepts can be read without
// further checks; what it refuses gets an error that wraps [ErrFormat] and names
// the file and the key or tensor. Versions 2 and 3 are read, version 3 is
// written, little-endian both.
//
// Metadata and names are copied out of the file and stay valid after Close. The
// bytes of tensors are the mapping itself and do not.
//
// A file must not shrink while it is open: touching a page that lost its bytes
// is a memory fault, which ends a Go program unless it happens inside
// [File.Guard].
package gguf
