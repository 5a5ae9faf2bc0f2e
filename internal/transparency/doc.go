// Package transparency is what outsiders check of a log: keys of logs and witnesses,
// checkpoints and their cosignatures, proofs that a leaf is in a tree and that a tree
// goes on from an older one, and what a witness answers. It reads no files.
//
// Trees are those of RFC 6962 with SHA-256, as golang.org/x/mod/sumdb/tlog has them;
// notes those of its package note. Formats: C2SP signed-note, tlog-checkpoint,
// tlog-cosignature, tlog-witness, tlog-proof. All of it is hostile until it is checked.
package transparency
