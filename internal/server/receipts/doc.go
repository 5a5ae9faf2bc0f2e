// Package receipts makes the receipts of a server's answers, keeps them for who asked, and
// serves them and the log that they stand in.
//
// A receipt has its name before its answer begins, so that the head of an answer can tell
// it; it is there when the answer is over, however that ended. With a log it is kept there,
// encrypted, and found by a table of names; without, in memory, the latest of them.
package receipts
