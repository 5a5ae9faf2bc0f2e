// Package cluster has several machines answer as one: jobs go through a queue, a node that
// takes one computes it, and its result, signed, is created once under the job's id. As
// every node computes the same bits, two results of a job are compared and not voted on,
// and one that differs is the proof against who signed it. docs/CLUSTER.md is the guide.
//
// A Queue moves jobs and results: Memory within one process, JetStream by NATS, which may be
// part of the process (Server) or elsewhere. Weights never go through it (blobs.go).
package cluster
