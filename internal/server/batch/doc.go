// Package batch keeps files, and runs batches of requests that stand in one.
//
// A file comes in (upload.go) and is kept in a folder, its row in the database
// (files.go). A batch (batch.go, store.go) names a file whose lines (line.go) are
// requests; a runner (runner.go) reads it, has the server answer line after line, behind
// those who wait for an answer, and at the end writes the results into files (result.go).
//
// A line counts as answered when its result was committed, in the transaction that also
// makes the line's number taken: what a crash interrupts is answered again at the next
// start, and no result is lost or there twice. A file that is to be kept is written under
// another name, synced and renamed before its row is committed; what has no row is swept
// away at the start.
package batch
