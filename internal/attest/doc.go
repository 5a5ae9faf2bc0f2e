// Package attest makes receipts of answers and asks engines for answers that have one
// again. What a receipt is, and all that can be checked without an engine, is in package
// receipt.
package attest
