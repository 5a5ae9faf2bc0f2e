// Package server is the HTTP server: it puts dialects on one port.
//
// A request passes, in this order: the frame, which gives it an id, a line in the log and
// bounds for its body (frame.go); the router, which finds its route and answers for paths
// and methods that there are not, in the dialect that the client most likely speaks
// (router.go); the guard, which says who asks and whether they may; and the handler of
// the dialect.
package server
